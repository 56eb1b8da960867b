// SPDX-License-Identifier: BSD-3-Clause
//
// volley chat: a member of a chat, on a terminal or in a pipe.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <volley/volley.h>

#include "arguments.h"
#include "chat/input.h"
#include "chat/session.h"
#include "client.h"
#include "commands.h"
#include "monotonic.h"
#include "output.h"
#include "port_options.h"

enum {
	NAME_MAX_BYTES = 24,
	ROOM_MAX_BYTES = 64,
	WAIT_MAX_NS = 100000000, // to see an interruption, and for the stack's own timers
	POLL_NS = 1000000,       // where the backend cannot wait
	DAY_S = 24 * 3600,
};

struct chat_options {
	struct port_options port;
	const char *target_text;
	struct vly_endpoint target;
	const char *name;
	const char *room;
	uint64_t time_ns; // to stay after the end of the input
};

// What a session needs to send, and the port it does it by.
struct chat_run {
	const struct chat_options *options;
	const char *command;
	struct vly_port *port;
	struct vly_queue *queue;
	struct chat_session session;
	struct chat_input *input;
	uint64_t end_ns; // of the program, when the input has ended
};

static const struct argp_option options_table[] = {
	{NULL, 0, NULL, 0, "The member:", 2},
	{"name", 'n', "NAME", 0, "Up to 24 letters, digits, . _ - (default: the user's name)", 2},
	{"room", 'r', "ROOM", 0, "Such as a/b; a message to a room reaches those below (default /)",
	 2},
	{"time", 't', "SECONDS", 0, "Stay so long after the end of the input (default 0)", 2},
	{0},
};

static const struct argp_child children[] = {
	{&port_argp, 0, NULL, 0},
	{0},
};

static void check_options(const struct argp_state *state, struct chat_options *options)
{
	const char *user = getenv("USER");

	if (!options->target_text)
		usage_error(state, "to whom? give HOST:PORT");
	if (options->port.json)
		usage_error(state, "--json: a conversation is no result; leave it out");
	if (!options->name)
		options->name = user && user[0] ? user : "guest";
	if (strlen(options->name) > NAME_MAX_BYTES || strchr(options->name, ' '))
		usage_error(state, "--name: '%s' is no name: up to 24 letters, digits, . _ -",
			    options->name);
	if (options->name[0] == '\0')
		usage_error(state, "--name: a name has at least one letter");
	if (strlen(options->room) > ROOM_MAX_BYTES || strchr(options->room, ' '))
		usage_error(state, "--room: '%s' is no room: a/b/c, up to 63 bytes", options->room);
	options->target = client_target(state, &options->port, options->target_text);
	if (client_is_shared_address(&options->target.addr))
		usage_error(state, "'%s': nobody answers from a group", options->target_text);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct chat_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		one_line_messages(state);
		state->child_inputs[0] = &options->port;
		return 0;
	case ARGP_KEY_ARG:
		client_take_target(state, &options->target_text, arg);
		return 0;
	case ARGP_KEY_END:
		check_options(state, options);
		return 0;
	case 'n':
		options->name = arg;
		return 0;
	case 'r':
		options->room = arg;
		return 0;
	case 't':
		options->time_ns =
			parse_duration_ns(state, "--time", arg, 0, (uint64_t)DAY_S * NS_PER_SECOND);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

// --- the session's way out ----------------------------------------------------------------------

static void send_line(void *arg, const char *text, size_t len)
{
	struct chat_run *run = arg;
	struct vly_dgram *dgram;

	if (vly_alloc_burst(run->queue, &dgram, 1) == 0)
		return; // said again like what was lost
	len = len < dgram->capacity ? len : dgram->capacity;
	memcpy(vly_dgram_data(dgram), text, len);
	dgram->len = (uint16_t)len;
	dgram->peer = run->options->target.addr;
	dgram->link = run->options->target.ifindex;
	dgram->fate = VLY_FATE_SEND;
	if (vly_tx_burst(run->queue, &dgram, 1, monotonic_ns()) == 1)
		return;
	dgram->fate = VLY_DROP_TX_FULL;
	vly_release_burst(run->queue, &dgram, 1);
}

static void show_line(void *arg, const char *text, size_t len)
{
	(void)arg;
	fwrite(text, 1, len, stdout);
	putchar('\n');
	fflush(stdout);
}

static void note_line(void *arg, const char *text)
{
	const struct chat_run *run = arg;
	const struct chat_options *options = run->options;

	if (!run->session.has_failed ||
	    !client_say_unsent(run->command, &options->port, run->port, &options->target.addr))
		complain(run->command, "%s", text);
}

static const struct chat_session_ops session_ops = {
	.send = send_line,
	.show = show_line,
	.note = note_line,
};

// --- the loop -----------------------------------------------------------------------------------

static uint32_t receive(struct chat_run *run, uint64_t now_ns)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint32_t count = vly_rx_burst(run->queue, dgrams, VLY_BURST_MAX, now_ns);
	const struct vly_addr *target = &run->options->target.addr;

	for (uint32_t i = 0; i < count; i++) {
		dgrams[i]->fate = VLY_FATE_RELEASE;
		if (dgrams[i]->peer.port == target->port &&
		    memcmp(dgrams[i]->peer.ip, target->ip, sizeof(target->ip)) == 0)
			chat_session_take(&run->session, (char *)vly_dgram_data(dgrams[i]),
					  dgrams[i]->len, now_ns);
		else
			dgrams[i]->fate = VLY_DROP_UNAUTHORISED;
	}
	vly_release_burst(run->queue, dgrams, count);
	return count;
}

static void read_input(struct chat_run *run, uint64_t now_ns)
{
	const char *text;
	size_t len;

	if (!chat_session_is_free(&run->session))
		return;
	switch (chat_input_next(run->input, &text, &len)) {
	case CHAT_INPUT_LINE:
		chat_session_line(&run->session, text, len, now_ns);
		chat_input_done(run->input);
		break;
	case CHAT_INPUT_ENDED:
		if (run->end_ns == 0)
			run->end_ns = now_ns + run->options->time_ns;
		if (now_ns >= run->end_ns)
			chat_session_end(&run->session, now_ns);
		break;
	case CHAT_INPUT_NONE:
		break;
	}
}

static void wait_a_while(struct chat_run *run, uint64_t left_ns, uint64_t now_ns)
{
	const struct timespec nap = {.tv_nsec = POLL_NS};

	if (run->end_ns > now_ns && run->end_ns - now_ns < left_ns)
		left_ns = run->end_ns - now_ns;
	if (left_ns > WAIT_MAX_NS)
		left_ns = WAIT_MAX_NS;
	if (left_ns > 0 && vly_queue_wait(run->queue, left_ns) < 0)
		nanosleep(&nap, NULL);
}

static void talk(struct chat_run *run)
{
	const struct chat_session_config config = {
		.name = run->options->name,
		.room = run->options->room,
		.ops = &session_ops,
		.arg = run,
	};
	const atomic_bool *interrupted = client_interruption();
	bool has_left = false;

	chat_session_start(&run->session, &config, monotonic_ns());
	while (run->session.phase != CHAT_OVER) {
		uint64_t now_ns = monotonic_ns();
		uint64_t left_ns;

		if (receive(run, now_ns) > 0)
			continue;
		if (!has_left && atomic_load_explicit(interrupted, memory_order_relaxed)) {
			has_left = true;
			run->session.has_request = false;
			chat_session_end(&run->session, now_ns);
		}
		read_input(run, now_ns);
		left_ns = chat_session_poll(&run->session, now_ns);
		wait_a_while(run, left_ns, now_ns);
	}
}

static void print_summary(const struct chat_run *run)
{
	const struct numbers *numbers = &run->session.numbers;

	complain(run->command,
		 "%" PRIu64 " messages, %" PRIu64 " of them lost, %" PRIu64 " came twice; %" PRIu64
		 " requests said again",
		 numbers->copies + numbers->lost, numbers->lost, numbers->duplicates,
		 run->session.repeats);
}

static int run_port(const char *command, const struct chat_options *options)
{
	struct vly_port_config config = port_config(&options->port, command);
	struct chat_run run = {.options = options, .command = command};
	struct vly_error error = {""};
	int status = STATUS_FAILED;

	config.queues = 1;
	if (client_pin(command, &options->port) != STATUS_OK)
		return STATUS_FAILED;
	if (vly_port_open(&run.port, &config, &error) < 0) {
		complain(command, "%s", error.text);
		return STATUS_FAILED;
	}
	run.queue = vly_port_queue(run.port, 0);
	run.input = chat_input_open(run.queue);
	if (run.input) {
		talk(&run);
		status = run.session.has_failed ? STATUS_FAILED : STATUS_OK;
		if (options->port.verbose)
			print_summary(&run);
	} else {
		complain(command, "no thread for the input: %s", strerror(errno));
	}
	// The thread that reads may wake the queue until the program ends, so the port stays open
	// if it is not at the end of the input.
	if (run.end_ns > 0)
		vly_port_close(run.port);
	return status;
}

int command_chat(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "HOST:PORT",
		.doc = "Talk in a chat that volley serve -H chat keeps: each line of the input is "
		       "said, or is a command if it begins with a slash (/help).",
		.children = children,
	};
	struct chat_options options = {.room = "/"};

	if (!parse_arguments(&argp, argc, argv, 0, &options))
		return STATUS_USAGE;
	return run_port(argv[0], &options);
}
