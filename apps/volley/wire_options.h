// SPDX-License-Identifier: BSD-3-Clause
//
// The options about the wire that count where our own stack speaks on it: routes, neighbours, VLAN.
// A child of the port's options.
#pragma once

#include <argp.h>

// Its input is a struct port_options.
extern const struct argp wire_argp;
