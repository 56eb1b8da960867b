// SPDX-License-Identifier: BSD-3-Clause
//
// What depends on the compiler or the machine: with backend/table.c the only place with #if.
#pragma once

#include <stdint.h>

#if defined(__GNUC__)
#define VLY_LIKELY(x)    __builtin_expect(!!(x), 1)
#define VLY_UNLIKELY(x)  __builtin_expect(!!(x), 0)
#define VLY_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define VLY_API          __attribute__((visibility("default")))
#define VLY_ALIGNED(n)   __attribute__((aligned(n)))
#else
#error "Volley is built with gcc or clang"
#endif

// A hint to the core that this is a spin loop.
static inline void vly_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield");
#endif
}

// The core's counter of cycles at its nominal rate, for measurements within one thread; 0 where it
// cannot be read.
static inline uint64_t vly_cycles(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#else
	return 0;
#endif
}

static inline void vly_prefetch(const void *address)
{
	__builtin_prefetch(address);
}

// The one's complement sum of two words, and of five: each carry out of the top comes round at the
// bottom. In C alone every word takes several instructions.
static inline uint64_t vly_add_carry(uint64_t sum, uint64_t word)
{
#if defined(__x86_64__)
	__asm__("addq %1, %0\n\t"
		"adcq $0, %0"
		: "+&r"(sum)
		: "rme"(word)
		: "cc");
	return sum;
#else
	sum += word;
	return sum + (sum < word);
#endif
}

static inline uint64_t vly_add_carry4(uint64_t sum, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
#if defined(__x86_64__)
	__asm__("addq %1, %0\n\t"
		"adcq %2, %0\n\t"
		"adcq %3, %0\n\t"
		"adcq %4, %0\n\t"
		"adcq $0, %0"
		: "+&r"(sum)
		: "rme"(a), "rme"(b), "rme"(c), "rme"(d)
		: "cc");
	return sum;
#else
	return vly_add_carry(vly_add_carry(vly_add_carry(vly_add_carry(sum, a), b), c), d);
#endif
}
