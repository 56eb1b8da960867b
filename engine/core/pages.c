// SPDX-License-Identifier: BSD-3-Clause
#include "core/pages.h"

#include <stdint.h>
#include <sys/mman.h>

enum {
	PAGE_BYTES = 4096,
	HUGE_BYTES = 2 << 20,
};

static size_t rounded(size_t bytes)
{
	size_t unit = bytes < HUGE_BYTES ? PAGE_BYTES : HUGE_BYTES;

	return (bytes + unit - 1) / unit * unit;
}

void *vly_pages_alloc(size_t bytes)
{
	size_t length = rounded(bytes);
	size_t spare = bytes < HUGE_BYTES ? 0 : HUGE_BYTES; // of which what is not needed goes back
	size_t before;
	char *memory;

	if (length < bytes)
		return NULL;
	memory = mmap(NULL, length + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (memory == MAP_FAILED)
		return NULL;
	if (!spare)
		return memory;
	before = -(uintptr_t)memory % HUGE_BYTES;
	if (before)
		munmap(memory, before);
	if (before < spare)
		munmap(memory + before + length, spare - before);
	madvise(memory + before, length, MADV_HUGEPAGE); // a wish: without it all is as right
	return memory + before;
}

void vly_pages_free(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, rounded(bytes));
}
