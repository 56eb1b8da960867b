// SPDX-License-Identifier: BSD-3-Clause
//
// One turn of an echo, in the two ways that do it with few calls. They return whether anything was
// there; one thread.
#pragma once

#include <stdbool.h>

#include "server.h"

// A train, the datagrams of one peer that the kernel has joined, goes back as the one message as
// which it came, and is cut again (UDP_SEGMENT); needs server_join_received().
bool echo_train(const struct server *server);

// What is there, at most SERVER_BATCH datagrams, by one call each way.
bool echo_batch(const struct server *server);
