// SPDX-License-Identifier: BSD-3-Clause
//
// SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): a keyed hash of
// short texts. Tables that strangers choose the keys of use it, so that none can aim at one bucket;
// and it proves cookies, as nobody without the key can tell what it says of other bytes.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct vly_siphash_key {
	uint64_t words[2];
};

// A key of the kernel's randomness. Returns 0 or a negative errno. Control thread.
int vly_siphash_key_make(struct vly_siphash_key *key);

// The hash of len bytes. Any thread.
uint64_t vly_siphash(const struct vly_siphash_key *key, const void *bytes, size_t len);
