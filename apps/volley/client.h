// SPDX-License-Identifier: BSD-3-Clause
//
// What sub-commands that drive a port themselves have in common: whom they speak to, the core they
// sit on, and how they are interrupted.
#pragma once

#include <argp.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <volley/volley.h>

#include "port_options.h"

// Turns HOST:PORT into an endpoint. A name may have several addresses: takes the first of a family
// that the port's own addresses have too. Ends the program if there is none.
struct vly_endpoint client_target(const struct argp_state *state,
				  const struct port_options *options, const char *text);

// Keeps the one HOST:PORT that a command takes; ends the program at a second one.
void client_take_target(const struct argp_state *state, const char **text, const char *arg);

// Whether it is a group, or everybody: nobody answers from there.
bool client_is_shared_address(const struct vly_addr *addr);

// Says in one line why nothing went to `target`, or nothing can come back, as far as the port's
// ledger and its addresses tell; false when they do not, and nothing is said.
bool client_say_unsent(const char *command, const struct port_options *options,
		       const struct vly_port *port, const struct vly_addr *target);

// Pins this thread to the cores of --cores, if there are any. Returns STATUS_OK, or STATUS_FAILED
// after a message.
int client_pin(const char *command, const struct port_options *options);

// SIGINT and SIGTERM set the flag from now on.
const atomic_bool *client_interruption(void);
