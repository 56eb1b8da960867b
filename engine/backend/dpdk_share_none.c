// SPDX-License-Identifier: BSD-3-Clause
//
// In place of dpdk_program.c, dpdk_kernel.c and dpdk_netlink.c, where something that they need was
// missing at build time.
#include <errno.h>

#include "backend/dpdk_private.h"
#include "core/fail.h"

int vly_dpdk_program_file(struct vly_error *error)
{
	return vly_fail(error, -ENOTSUP,
			"dpdk: built without clang, libbpf or libmnl, so an interface cannot be "
			"shared with the kernel; run scripts/setup and build again, or take the "
			"whole interface with -o share=off");
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

int vly_dpdk_program_addrs(const struct vly_dpdk_share *share, const struct vly_prefix *addrs,
			   uint32_t count)
{
	(void)share;
	(void)addrs;
	(void)count;
	return -ENOTSUP;
}

int vly_dpdk_kernel_open(struct vly_dpdk_kernel **kernel,
			 const struct vly_dpdk_kernel_config *config, struct vly_error *error)
{
	(void)config;
	*kernel = NULL;
	return vly_dpdk_program_file(error);
}

int vly_dpdk_kernel_start(struct vly_dpdk_kernel *kernel, struct vly_error *error)
{
	(void)kernel;
	return vly_dpdk_program_file(error);
}

void vly_dpdk_kernel_close(struct vly_dpdk_kernel *kernel)
{
	(void)kernel;
}

const struct vly_dpdk_ways *vly_dpdk_kernel_ways(const struct vly_dpdk_kernel *kernel)
{
	(void)kernel;
	return NULL;
}

const _Atomic uint32_t *vly_dpdk_kernel_version(const struct vly_dpdk_kernel *kernel)
{
	(void)kernel;
	return NULL;
}

bool vly_dpdk_kernel_news(struct vly_dpdk_kernel *kernel, uint32_t queue,
			  struct vly_link_news *news)
{
	(void)kernel;
	(void)queue;
	(void)news;
	return false;
}

void vly_dpdk_kernel_seek(struct vly_dpdk_kernel *kernel, uint32_t queue, const uint8_t *ip)
{
	(void)kernel;
	(void)queue;
	(void)ip;
}
