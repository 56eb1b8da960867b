// SPDX-License-Identifier: BSD-3-Clause
//
// Drives a UDP echo server (or a sink) and says, as one line of JSON, how it did.
//
//     udp_load MODE ADDRESS PORT BYTES SECONDS [FIRST-SOURCE [BEHIND-PORT]]
//
// MODE is trains, peers, frames, apart, flood, ping or spin, as load.h explains; `peers`, `frames`
// and `apart` send from 64 addresses of this machine, from FIRST-SOURCE on. With BEHIND-PORT,
// `trains` and `peers` also are the server at that port of ADDRESS, to which a forwarder sends. It
// keeps enough under way that the server is the limit, and spins while it waits (but for `ping`),
// so that no server pays for waking it.
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PING_WAIT_US = 100000, // after which a datagram is lost
	PING_MAX = 4 << 20,    // round trips that are kept
	PING_WARMUP = 200,     // that are not
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "udp_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

// --- round trips --------------------------------------------------------------------------------

// True: an answer came.
static bool ping(struct load *load)
{
	uint8_t answer[TRAIN_BYTES];
	uint64_t sequence = load->next;
	uint64_t start_ns = load_now_ns();
	int flags = load->mode == MODE_SPIN ? MSG_DONTWAIT : 0;

	if (!load_send(load))
		return false;
	for (;;) {
		ssize_t n = recv(load->fd, answer, sizeof(answer), flags);

		if (n >= HEADER_BYTES && load_sequence(answer) == sequence)
			return true;
		if (n < 0 && load_now_ns() - start_ns > PING_WAIT_US * UINT64_C(1000))
			return false;
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x;
	uint32_t y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static void print_percentiles(uint32_t *trips, uint64_t count)
{
	if (!count)
		return;
	qsort(trips, count, sizeof(trips[0]), compare);
	printf("\"p50_ns\": %u, \"p99_ns\": %u, ", trips[count / 2], trips[count * 99 / 100]);
}

static void run_pings(struct load *load, double seconds)
{
	struct timeval wait = {.tv_usec = PING_WAIT_US};
	uint32_t *trips = calloc(PING_MAX, sizeof(trips[0]));
	uint64_t start_ns = load_now_ns();
	uint64_t end_ns = start_ns + (uint64_t)(seconds * NS_PER_S);
	uint64_t now_ns = start_ns;
	uint64_t count = 0;

	if (!trips || setsockopt(load->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)))
		fail("cannot begin");
	while (now_ns < end_ns && count < PING_MAX) {
		uint64_t before_ns = now_ns;
		bool is_answered = ping(load);

		now_ns = load_now_ns();
		load->received += is_answered;
		if (is_answered && load->received > PING_WARMUP)
			trips[count++] = (uint32_t)(now_ns - before_ns);
	}
	load->passed_ns = now_ns - start_ns;
	print_percentiles(trips, count);
	free(trips);
}

// --- the command line ---------------------------------------------------------------------------

static enum mode read_mode(const char *text)
{
	static const char *const names[] = {"trains", "peers", "frames", "apart",
					    "flood",  "ping",  "spin"};

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0)
			return (enum mode)i;
	}
	errno = EINVAL;
	fail("MODE is trains, peers, frames, apart, flood, ping or spin");
}

static void set_sizes(struct load *load)
{
	uint32_t most = TRAIN_BYTES / load->bytes;

	load->peers = load_has_peers(load) ? PEERS : 1;
	switch (load->mode) {
	case MODE_TRAINS:
	case MODE_FLOOD:
		load->batch = most < TRAIN_SEGMENTS ? most : TRAIN_SEGMENTS;
		load->window = load->batch * WINDOW_TRAINS;
		break;
	case MODE_PEERS:
		load->batch = PEERS;
		load->window = WINDOW_DATAGRAMS;
		break;
	case MODE_FRAMES:
	case MODE_APART:
		load->batch = PEERS;
		load->window = WINDOW_FRAMES;
		break;
	default:
		load->batch = 1;
		load->window = 1;
	}
}

static void open_socket(struct load *load)
{
	int bytes = BUFFER_BYTES;
	int on = 1;

	load->fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (load->fd < 0)
		fail("socket");
	if (setsockopt(load->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(load->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (load->mode == MODE_TRAINS && setsockopt(load->fd, SOL_UDP, UDP_GRO, &on, sizeof(on)))
		fail("UDP_GRO");
	if (!load_has_peers(load) &&
	    connect(load->fd, (struct sockaddr *)&load->server, sizeof(load->server)))
		fail("connect");
}

static void read_arguments(struct load *load, int argc, char **argv)
{
	if (argc < 6) {
		fprintf(stderr, "usage: udp_load MODE ADDRESS PORT BYTES SECONDS [FIRST-SOURCE "
				"[BEHIND-PORT]]\n");
		exit(2);
	}
	load->mode = read_mode(argv[1]);
	load->server.sin_family = AF_INET;
	load->server.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
	load->bytes = (uint32_t)strtoul(argv[4], NULL, 10);
	errno = EINVAL;
	if (inet_pton(AF_INET, argv[2], &load->server.sin_addr) != 1 ||
	    (load_has_peers(load) &&
	     (argc < 7 || inet_pton(AF_INET, argv[6], &load->first_source) != 1)))
		fail("not an address");
	if (load->bytes < HEADER_BYTES || load->bytes > TRAIN_BYTES)
		fail("BYTES is 14 to 65507");
}

static void open_behind(struct load *load, char **argv)
{
	char busy[] = "busy";
	char *words[] = {argv[0], argv[2], argv[7], busy};

	load->behind = server_open(4, words);
	if (load->mode == MODE_TRAINS)
		server_join_received(&load->behind);
}

int main(int argc, char **argv)
{
	static struct load load = {.behind.fd = -1};
	double seconds;

	read_arguments(&load, argc, argv);
	seconds = strtod(argv[5], NULL);
	set_sizes(&load);
	open_socket(&load);
	if (argc > 7)
		open_behind(&load, argv);
	if (load_prepare(&load))
		fail("memory");
	if (load_has_frames(&load) && load_prepare_frames(&load))
		fail("frames");
	printf("{");
	if (load.mode == MODE_FLOOD)
		load_run_flood(&load, seconds);
	else if (load.mode == MODE_TRAINS || load_has_peers(&load))
		load_run_window(&load, seconds);
	else
		run_pings(&load, seconds);
	printf("\"sent\": %" PRIu64 ", \"received\": %" PRIu64 ", \"seconds\": %.6f}\n", load.next,
	       load.received, (double)load.passed_ns / NS_PER_S);
	return 0;
}
