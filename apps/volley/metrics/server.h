// SPDX-License-Identifier: BSD-3-Clause
//
// One page over HTTP, for Prometheus: /metrics, by GET or HEAD; one answer a connection. It has no
// thread: whoever waits polls its descriptor and lets it run, and it never waits itself.
//
// Few connections are open at once, and none for long, whatever its other end does or does not:
// one that is not done after METRICS_PATIENCE_S is cut; when all are taken, or its other end has
// nothing more to say, after METRICS_PATIENCE_SHORT_S.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <volley/volley.h>

enum metrics_server_limits {
	METRICS_CONNECTIONS_MAX = 32,
	METRICS_PATIENCE_S = 10, // as long as Prometheus waits, unless told otherwise
	METRICS_PATIENCE_SHORT_S = 1,
	METRICS_REQUEST_BYTES = 16384, // memory of a connection, for all its headers
};

// Writes the page when it is asked for. Returns 0 or a negative errno: then the answer is 500.
struct metrics_page {
	int (*write)(void *arg, FILE *out);
	void *arg;
};

struct metrics_server;

// Takes the port: port 0 is one of the system's choice, the wildcard :: is IPv4 as well. The
// caller closes it. Returns 0, -EADDRINUSE, -EADDRNOTAVAIL, -EACCES (a port below 1024), -ENOTSUP
// (built without libmicrohttpd), or what else the kernel says; each with a line that names the fix.
int metrics_open(struct metrics_server **server, const struct vly_endpoint *at,
		 const struct metrics_page *page, struct vly_error *error);

// NULL is allowed here and in all that follows.
void metrics_close(struct metrics_server *server);

// Where it listens. Lives as long as the server.
const char *metrics_address(const struct metrics_server *server);

// Readable when it should run; -1 without a server, which poll(2) leaves out.
int metrics_fd(const struct metrics_server *server);

// For how long at most to wait for that: `most_ns` or less.
uint64_t metrics_wait_ns(const struct metrics_server *server, uint64_t most_ns);

// Takes connections and requests, and answers them as far as that goes without waiting.
void metrics_run(struct metrics_server *server);
