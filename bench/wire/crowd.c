// SPDX-License-Identifier: BSD-3-Clause
//
// A crowd in a chat, over any backend. All join a tree of rooms. Then the first one, in the root,
// says messages to all: so many, each of which must reach everybody before the next (what is lost
// on the way is asked for again); or for so long, a few of them under way at a time, and it is
// counted what comes. Then all leave. Prints a line when all have joined, and a JSON object.
//
//     crowd [-b BACKEND] [-d DEVICE] [-c CORE] -a ADDRESS/BITS -n MEMBERS -m MESSAGES | -t SECONDS
//           HOST:PORT
//
// Over the kernel each member has an address of its own, from ADDRESS on; so these must be the
// machine's, as all of 127.0.0.0/8 are. Over dpdk they have source ports, 10000 to 59999 of each.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"
#include "monotonic.h"
#include "pin.h"

enum {
	PORT_FIRST = 10000,
	PORTS = 50000,
	WAITING_MAX = 512, // that join or leave at a time
	UNDER_WAY = 4,     // messages, where it is counted what comes
	ASK_EACH = 1000,   // copies, so many later somebody asks something
	QUIET_NS = 300000000,
	TRIES = 20,
	USAGE = 2,
};

struct arguments {
	struct vly_port_config config;
	struct vly_prefix prefixes[VLY_ADDRS_MAX];
	int core;
	uint32_t messages;
	double seconds;
};

static const char text[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

__attribute__((noreturn)) static void give_up(const char *line)
{
	fprintf(stderr, "crowd: %s\n", line);
	exit(EXIT_FAILURE);
}

// --- coming and going ---------------------------------------------------------------------------

// Each of the crowd does something that is answered, a few hundred at a time; who has no answer
// once all is quiet does it again.
static void do_each(struct crowd *crowd, enum member_phase before, const uint32_t *done,
		    void (*act)(struct crowd *crowd, uint32_t member))
{
	uint32_t begun = 0;
	uint32_t tries = 0;
	uint64_t quiet_ns = monotonic_ns();

	while (*done < crowd->count) {
		uint32_t last = *done;

		for (; begun < crowd->count && begun < *done + WAITING_MAX; begun++)
			act(crowd, begun);
		crowd_flush(crowd);
		if (crowd_take(crowd) && *done != last) {
			quiet_ns = monotonic_ns();
			tries = 0;
			continue;
		}
		if (monotonic_ns() - quiet_ns < QUIET_NS)
			continue;
		if (++tries > TRIES)
			give_up("members have no answer");
		for (uint32_t i = 0; i < begun; i++)
			if (crowd->members[i].phase == before)
				act(crowd, i);
		quiet_ns = monotonic_ns();
	}
	crowd_flush(crowd);
}

static void leave(struct crowd *crowd, uint32_t member)
{
	crowd_say(crowd, member, "leave");
}

// --- messages -----------------------------------------------------------------------------------

// Asks once more for what has not come of `message` messages. Returns how many copies.
static uint32_t repair(struct crowd *crowd, uint32_t message)
{
	uint32_t missing = 0;

	for (uint32_t i = 0; i < crowd->count; i++) {
		if (crowd->members[i].heard >= message)
			continue;
		missing++;
		crowd_say(crowd, i, "again %u", message);
	}
	crowd_flush(crowd);
	return missing;
}

// One message to all, and everybody has it. Returns how many copies were asked for again.
static uint64_t say_to_all(struct crowd *crowd, uint32_t message)
{
	uint64_t until = crowd->copies + crowd->count;
	uint64_t ask_at = crowd->copies + ASK_EACH;
	uint64_t repaired = 0;
	uint64_t quiet_ns = monotonic_ns();
	uint32_t tries = 0;

	crowd->wanted = message;
	crowd->complete = 0;
	crowd_say(crowd, 0, "#%u all %s", message, text);
	crowd_flush(crowd);
	while (crowd->complete < crowd->count) {
		if (crowd_take(crowd)) {
			quiet_ns = monotonic_ns();
			if (crowd->copies >= ask_at && ask_at + ASK_EACH < until) {
				crowd_say(crowd, (uint32_t)(ask_at % crowd->count), "ping");
				crowd_flush(crowd);
				ask_at += ASK_EACH;
			}
			continue;
		}
		if (monotonic_ns() - quiet_ns < QUIET_NS)
			continue;
		if (++tries > TRIES)
			give_up("a message does not reach everybody");
		crowd_say(crowd, 0, "#%u all %s", message, text);
		repaired += repair(crowd, message);
		quiet_ns = monotonic_ns();
	}
	return repaired;
}

static void say_messages(struct crowd *crowd, uint32_t messages)
{
	uint64_t start_ns = monotonic_ns();
	uint64_t repaired = 0;

	for (uint32_t i = 1; i <= messages; i++)
		repaired += say_to_all(crowd, i);
	printf("{\"seconds\": %.3f, \"repaired\": %" PRIu64 ", ",
	       (double)(monotonic_ns() - start_ns) / NS_PER_SECOND, repaired);
}

static void count_messages(struct crowd *crowd, double seconds)
{
	struct member *first = &crowd->members[0];
	uint64_t start_ns = monotonic_ns();
	uint64_t end_ns = start_ns + (uint64_t)(seconds * NS_PER_SECOND);
	uint64_t now_ns = start_ns;
	uint64_t last_ns = start_ns; // when something came
	uint32_t said = 0;

	crowd->wanted = UINT32_MAX;
	while (now_ns < end_ns || (first->heard < said && now_ns - last_ns < QUIET_NS)) {
		for (; now_ns < end_ns && said < first->heard + UNDER_WAY; said++)
			crowd_say(crowd, 0, "all %s", text);
		crowd_flush(crowd);
		now_ns = monotonic_ns();
		if (crowd_take(crowd))
			last_ns = now_ns;
	}
	printf("{\"seconds\": %.3f, \"messages\": %u, ",
	       (double)(last_ns - start_ns) / NS_PER_SECOND, said);
}

// --- all of it ----------------------------------------------------------------------------------

static void read_arguments(struct arguments *arguments, struct crowd *crowd, int argc, char **argv)
{
	struct vly_error error = {""};
	int letter;

	while ((letter = getopt(argc, argv, "a:b:c:d:m:n:t:")) != -1) {
		uint32_t count = arguments->config.addr_count;

		switch (letter) {
		case 'a':
			if (count == VLY_ADDRS_MAX ||
			    vly_prefix_parse(&arguments->prefixes[count], optarg, &error) < 0)
				give_up(error.text);
			arguments->config.addr_count++;
			break;
		case 'b':
			arguments->config.backend = optarg;
			break;
		case 'c':
			arguments->core = atoi(optarg);
			break;
		case 'd':
			arguments->config.device = optarg;
			break;
		case 'm':
			arguments->messages = (uint32_t)atoi(optarg);
			break;
		case 'n':
			crowd->count = (uint32_t)atoi(optarg);
			break;
		case 't':
			arguments->seconds = strtod(optarg, NULL);
			break;
		default:
			exit(USAGE);
		}
	}
	if (optind + 1 != argc || arguments->config.addr_count == 0 || crowd->count == 0 ||
	    crowd->count > CROWD_MEMBERS_MAX ||
	    (arguments->messages == 0) == (arguments->seconds <= 0)) {
		fprintf(stderr, "usage: crowd [-b BACKEND] [-d DEVICE] [-c CORE] -a ADDRESS/BITS "
				"-n MEMBERS -m MESSAGES | -t SECONDS HOST:PORT\n");
		exit(USAGE);
	}
	if (vly_endpoint_resolve(&crowd->server, 1, argv[optind], false, &error) != 1)
		give_up(error.text);
}

static void open_port(struct crowd *crowd, const struct arguments *arguments)
{
	static const char *const options[] = {"rcvbuf=256M"}; // for what comes to all at once
	struct vly_port_config own = arguments->config;
	struct vly_port_config *config = &own;
	struct vly_endpoint listen = {.addr = {.port = PORT_FIRST}};
	struct vly_error error = {""};

	memcpy(crowd->first.ip, arguments->prefixes[0].ip, sizeof(crowd->first.ip));
	crowd->first.port = PORT_FIRST;
	crowd->ports = config->device ? PORTS : 1;
	config->listens = &listen;
	config->listen_count = 1;
	config->queues = 1;
	if (config->device) {
		config->addrs = arguments->prefixes;
		config->listen_span = crowd->count < PORTS ? crowd->count : (uint32_t)PORTS;
	} else {
		config->addr_count = 0;
		config->options = options;
		config->option_count = 1;
	}
	if (vly_port_open(&crowd->port, config, &error) < 0)
		give_up(error.text);
	crowd->queue = vly_port_queue(crowd->port, 0);
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.core = -1};
	struct crowd crowd = {.count = 0};
	double join_seconds;
	uint64_t start_ns;

	read_arguments(&arguments, &crowd, argc, argv);
	crowd.members = calloc(crowd.count, sizeof(crowd.members[0]));
	if (!crowd.members)
		give_up("no memory");
	open_port(&crowd, &arguments);
	pin(arguments.core);
	start_ns = monotonic_ns();
	do_each(&crowd, MEMBER_OUTSIDE, &crowd.joined, crowd_join);
	join_seconds = (double)(monotonic_ns() - start_ns) / NS_PER_SECOND;
	printf("joined: %u members\n", crowd.joined);
	fflush(stdout);
	if (arguments.messages)
		say_messages(&crowd, arguments.messages);
	else
		count_messages(&crowd, arguments.seconds);
	printf("\"members\": %u, \"join_seconds\": %.3f, \"copies\": %" PRIu64
	       ", \"late\": %" PRIu64 ", \"twice\": %" PRIu64 ", \"pongs\": %" PRIu64 "}\n",
	       crowd.joined, join_seconds, crowd.copies, crowd.late, crowd.twice, crowd.pongs);
	fflush(stdout);
	do_each(&crowd, MEMBER_JOINED, &crowd.gone, leave);
	vly_port_close(crowd.port);
	free(crowd.members);
	return EXIT_SUCCESS;
}
