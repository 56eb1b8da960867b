// SPDX-License-Identifier: BSD-3-Clause
//
// The options that say which port is opened, and how: one argp table, a child of those of the
// sub-commands that open one.
#pragma once

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include <volley/volley.h>

enum port_option_limits {
	PORT_CORES_MAX = VLY_QUEUES_MAX + VLY_WORKERS_MAX,
	PORT_CORE_LAST = 1023, // the highest number of a core
	PORT_BUFFERS_MAX = 1 << 24,
	PORT_MTU_MIN = 68, // RFC 791
	PORT_MTU_MAX = 65535,
};

// Keys of options that have no letter.
enum option_key {
	KEY_IDLE = 0x100,
	KEY_CORES,
	KEY_BUFFERS,
	KEY_MTU,
	KEY_JOIN,
	KEY_GATEWAY,
	KEY_ROUTE,
	KEY_NEIGHBOUR,
	KEY_VLAN,
	KEY_EXCEPTION,
	KEY_DAD,
	KEY_JSON,
	KEY_PRIVATE, // the first key that a sub-command may use for itself
};

// Texts belong to argv.
struct port_options {
	const char *backend;
	const char *device;
	struct vly_prefix addrs[VLY_ADDRS_MAX];
	uint32_t addr_count;
	struct vly_group groups[VLY_GROUPS_MAX];
	uint32_t group_count;
	const char *options[VLY_KEYS_MAX];
	uint32_t option_count;
	enum vly_idle idle;
	uint32_t cores[PORT_CORES_MAX];
	uint32_t core_count;
	uint32_t buffers;
	uint32_t mtu;
	struct vly_route routes[VLY_ROUTES_MAX]; // gateways among them
	uint32_t route_count;
	struct vly_neighbour neighbours[VLY_NEIGHBOURS_MAX];
	uint32_t neighbour_count;
	uint16_t vlan;
	const char *exception;
	uint32_t dad_ms;
	bool verbose;
	bool json;
};

// Its input is a struct port_options, zeroed.
extern const struct argp port_argp;

// Ends the program if the options contradict each other.
void port_options_check(const struct argp_state *state, const struct port_options *options);

// Whether the port stands on sockets of the kernel's: neither dpdk, a device, nor sim is asked for.
bool port_is_of_kernel(const struct port_options *options);

// Clears what is said of one port, so that another may be described; idle, cores and the output's
// options are of the whole program, and stay.
void port_options_next(struct port_options *options);

// The port these options describe; listens and queues are the caller's to add. `command` is what
// log lines begin with. Lives as long as `options`.
struct vly_port_config port_config(const struct port_options *options, const char *command);
