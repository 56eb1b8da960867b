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

static inline void vly_prefetch(const void *address)
{
	__builtin_prefetch(address);
}
