// SPDX-License-Identifier: BSD-3-Clause
//
// How values are spread: a histogram of fixed size with one writer and any number of readers.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include <volley/engine.h>

// Log-linear buckets: one for each value below 16, then eight for each power of two, so that a
// figure read back is at most an eighth too high. Above 2^40 (18 minutes in nanoseconds) all is
// one.
enum vly_spread_buckets {
	VLY_SPREAD_LINEAR = 16,
	VLY_SPREAD_STEPS = 8,
	VLY_SPREAD_EXPONENT_MAX = 39,
	VLY_SPREAD_BUCKETS = VLY_SPREAD_LINEAR + (VLY_SPREAD_EXPONENT_MAX - 3) * VLY_SPREAD_STEPS,
};

struct vly_spread {
	_Atomic uint64_t total; // of all values; its thread: rw, others: ro; and so the next two
	_Atomic uint64_t max;
	_Atomic uint64_t buckets[VLY_SPREAD_BUCKETS];
};

// What has been read, of one or summed over several.
struct vly_spread_sum {
	uint64_t count;
	uint64_t total;
	uint64_t max;
	uint64_t buckets[VLY_SPREAD_BUCKETS];
};

uint32_t vly_spread_bucket(uint64_t value);

// The largest value that falls into a bucket.
uint64_t vly_spread_bucket_end(uint32_t bucket);

// Notes one value. Its thread.
void vly_spread_add(struct vly_spread *spread, uint64_t value);

// Adds what it holds to the sum. Any thread.
void vly_spread_read(const struct vly_spread *spread, struct vly_spread_sum *sum);

// The value that per_cent of all do not exceed, and never more than the largest; 0 of none.
uint64_t vly_spread_percentile(const struct vly_spread_sum *sum, uint32_t per_cent);

// below[i] becomes how many values were less than 2^i: exact, as a bucket begins at each of them.
void vly_spread_below(const struct vly_spread_sum *sum, uint64_t below[VLY_BELOW_COUNT]);

// Adds all that `from` holds to `to`. While nobody writes either.
void vly_spread_merge(struct vly_spread *to, const struct vly_spread *from);
