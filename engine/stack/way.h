// SPDX-License-Identifier: BSD-3-Clause
//
// Where a frame goes and how: all that output needs beside the datagram.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stack/eth.h"

// The addresses (16 bytes, IPv4 mapped) are somebody else's and outlive the way.
struct vly_way {
	struct vly_eth eth;
	const uint8_t *src;
	const uint8_t *dst;
	bool is_ipv6;
	uint8_t ttl;
	uint8_t tos;
};
