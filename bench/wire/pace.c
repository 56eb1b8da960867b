// SPDX-License-Identifier: BSD-3-Clause
//
// An open loop: sends so many datagrams a second to a UDP echo server, whatever becomes of them,
// and measures how long after it was due each answer came. A server that falls behind shows as it
// would to its users. Spins on its core all along. Prints one JSON object.
//
//     pace [-b BACKEND] [-c CORE] -r RATE -t SECONDS HOST:PORT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <volley/volley.h>

#include "histogram.h"
#include "monotonic.h"
#include "pin.h"

enum {
	PAYLOAD_BYTES = 64,
	SILENCE_NS = 300000000, // after the last sending: what has not come by then is lost
	USAGE = 2,
};

struct pace {
	const char *backend;
	double rate;
	double seconds;
	struct vly_endpoint target;
	int core;
	struct vly_port *port;
	struct vly_queue *queue;
	struct histogram *rtt;
	uint64_t start_ns;
	uint64_t sent;
	uint64_t last_answer_ns;
};

static int read_arguments(struct pace *pace, int argc, char **argv)
{
	struct vly_error error = {""};
	int letter;

	while ((letter = getopt(argc, argv, "b:c:r:t:")) != -1) {
		switch (letter) {
		case 'b':
			pace->backend = optarg;
			break;
		case 'c':
			pace->core = atoi(optarg);
			break;
		case 'r':
			pace->rate = strtod(optarg, NULL);
			break;
		case 't':
			pace->seconds = strtod(optarg, NULL);
			break;
		default:
			return -1;
		}
	}
	if (optind + 1 != argc || !(pace->rate > 0) || !(pace->seconds > 0))
		return -1;
	return vly_endpoint_resolve(&pace->target, 1, argv[optind], false, &error) == 1 ? 0 : -1;
}

// When the next number is due: the first one a period after the start.
static uint64_t due_ns(const struct pace *pace, uint64_t number)
{
	return pace->start_ns + (uint64_t)((double)(number + 1) * NS_PER_SECOND / pace->rate);
}

static void write_due(struct pace *pace, struct vly_dgram *dgram, uint64_t number)
{
	uint64_t words[PAYLOAD_BYTES / sizeof(uint64_t)] = {due_ns(pace, number), pace->start_ns};

	memcpy(vly_dgram_data(dgram), words, sizeof(words));
	dgram->len = sizeof(words);
	dgram->peer = pace->target.addr;
}

// Sends what is due by now, in one burst. What finds no room stays due.
static void send_due(struct pace *pace, uint64_t now_ns)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint32_t count = 0;
	uint32_t taken;

	while (count < VLY_BURST_MAX && due_ns(pace, pace->sent + count) <= now_ns)
		count++;
	if (!count)
		return;
	count = vly_alloc_burst(pace->queue, dgrams, count);
	for (uint32_t i = 0; i < count; i++)
		write_due(pace, dgrams[i], pace->sent + i);
	taken = vly_tx_burst(pace->queue, dgrams, count, now_ns);
	pace->sent += taken;
	vly_release_burst(pace->queue, dgrams + taken, count - taken);
}

static void take_answers(struct pace *pace)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint32_t count = vly_rx_burst(pace->queue, dgrams, VLY_BURST_MAX, monotonic_ns());
	uint64_t now_ns = count ? monotonic_ns() : 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t words[2];

		dgrams[i]->fate = VLY_FATE_RELEASE;
		if (dgrams[i]->len != PAYLOAD_BYTES)
			continue;
		memcpy(words, vly_dgram_data(dgrams[i]), sizeof(words));
		if (words[1] != pace->start_ns)
			continue;
		pace->last_answer_ns = now_ns;
		histogram_record(pace->rtt, now_ns - words[0]);
	}
	vly_release_burst(pace->queue, dgrams, count);
}

static void run(struct pace *pace)
{
	uint64_t end_ns;
	uint64_t now_ns = monotonic_ns();

	pace->start_ns = now_ns;
	end_ns = now_ns + (uint64_t)(pace->seconds * NS_PER_SECOND);
	pace->last_answer_ns = end_ns;
	while (now_ns < pace->last_answer_ns + SILENCE_NS || now_ns < end_ns) {
		if (now_ns < end_ns)
			send_due(pace, now_ns);
		take_answers(pace);
		now_ns = monotonic_ns();
	}
}

static void print_result(const struct pace *pace)
{
	printf("{\"seconds\": %.3f, \"sent\": %" PRIu64 ", \"answered\": %" PRIu64
	       ", \"rtt_ns\": {\"p50\": %" PRIu64 ", \"p99\": %" PRIu64 ", \"max\": %" PRIu64
	       "}}\n",
	       pace->seconds, pace->sent, pace->rtt->count, histogram_percentile(pace->rtt, 500000),
	       histogram_percentile(pace->rtt, 990000), pace->rtt->max_ns);
}

int main(int argc, char **argv)
{
	struct pace pace = {.backend = "socket", .core = -1};
	struct vly_error error = {""};
	struct vly_port_config config = {.queues = 1};

	if (read_arguments(&pace, argc, argv) < 0) {
		fprintf(stderr, "usage: pace [-b BACKEND] [-c CORE] -r RATE -t SECONDS "
				"HOST:PORT\n");
		return USAGE;
	}
	config.backend = pace.backend;
	pace.rtt = histogram_open();
	if (!pace.rtt || vly_port_open(&pace.port, &config, &error) < 0) {
		fprintf(stderr, "pace: %s\n", pace.rtt ? error.text : "no memory");
		histogram_close(pace.rtt);
		return EXIT_FAILURE;
	}
	pace.queue = vly_port_queue(pace.port, 0);
	pin(pace.core);
	run(&pace);
	print_result(&pace);
	vly_port_close(pace.port);
	histogram_close(pace.rtt);
	return EXIT_SUCCESS;
}
