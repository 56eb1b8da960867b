// SPDX-License-Identifier: BSD-3-Clause
//
// Memory for large tables that are looked up at random: in huge pages where the kernel has them to
// give (madvise(2), MADV_HUGEPAGE), since with pages of 4 KiB the way to each entry takes another
// miss, of the translation. It is zeroed, and costs nothing before it is touched. Control thread.
#pragma once

#include <stddef.h>

// NULL: no memory. At the beginning of a page; from 2 MiB on, of a huge one.
void *vly_pages_alloc(size_t bytes);

// NULL is allowed. As many bytes as were asked for.
void vly_pages_free(void *memory, size_t bytes);
