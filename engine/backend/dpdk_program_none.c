// SPDX-License-Identifier: BSD-3-Clause
//
// In place of dpdk_program.c where no compiler for XDP programs was there at build time.
#include <errno.h>

#include "backend/dpdk_private.h"
#include "core/fail.h"

int vly_dpdk_program_file(struct vly_error *error)
{
	return vly_fail(error, -ENOTSUP,
			"dpdk: built without clang or libbpf, so an interface cannot be shared "
			"with the kernel; install clang and libbpf-dev and build again, or take "
			"the whole interface with -o share=off");
}

bool vly_dpdk_program_sweep(uint32_t ifindex)
{
	(void)ifindex;
	return false;
}

int vly_dpdk_program_other(uint32_t ifindex, char *name, size_t size)
{
	(void)ifindex;
	(void)name;
	(void)size;
	return 0;
}

int vly_dpdk_program_fill(const struct vly_dpdk_share *share, struct vly_error *error)
{
	(void)share;
	return vly_dpdk_program_file(error);
}
