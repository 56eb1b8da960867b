// SPDX-License-Identifier: BSD-3-Clause
//
// Stacks as the tests open them.
#pragma once

#include "frames.h"
#include "stack/stack.h"

// What is ours: 10.0.0.1/24 and fd00::1/64, ports served, and changes to the configuration.
struct station {
	const char *addrs[4];           // text with a prefix; none: the two above
	const char *listens[4];         // text; none: port 9000 of any address
	const char *routes[4];          // text, as of vly_route_parse(); none
	const char *neighbours[4];      // text, as of vly_neighbour_parse(); none
	bool is_client;                 // no listens, but client port 40000
	struct vly_stack_config config; // mac (frame_our_mac), mtu (1500) and what else is set
};

// Opens it, and takes the announcements off. Fails the test when that does not work.
struct vly_stack *station_open(const struct station *station);

// The same, but with the announcements still to come.
struct vly_stack *station_open_fresh(const struct station *station);
