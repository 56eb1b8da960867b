// SPDX-License-Identifier: BSD-3-Clause
//
// A client and a peer that the test plays by hand, on loopback.
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <volley/volley.h>

enum {
	BYTES = 64,
	MS = 1000000,
	LIMIT_NS = 2000 * MS, // for anything that is waited for
	WORDS = 4,
	TESTS_MAX = 16,
	MANY = 150, // a socket of the system's own takes as many
};

struct peer {
	int fd;
	struct vly_endpoint at;
	struct sockaddr_in from; // of the last one taken
	uint8_t bytes[BYTES];
};

static inline struct peer open_peer(void)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(name);
	struct peer peer = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};

	assert_true(peer.fd >= 0);
	assert_int_equal(bind(peer.fd, (struct sockaddr *)&name, size), 0);
	assert_int_equal(getsockname(peer.fd, (struct sockaddr *)&name, &size), 0);
	peer.at.addr.ip[10] = peer.at.addr.ip[11] = 0xff;
	memcpy(peer.at.addr.ip + 12, &name.sin_addr, 4);
	peer.at.addr.port = ntohs(name.sin_port);
	return peer;
}

// Takes one datagram; fails the test when none comes.
static inline ssize_t peer_take(struct peer *peer)
{
	struct pollfd pollfd = {.fd = peer->fd, .events = POLLIN};
	socklen_t size = sizeof(peer->from);

	assert_int_equal(poll(&pollfd, 1, LIMIT_NS / MS), 1);
	return recvfrom(peer->fd, peer->bytes, sizeof(peer->bytes), 0,
			(struct sockaddr *)&peer->from, &size);
}

static inline void peer_say(const struct peer *peer, const void *bytes, size_t len)
{
	assert_int_equal(sendto(peer->fd, bytes, len, 0, (const struct sockaddr *)&peer->from,
				sizeof(peer->from)),
			 len);
}

// `variant` is the backend's words, up to NULL; `match` may be NULL.
static inline struct vly_client *open_client(void **variant, const char *match)
{
	const char *const *given = *variant;
	const char *words[WORDS + 1];
	struct vly_error error = {""};
	struct vly_client *client = NULL;
	uint32_t count = 0;

	for (; given[count]; count++)
		words[count] = given[count];
	if (match)
		words[count++] = match;
	if (vly_client_open_words(&client, words, count, &error))
		fail_msg("%s", error.text);
	return client;
}

static inline struct vly_client_counts counts_of(struct vly_client *client)
{
	struct vly_client_counts counts;

	vly_client_read_counts(client, &counts);
	return counts;
}

static inline void close_balanced(struct vly_client *client)
{
	struct vly_client_counts counts = counts_of(client);
	struct vly_ledger ledger;

	vly_port_ledger(vly_client_port(client), &ledger);
	assert_true(vly_ledger_is_balanced(&ledger));
	assert_int_equal(ledger.released, counts.received + counts.answered + counts.late +
						  counts.duplicate + counts.foreign);
	vly_client_close(client);
}

// Runs a group of tests once for each way to the wire that works here. Returns how many failed.
static inline int run_variants(const struct CMUnitTest *tests, size_t count)
{
	static const char *const variants[][WORDS] = {
		{"backend=socket", NULL},
		{"backend=socket", "idle=block", NULL},
		{"backend=uring", NULL},
		{"backend=uring", "shared=on", NULL},
	};
	struct vly_backend_report reports[8];
	uint32_t report_count = vly_backend_probe(reports, 8);
	struct CMUnitTest here[TESTS_MAX];
	int failures = 0;

	assert_true(count <= TESTS_MAX);
	for (uint32_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		bool works = false;

		for (uint32_t j = 0; j < report_count; j++)
			works |= strcmp(reports[j].name, strchr(variants[i][0], '=') + 1) == 0 &&
				 reports[j].status == 0;
		if (!works) {
			printf("without %s: it does not work here\n", variants[i][0]);
			continue;
		}
		memcpy(here, tests, count * sizeof(*tests));
		for (uint32_t j = 0; j < count; j++)
			here[j].initial_state = (void *)(uintptr_t)variants[i];
		printf("%s %s\n", variants[i][0], variants[i][1] ? variants[i][1] : "");
		failures += _cmocka_run_group_tests("client", here, count, NULL, NULL);
	}
	return failures;
}
