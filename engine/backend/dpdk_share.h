// SPDX-License-Identifier: BSD-3-Clause
//
// An interface that AF_XDP shares with the kernel. Private to the dpdk backend.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/dpdk_kernel.h"

struct vly_dpdk_plan;

struct vly_dpdk_share {
	bool is_on;
	uint32_t ifindex;
	int program_fd; // a file of our XDP program, for the driver
	int lock_fd;
	int groups_fd[2];     // sockets that are members of our groups: IPv4, IPv6
	int client_fd;        // a socket of the kernel's that keeps our port from others
	uint16_t client_port; // when nothing is listened to
	uint32_t asked_count; // addresses that the user gave: others of the interface are not ours
	uint32_t addr_count;  // as of open
	uint32_t group_count; // listened to
	uint32_t port_count;
	bool takes_broadcasts; // as a listen for all addresses does
	struct vly_prefix asked[VLY_ADDRS_MAX];
	struct vly_prefix addrs[VLY_ADDRS_MAX];
	struct vly_prefix groups[VLY_GROUPS_MAX];
	uint16_t ports[VLY_LISTENS_MAX]; // of UDP, that are ours
	struct vly_dpdk_kernel *kernel;  // NULL: not shared
};

// Sets it to what can be closed.
void vly_dpdk_share_init(struct vly_dpdk_share *share);

// Decides whether to share, reads the interface's addresses, and removes a program of ours that a
// dead process left. Returns 0, or -EBUSY, -EINVAL, -EADDRNOTAVAIL, -ENOTSUP. Close it in any case.
int vly_dpdk_share_open(struct vly_dpdk_share *share, const struct vly_dpdk_plan *plan,
			const struct vly_port_config *config, struct vly_error *error);

// Once our program is attached: what is ours comes to us, and changes are followed.
int vly_dpdk_share_start(struct vly_dpdk_share *share, struct vly_error *error);
void vly_dpdk_share_close(struct vly_dpdk_share *share);

// A file descriptor of our XDP program's object file, or -ENOTSUP when it was not built.
int vly_dpdk_program_file(struct vly_error *error);

// Takes our program off the interface; false when there was none of ours.
bool vly_dpdk_program_sweep(uint32_t ifindex);

// 0 when the interface has no program at all; -EBUSY and its name when there is one.
int vly_dpdk_program_other(uint32_t ifindex, char *name, size_t size);

// Tells our program, attached now, the ports and addresses.
int vly_dpdk_program_fill(const struct vly_dpdk_share *share, struct vly_error *error);

// Tells it other addresses, in place of those before: `addrs` and the groups. Any thread.
int vly_dpdk_program_addrs(const struct vly_dpdk_share *share, const struct vly_prefix *addrs,
			   uint32_t count);
