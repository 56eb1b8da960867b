// SPDX-License-Identifier: BSD-3-Clause
//
// A kernel backend's port under test, driven through its table with no engine around it, and plain
// sockets as its peers. Counts what the test itself releases, so that the ledger can be balanced.
#pragma once

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include <volley/volley.h>

#include "backend/backend.h"
#include "backend/kernel_socket.h"
#include "core/clock.h"

enum {
	PORT_FILES = 1024, // descriptors of a test are below
	PORT_QUEUES = 4,
	PORT_LIMIT_S = 5, // for anything that is waited for
	PORT_SLICE_NS = 5000000,
	PORT_OPTIONS = 4,
	PEER_BYTES = 65536,
};

// What the tests are run over.
struct variant {
	const char *label;
	const char *backend;
	const char *options[PORT_OPTIONS];
	uint32_t option_count;
};

struct port {
	const struct vly_backend *backend;
	struct vly_backend_port *inner;
	struct vly_backend_queue *queues[PORT_QUEUES];
	struct vly_ledger_block ledgers[PORT_QUEUES];
	uint32_t queue_count;
	uint64_t made;     // datagrams sent that were not received
	uint64_t released; // datagrams received and not sent
	uint32_t log_lines;
	char log_text[VLY_ERROR_BYTES];
};

static inline void port_log(void *arg, const char *text)
{
	struct port *port = arg;

	port->log_lines++;
	snprintf(port->log_text, sizeof(port->log_text), "%s", text);
}

// "127.0.0.1:0" and the like.
static inline struct vly_endpoint endpoint_of(const char *text)
{
	struct vly_endpoint endpoint;
	struct vly_error error = {""};

	assert_int_equal(vly_endpoint_resolve(&endpoint, 1, text, true, &error), 1);
	return endpoint;
}

struct port_plan {
	const char *listens[4]; // until NULL
	uint32_t queues;
	uint32_t buffers;
	const char *option; // beside the variant's
};

static inline int port_try(struct port *port, const struct variant *variant,
			   const struct port_plan *plan, struct vly_error *error)
{
	struct vly_ledger_block *ledgers[PORT_QUEUES];
	struct vly_endpoint listens[4];
	const char *words[PORT_OPTIONS + 1];
	union vly_value values[VLY_KEYS_MAX];
	uint32_t word_count = variant->option_count;
	struct vly_port_config config = {
		.listens = listens,
		.queues = plan->queues ? plan->queues : 1,
		.buffers = plan->buffers,
		.log = {.line = port_log, .arg = port},
	};
	int rc;

	memset(port, 0, sizeof(*port));
	port->backend = vly_backend_find(variant->backend);
	for (uint32_t i = 0; i < PORT_QUEUES; i++)
		ledgers[i] = &port->ledgers[i];
	while (config.listen_count < 4 && plan->listens[config.listen_count]) {
		listens[config.listen_count] = endpoint_of(plan->listens[config.listen_count]);
		config.listen_count++;
	}
	memcpy(words, variant->options, sizeof(variant->options));
	if (plan->option)
		words[word_count++] = plan->option;
	rc = vly_keys_parse(port->backend->keys, words, word_count, values, error);
	if (!rc)
		rc = port->backend->open(&port->inner, &config, values, ledgers, error);
	if (rc)
		return rc;
	port->queue_count = port->backend->queue_count(port->inner);
	for (uint32_t i = 0; i < port->queue_count; i++)
		port->queues[i] = port->backend->queue(port->inner, i);
	return 0;
}

static inline void port_open(struct port *port, const struct variant *variant,
			     const struct port_plan *plan)
{
	struct vly_error error = {""};

	if (port_try(port, variant, plan, &error))
		fail_msg("%s", error.text);
}

static inline struct vly_ledger port_ledger(const struct port *port)
{
	struct vly_ledger ledger = {.received = 0};

	for (uint32_t i = 0; i < port->queue_count; i++)
		vly_ledger_block_read(&port->ledgers[i], &ledger);
	ledger.originated += port->made;
	ledger.released += port->released;
	return ledger;
}

static inline void port_flush(struct port *port)
{
	uint64_t end_ns = vly_clock_ns() + (uint64_t)PORT_LIMIT_S * 1000000000u;

	for (uint32_t i = 0; i < port->queue_count; i++) {
		while (port->backend->flush(port->queues[i]))
			assert_true(vly_clock_ns() < end_ns);
	}
}

// Everything has ended, and in exactly one counter.
static inline void port_close(struct port *port)
{
	struct vly_ledger ledger;

	port_flush(port);
	ledger = port_ledger(port);
	port->backend->close(port->inner);
	assert_true(vly_ledger_is_balanced(&ledger));
}

static inline void port_release(struct port *port, uint32_t queue, struct vly_dgram **dgrams,
				uint32_t count)
{
	port->released += count;
	port->backend->release_burst(port->queues[queue], dgrams, count);
}

// Sends all, with patience.
static inline void port_send(struct port *port, uint32_t queue, struct vly_dgram **dgrams,
			     uint32_t count)
{
	uint64_t end_ns = vly_clock_ns() + (uint64_t)PORT_LIMIT_S * 1000000000u;
	uint32_t taken = 0;

	while (taken < count) {
		assert_true(vly_clock_ns() < end_ns);
		taken += port->backend->tx_burst(port->queues[queue], dgrams + taken, count - taken,
						 vly_clock_ns());
	}
}

static inline void port_reply(struct port *port, uint32_t queue, struct vly_dgram **dgrams,
			      uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		dgrams[i]->fate = VLY_FATE_REPLY;
	port_send(port, queue, dgrams, count);
}

// Receives exactly `count` on one queue, and waits for it if it may: a wait hands on by itself what
// it has received.
static inline void port_collect(struct port *port, uint32_t queue, struct vly_dgram **dgrams,
				uint32_t count, bool may_wait)
{
	uint64_t end_ns = vly_clock_ns() + (uint64_t)PORT_LIMIT_S * 1000000000u;
	uint32_t n = 0;

	while (n < count) {
		if (vly_clock_ns() > end_ns)
			fail_msg("%u datagrams of %u came", n, count);
		n += port->backend->rx_burst(port->queues[queue], dgrams + n, count - n,
					     vly_clock_ns());
		if (may_wait && n < count)
			port->backend->wait(port->queues[queue], PORT_SLICE_NS);
	}
}

static inline void port_receive(struct port *port, uint32_t queue, struct vly_dgram **dgrams,
				uint32_t count)
{
	port_collect(port, queue, dgrams, count, true);
}

// An empty datagram to fill.
static inline struct vly_dgram *port_make(struct port *port, uint32_t queue,
					  const struct vly_addr *peer, uint16_t len)
{
	struct vly_dgram *dgram;

	assert_int_equal(port->backend->alloc_burst(port->queues[queue], &dgram, 1), 1);
	assert_true(dgram->capacity >= len);
	port->made++;
	memset(&dgram->local, 0, sizeof(dgram->local));
	dgram->peer = *peer;
	dgram->link = 0;
	dgram->rx_ns = 0;
	dgram->len = len;
	dgram->fate = VLY_FATE_SEND;
	dgram->ttl = 0;
	dgram->tos = 0;
	return dgram;
}

// --- peers --------------------------------------------------------------------------------------

// Skips the test that calls it, and says why, if this machine lacks what it needs.
static inline void needs(bool is_there, const char *what)
{
	if (!is_there) {
		print_message("skipped: %s\n", what);
		skip();
	}
}

static inline void needs_ipv6(void)
{
	struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	bool is_there = fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0;

	if (fd >= 0)
		close(fd);
	needs(is_there, "no IPv6 here: ::1 is no address");
}

// A plain socket bound to host ("127.0.0.1", "::1"), on a port of the system's choice.
static inline int peer_open(const char *host)
{
	struct timeval limit = {.tv_sec = PORT_LIMIT_S};
	char text[64];
	struct vly_endpoint endpoint;
	struct sockaddr_in6 name;
	bool is_ipv6 = strchr(host, ':') != NULL;
	socklen_t size;
	int fd;

	snprintf(text, sizeof(text), is_ipv6 ? "[%s]:0" : "%s:0", host);
	endpoint = endpoint_of(text);
	fd = socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	assert_true(fd >= 0);
	size = vly_kernel_addr_write(&name, is_ipv6, &endpoint.addr, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, size), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static inline struct vly_addr peer_addr(int fd)
{
	struct sockaddr_in6 name;
	socklen_t size = sizeof(name);
	struct vly_addr addr;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &size), 0);
	vly_kernel_addr_read(&addr, &name);
	return addr;
}

// Connected: it receives only what comes from exactly there.
static inline void peer_connect(int fd, const char *host, uint16_t port)
{
	bool is_ipv6 = strchr(host, ':') != NULL;
	struct vly_endpoint endpoint;
	struct sockaddr_in6 name;
	char text[64];
	socklen_t size;

	snprintf(text, sizeof(text), is_ipv6 ? "[%s]:%u" : "%s:%u", host, port);
	endpoint = endpoint_of(text);
	size = vly_kernel_addr_write(&name, is_ipv6, &endpoint.addr, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, size), 0);
}

static inline uint16_t port_number(const struct port *port)
{
	return port->backend->local(port->inner).port;
}

// Where a descriptor of ours is bound, and if it is connected, to whom; false: it is no IP socket.
static inline bool socket_ends(int fd, struct vly_addr *local, struct vly_addr *remote)
{
	struct sockaddr_in6 name = {.sin6_family = AF_UNSPEC};
	socklen_t size = sizeof(name);

	if (getsockname(fd, (struct sockaddr *)&name, &size) ||
	    (name.sin6_family != AF_INET && name.sin6_family != AF_INET6))
		return false;
	vly_kernel_addr_read(local, &name);
	size = sizeof(name);
	memset(remote, 0, sizeof(*remote));
	if (!getpeername(fd, (struct sockaddr *)&name, &size))
		vly_kernel_addr_read(remote, &name);
	return true;
}

// Fills with a pattern that depends on the seed.
static inline void pattern(uint8_t *data, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(seed + i * 7 + (i >> 8));
}

static inline bool is_pattern(const uint8_t *data, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != (uint8_t)(seed + i * 7 + (i >> 8)))
			return false;
	}
	return true;
}

// --- running the tests over all variants --------------------------------------------------------

static const struct variant variants[] = {
	{"socket", "socket", {NULL}, 0},
	{"socket without offloads", "socket", {"gro=off", "gso=off"}, 2},
	{"uring", "uring", {NULL}, 0},
	{"uring without offloads", "uring", {"gro=off", "gso=off"}, 2},
	{"uring, cooperative, no files", "uring", {"defer-taskrun=off", "fixed-files=off"}, 2},
	{"uring, multishot", "uring", {"multishot=on"}, 1},
	{"uring, sqpoll", "uring", {"sqpoll=on"}, 1},
	{"uring, zero copy", "uring", {"zerocopy=on", "zerocopy-bytes=1"}, 2},
};

static inline bool variant_works(const struct variant *variant)
{
	const struct vly_backend *backend = vly_backend_find(variant->backend);
	struct vly_error error = {""};

	if (!backend)
		return false;
	if (backend->probe(&error) == 0)
		return true;
	print_message("skipped: %s: %s\n", variant->label, error.text);
	return false;
}

// Runs `tests` with each variant as their state; returns how many failed.
static inline int variants_run(struct CMUnitTest *tests, size_t count)
{
	int failed = 0;

	for (size_t v = 0; v < sizeof(variants) / sizeof(variants[0]); v++) {
		if (!variant_works(&variants[v]))
			continue;
		for (size_t i = 0; i < count; i++)
			tests[i].initial_state = (void *)(uintptr_t)&variants[v];
		failed += _cmocka_run_group_tests(variants[v].label, tests, count, NULL, NULL);
	}
	return failed;
}
