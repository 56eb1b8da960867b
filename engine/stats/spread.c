// SPDX-License-Identifier: BSD-3-Clause
#include "stats/spread.h"

#include <assert.h>

#include "stats/ledger_block.h"

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

uint32_t vly_spread_bucket(uint64_t value)
{
	uint32_t exponent;

	if (value < VLY_SPREAD_LINEAR)
		return (uint32_t)value;
	exponent = 63 - (uint32_t)__builtin_clzll(value);
	if (exponent > VLY_SPREAD_EXPONENT_MAX)
		return VLY_SPREAD_BUCKETS - 1;
	return VLY_SPREAD_LINEAR + (exponent - 4) * VLY_SPREAD_STEPS +
	       (uint32_t)(value >> (exponent - 3)) % VLY_SPREAD_STEPS;
}

uint64_t vly_spread_bucket_end(uint32_t bucket)
{
	uint32_t step;
	uint32_t shift;

	if (bucket < VLY_SPREAD_LINEAR)
		return bucket;
	step = (bucket - VLY_SPREAD_LINEAR) % VLY_SPREAD_STEPS;
	shift = (bucket - VLY_SPREAD_LINEAR) / VLY_SPREAD_STEPS + 1;
	return ((uint64_t)(VLY_SPREAD_STEPS + step + 1) << shift) - 1;
}

void vly_spread_add(struct vly_spread *spread, uint64_t value)
{
	vly_count(&spread->total, value);
	vly_count(&spread->buckets[vly_spread_bucket(value)], 1);
	if (value > get(&spread->max))
		atomic_store_explicit(&spread->max, value, memory_order_relaxed);
}

void vly_spread_read(const struct vly_spread *spread, struct vly_spread_sum *sum)
{
	uint64_t max = get(&spread->max);

	for (uint32_t i = 0; i < VLY_SPREAD_BUCKETS; i++) {
		uint64_t n = get(&spread->buckets[i]);

		sum->buckets[i] += n;
		sum->count += n;
	}
	sum->total += get(&spread->total);
	if (max > sum->max)
		sum->max = max;
}

uint64_t vly_spread_percentile(const struct vly_spread_sum *sum, uint32_t per_cent)
{
	uint64_t rank = (sum->count * per_cent + 99) / 100;
	uint64_t seen = 0;
	uint64_t end;
	uint32_t i = 0;

	if (!sum->count)
		return 0;
	while (i < VLY_SPREAD_BUCKETS - 1 && (seen += sum->buckets[i]) < rank)
		i++;
	// A bucket ends above what fell into it.
	end = vly_spread_bucket_end(i);
	return end < sum->max ? end : sum->max;
}

void vly_spread_below(const struct vly_spread_sum *sum, uint64_t below[VLY_BELOW_COUNT])
{
	uint64_t seen = 0;
	uint32_t bucket = 0;

	static_assert(VLY_BELOW_COUNT <= VLY_SPREAD_EXPONENT_MAX + 1,
		      "what is above the last power of two is in the last bucket");
	for (uint32_t i = 0; i < VLY_BELOW_COUNT; i++) {
		while (bucket < vly_spread_bucket(UINT64_C(1) << i))
			seen += sum->buckets[bucket++];
		below[i] = seen;
	}
}

void vly_spread_merge(struct vly_spread *to, const struct vly_spread *from)
{
	vly_count(&to->total, get(&from->total));
	for (uint32_t i = 0; i < VLY_SPREAD_BUCKETS; i++)
		vly_count(&to->buckets[i], get(&from->buckets[i]));
	if (get(&from->max) > get(&to->max))
		atomic_store_explicit(&to->max, get(&from->max), memory_order_relaxed);
}
