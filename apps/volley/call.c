// SPDX-License-Identifier: BSD-3-Clause
//
// volley call: one question to a UDP server, and its answer.
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <volley/volley.h>

#include "arguments.h"
#include "call_data.h"
#include "client.h"
#include "commands.h"
#include "output.h"
#include "port_options.h"

enum call_key {
	KEY_TIMEOUT = KEY_PRIVATE,
	KEY_RETRIES,
	KEY_BACKOFF,
	KEY_HEX,
};

enum call_limits {
	CALL_RETRIES_DEFAULT = 2,
	CALL_RETRIES_MAX = 1000,
	CALL_BACKOFF_DEFAULT = 2,
	CALL_BACKOFF_MAX = 100,
	CALL_SLICE_NS = 50000000, // to see an interruption
};

enum call_status {
	CALL_NO_ANSWER = 3, // beside those of arguments.h
};

struct call_options {
	struct port_options port;
	const char *target_text;
	struct vly_endpoint target;
	const char *text;
	const char *file;
	uint64_t timeout_ns;
	uint32_t retries;
	uint32_t backoff;
	bool hex;
};

static const struct argp_option options_table[] = {
	{NULL, 0, NULL, 0, "The question:", 2},
	{"file", 'f', "FILE", 0, "Send what is in FILE", 2},
	{"hex", KEY_HEX, NULL, 0,
	 "The question is written in hexadecimal digits, and so is the answer", 2},
	{"timeout", KEY_TIMEOUT, "SECONDS", 0, "To wait before it is sent again (default 1)", 2},
	{"retries", KEY_RETRIES, "N", 0, "How often it is sent again (default 2)", 2},
	{"backoff", KEY_BACKOFF, "N", 0,
	 "Each wait is so many times the one before (default 2; 1: all are alike)", 2},
	{0},
};

static const struct argp_child children[] = {
	{&port_argp, 0, NULL, 0},
	{0},
};

static void take_word(const struct argp_state *state, struct call_options *options,
		      const char *word)
{
	if (!options->target_text)
		options->target_text = word;
	else if (options->text)
		usage_error(state, "one DATA only, not also '%s'; quote it if it has blanks", word);
	else
		options->text = word;
}

static void check_options(const struct argp_state *state, struct call_options *options)
{
	if (!options->target_text)
		usage_error(state, "to whom? give HOST:PORT");
	if (options->text && options->file)
		usage_error(state, "DATA and --file exclude each other");
	if (options->text && strcmp(options->text, "-") == 0) {
		options->file = options->text;
		options->text = NULL;
	}
	options->target = client_target(state, &options->port, options->target_text);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct call_options *options = state->input;

	switch (key) {
	case 'f':
		options->file = arg;
		return 0;
	case KEY_HEX:
		options->hex = true;
		return 0;
	case KEY_TIMEOUT:
		options->timeout_ns =
			parse_duration_ns(state, "--timeout", arg, 1000, UINT64_C(86400000000000));
		return 0;
	case KEY_RETRIES:
		options->retries =
			(uint32_t)parse_number(state, "--retries", arg, 0, CALL_RETRIES_MAX);
		return 0;
	case KEY_BACKOFF:
		options->backoff =
			(uint32_t)parse_number(state, "--backoff", arg, 1, CALL_BACKOFF_MAX);
		return 0;
	case ARGP_KEY_INIT:
		one_line_messages(state);
		state->child_inputs[0] = &options->port;
		return 0;
	case ARGP_KEY_ARG:
		take_word(state, options, arg);
		return 0;
	case ARGP_KEY_END:
		check_options(state, options);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool read_data(struct call_data *data, const struct call_options *options,
		      const char *command)
{
	bool is_there = options->file ? call_data_from_file(data, command, options->file)
				      : call_data_from_text(data, command,
							    options->text ? options->text : "");

	return is_there && (!options->hex || call_data_unhex(data, command));
}

// Bytes that are no UTF-8 become none of JSON's strings: then only `hex` has them.
static int print_json_answer(const char *command, const struct vly_request *request)
{
	char text[VLY_ADDR_TEXT_BYTES];
	char *digits = malloc(2 * (size_t)request->answer_len + 1);
	const uint8_t *bytes = request->answer;
	json_t *object = NULL;

	if (digits) {
		digits[0] = '\0';
		for (uint32_t i = 0; i < request->answer_len; i++)
			snprintf(digits + 2 * (size_t)i, 3, "%02x", bytes[i]);
		object = json_pack("{s:s, s:I, s:I, s:s, s:o?}", "from",
				   vly_addr_format(&request->answerer.addr, text, sizeof(text)),
				   "sent", (json_int_t)request->sent, "rtt_ns",
				   (json_int_t)request->rtt_ns, "hex", digits, "text",
				   json_stringn(request->answer, request->answer_len));
	}
	free(digits);
	return print_json(command, object);
}

static int print_answer(const char *command, const struct call_options *options,
			const struct vly_request *request)
{
	if (options->port.json)
		return print_json_answer(command, request);
	if (options->hex)
		call_data_print_hex(request->answer, request->answer_len);
	else
		call_data_print(request->answer, request->answer_len);
	return STATUS_OK;
}

// Says why there is no answer.
static int report_silence(const char *command, const struct call_options *options,
			  const struct vly_port *port, const struct vly_request *request)
{
	switch (request->status) {
	case -ETIMEDOUT:
		if (!client_say_unsent(command, &options->port, port, &options->target.addr))
			complain(command,
				 "no answer from %s: sent %" PRIu32
				 " time%s, the last wait was %.3g s; "
				 "give it longer with --timeout or --retries",
				 options->target_text, request->sent, request->sent == 1 ? "" : "s",
				 (double)request->wait_ns / 1e9);
		return CALL_NO_ANSWER;
	case -ECONNREFUSED:
		complain(command, "%s refuses: nobody serves that port (an ICMP error says so)",
			 options->target_text);
		return STATUS_FAILED;
	default:
		complain(command, "interrupted");
		return STATUS_FAILED;
	}
}

static int ask(const char *command, const struct call_options *options, struct vly_client *client,
	       struct call_data *question, struct call_data *answer)
{
	struct vly_request request = {
		.peer = options->target,
		.bytes = question->bytes,
		.len = question->len,
		.retries = options->retries,
		.timeout_ns = options->timeout_ns,
		.backoff = options->backoff,
		.answer = answer->bytes,
		.answer_size = sizeof(answer->bytes),
	};
	const struct vly_port *port = vly_client_port(client);
	const atomic_bool *interrupted = client_interruption();
	struct vly_error error = {""};

	if (vly_client_start(client, &request, &error) < 0) {
		if (!client_say_unsent(command, &options->port, port, &options->target.addr))
			complain(command, "%s", error.text);
		return STATUS_FAILED;
	}
	while (request.status == -EINPROGRESS &&
	       !atomic_load_explicit(interrupted, memory_order_relaxed))
		vly_client_poll(client, CALL_SLICE_NS);
	vly_client_cancel(client, &request);
	if (request.status == 0)
		return print_answer(command, options, &request);
	return report_silence(command, options, port, &request);
}

static int run(const char *command, const struct call_options *options, struct call_data *data)
{
	struct vly_client_config config = {
		.port = port_config(&options->port, command),
		.idle = options->port.idle,
	};
	struct vly_error error = {""};
	struct vly_client *client;
	int status;

	if (!read_data(&data[0], options, command) ||
	    client_pin(command, &options->port) != STATUS_OK)
		return STATUS_FAILED;
	if (vly_client_open(&client, &config, &error) < 0) {
		complain(command, "%s", error.text);
		return STATUS_FAILED;
	}
	status = ask(command, options, client, &data[0], &data[1]);
	vly_client_close(client);
	return status;
}

int command_call(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "HOST:PORT [DATA | -]",
		.doc = "Send one datagram to a UDP server and print the answer: DATA, standard "
		       "input (-), a file's bytes or none. The first datagram from HOST:PORT is "
		       "the "
		       "answer.\vExit status: 0 with an answer, 1 on an error or a refusal, 2 for "
		       "usage, 3 without an answer in time.",
		.children = children,
	};
	struct call_options options = {
		.timeout_ns = UINT64_C(1000000000),
		.retries = CALL_RETRIES_DEFAULT,
		.backoff = CALL_BACKOFF_DEFAULT,
	};
	struct call_data *data;
	int status;

	if (!parse_arguments(&argp, argc, argv, 0, &options))
		return STATUS_USAGE;
	data = calloc(2, sizeof(*data)); // question, answer
	if (!data) {
		complain(argv[0], "no memory");
		return STATUS_FAILED;
	}
	status = run(argv[0], &options, data);
	free(data);
	return status;
}
