// SPDX-License-Identifier: BSD-3-Clause
#include "load/options.h"

#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "client.h"
#include "load/flows.h"
#include "load/search.h"
#include "load/stamp.h"
#include "monotonic.h"

enum load_key {
	KEY_FLOWS = KEY_PRIVATE,
	KEY_ARRIVALS,
	KEY_RAMP,
	KEY_PCAP,
	KEY_STAMP,
	KEY_PAYLOAD,
	KEY_ONE_WAY,
	KEY_TIMEOUT,
	KEY_WARMUP,
	KEY_SEED,
	KEY_HGRM,
	KEY_SEARCH,
	KEY_LOSS,
	KEY_REPEATS,
};

enum load_limits {
	NS_OF_MS = 1000000,
	DAY_S = 24 * 3600,
	BURST_MAX = 1000000,
	RATE_MAX = 1000000000,
	RATE_DEFAULT = 10000,
	TIME_DEFAULT_S = 5,
	SEARCH_TIME_DEFAULT_S = 1,
	SEARCH_TIMEOUT_MS = 200,
	REPEATS_DEFAULT = 5,
};

static const char size_default[] = "64";

static const struct argp_option options_table[] = {
	{NULL, 0, NULL, 0, "The load:", 2},
	{"rate", 'r', "RATE", 0,
	 "Datagrams a second, as 5000, 200k or 1.5M (default 10k), or max: whatever the port takes",
	 2},
	{"ramp", KEY_RAMP, "FROM..TO", 0, "A rate that changes evenly over the time", 2},
	{"arrivals", KEY_ARRIVALS, "HOW", 0,
	 "constant (the default), poisson, or burst:N, N at a time", 2},
	{"time", 't', "SECONDS", 0, "Stop after this time (without -n, the default: 5)", 2},
	{"count", 'n', "N", 0, "Stop after N datagrams", 2},
	{"warmup", KEY_WARMUP, "SECONDS", 0, "Send for this time before, which counts nothing", 2},
	{"timeout", KEY_TIMEOUT, "SECONDS", 0,
	 "How long to wait for answers after the last datagram (default 1)", 2},
	{"flows", KEY_FLOWS, "N", 0,
	 "Send from N source ports in turn, and with several -a from their addresses too "
	 "(default 1)",
	 2},
	{"size", 's', "BYTES|imix|FILE", 0,
	 "Payload, 16 to 65507 (default 64); a mix of 18, 524 and 1472; or a file with one size a "
	 "line",
	 2},
	{"pcap", KEY_PCAP, "FILE", 0, "Replay the UDP payloads of a capture, as they are", 2},
	{"stamp", KEY_STAMP, NULL, 0,
	 "Write numbers over the first 16 bytes of what --pcap replays, so that answers are told "
	 "apart",
	 2},
	{"payload", KEY_PAYLOAD, "KIND", 0,
	 "plain (the default), for any echo, or sockperf, for sockperf's server", 2},
	{"one-way", KEY_ONE_WAY, NULL, 0, "Nobody answers, as a sink", 2},
	{"seed", KEY_SEED, "N", 0, "Of poisson arrivals (default 1)", 2},
	{"hgrm", KEY_HGRM, "FILE", 0, "Write the percentiles there, as HdrHistogram does", 2},
	{NULL, 0, NULL, 0, "The search:", -2},
	{"search", KEY_SEARCH, NULL, 0,
	 "Find the highest rate without loss for each of the sizes (-s LIST, default 64 to 1472), "
	 "in "
	 "trials of -t (default 1)",
	 -2},
	{"loss", KEY_LOSS, "PART", 0, "What may be lost, as in 0.1% (default 0)", -2},
	{"repeats", KEY_REPEATS, "N", 0, "Searches for each size (default 5)", -2},
	{0},
};

static const struct argp_child children[] = {
	{&port_argp, 0, NULL, 0},
	{0},
};

// "5000", "1.5M": returns what follows the number, or NULL.
static const char *read_rate(const char *text, double *rate)
{
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	*rate = strtod(text, &end);
	switch (*end) {
	case 'k':
		*rate *= 1e3;
		return end + 1;
	case 'M':
		*rate *= 1e6;
		return end + 1;
	default:
		return end;
	}
}

static bool is_rate(double rate)
{
	return rate > 0 && rate <= RATE_MAX;
}

static void parse_rate(const struct argp_state *state, struct load_options *options,
		       const char *text)
{
	const char *end = read_rate(text, &options->rate_pps);

	options->is_unlimited = strcmp(text, "max") == 0;
	if (options->is_unlimited)
		return;
	if (!end || *end || !is_rate(options->rate_pps))
		usage_error(state,
			    "--rate: '%s' is no rate; write 5000, 200k or 1.5M (a second, up to "
			    "1000M), or max",
			    text);
	options->from_pps = options->rate_pps;
}

static void parse_ramp(const struct argp_state *state, struct load_options *options,
		       const char *text)
{
	const char *end = read_rate(text, &options->from_pps);

	end = end && strncmp(end, "..", 2) == 0 ? read_rate(end + 2, &options->rate_pps) : NULL;
	if (!end || *end || !is_rate(options->from_pps) || !is_rate(options->rate_pps))
		usage_error(state, "--ramp: '%s' is no pair of rates; write 10k..1M", text);
}

static void parse_arrivals(const struct argp_state *state, struct load_options *options,
			   const char *text)
{
	static const char burst[] = "burst:";

	if (strcmp(text, "constant") == 0) {
		options->arrivals = ARRIVALS_CONSTANT;
	} else if (strcmp(text, "poisson") == 0) {
		options->arrivals = ARRIVALS_POISSON;
	} else if (strncmp(text, burst, strlen(burst)) == 0) {
		options->arrivals = ARRIVALS_BURST;
		options->burst = (uint32_t)parse_number(state, "--arrivals: burst",
							text + strlen(burst), 1, BURST_MAX);
	} else {
		usage_error(state, "--arrivals: '%s' is none of constant, poisson, burst:N", text);
	}
}

static void parse_payload(const struct argp_state *state, struct load_options *options,
			  const char *text)
{
	options->is_sockperf = strcmp(text, "sockperf") == 0;
	if (!options->is_sockperf && strcmp(text, "plain") != 0)
		usage_error(state, "--payload: '%s' is none of plain, sockperf", text);
}

// What a payload must have room for.
static uint32_t least_bytes(const struct load_options *options)
{
	if (!options->is_stamped)
		return 0;
	return options->is_sockperf ? STAMP_SOCKPERF_BYTES : STAMP_PLAIN_BYTES;
}

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == 0;
}

static void parse_loss(const struct argp_state *state, struct load_options *options,
		       const char *text)
{
	char *end = NULL;

	if (*text >= '0' && *text <= '9')
		options->loss_limit = strtod(text, &end);
	if (end && *end == '%') {
		options->loss_limit /= 100;
		end++;
	}
	if (!end || *end || !(options->loss_limit < 1))
		usage_error(state, "--loss: '%s' is no part below all; write 0.1%% or 0.001", text);
}

// The frames of RFC 2544, section 9.1, as far as payloads can be so.
static void set_search_sizes(const struct argp_state *state, struct load_options *options)
{
	static const uint32_t sizes[] = {64, 128, 256, 512, 1024, 1280, 1472};

	memcpy(options->search_sizes, sizes, sizeof(sizes));
	options->search_size_count = sizeof(sizes) / sizeof(sizes[0]);
	if (options->size_text)
		options->search_size_count =
			parse_list(state, "--size", options->size_text, options->search_sizes,
				   SEARCH_SIZES_MAX, VLY_DGRAM_BYTES_MAX);
	for (uint32_t i = 0; i < options->search_size_count; i++) {
		if (options->search_sizes[i] < least_bytes(options))
			usage_error(state, "--size: %u is below %u bytes", options->search_sizes[i],
				    least_bytes(options));
	}
}

static void check_search(const struct argp_state *state, struct load_options *options)
{
	if (options->capture || options->is_one_way || options->count || options->hgrm_file)
		usage_error(state, "--search: not with --pcap, --one-way, --count or --hgrm");
	options->is_stamped = true;
	if (!options->time_ns)
		options->time_ns = (uint64_t)SEARCH_TIME_DEFAULT_S * NS_PER_SECOND;
	if (!options->timeout_ns)
		options->timeout_ns = (uint64_t)SEARCH_TIMEOUT_MS * NS_OF_MS;
	options->is_unlimited = true; // it begins with that
	set_search_sizes(state, options);
	options->size_text = size_default;
}

static void check_options(const struct argp_state *state, struct load_options *options)
{
	const char *size = options->size_text;

	if (!options->target_text)
		usage_error(state, "to whom? give HOST:PORT");
	options->target = client_target(state, &options->port, options->target_text);
	if (options->searches) {
		check_search(state, options);
		return;
	}
	if (!options->timeout_ns)
		options->timeout_ns = NS_PER_SECOND;
	if (options->capture && size)
		usage_error(state, "--pcap and --size exclude each other");
	if (options->capture && options->is_sockperf && !options->is_stamped)
		usage_error(state, "--payload sockperf: needs --stamp to replay a capture");
	if (!options->capture)
		options->is_stamped = true;
	options->size_text = size ? size : size_default;
	if (is_number(options->size_text))
		parse_number(state, "--size", options->size_text, least_bytes(options),
			     VLY_DGRAM_BYTES_MAX);
	if (options->count == 0 && options->time_ns == 0)
		options->time_ns = (uint64_t)TIME_DEFAULT_S * NS_PER_SECOND;
}

static error_t parse_flag(int key, struct load_options *options)
{
	switch (key) {
	case KEY_STAMP:
		options->is_stamped = true;
		return 0;
	case KEY_ONE_WAY:
		options->is_one_way = true;
		return 0;
	case KEY_SEARCH:
		options->searches = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_content(int key, const char *arg, const struct argp_state *state,
			     struct load_options *options)
{
	switch (key) {
	case 's':
		options->size_text = arg;
		return 0;
	case KEY_PCAP:
		options->capture = arg;
		return 0;
	case KEY_PAYLOAD:
		parse_payload(state, options, arg);
		return 0;
	case KEY_HGRM:
		options->hgrm_file = arg;
		return 0;
	case KEY_LOSS:
		parse_loss(state, options, arg);
		return 0;
	case KEY_REPEATS:
		options->repeats =
			(uint32_t)parse_number(state, "--repeats", arg, 1, SEARCH_REPEATS_MAX);
		return 0;
	default:
		return parse_flag(key, options);
	}
}

static error_t parse_load(int key, const char *arg, const struct argp_state *state,
			  struct load_options *options)
{
	const uint64_t day_ns = (uint64_t)DAY_S * NS_PER_SECOND;

	switch (key) {
	case 'r':
		parse_rate(state, options, arg);
		return 0;
	case KEY_RAMP:
		parse_ramp(state, options, arg);
		return 0;
	case KEY_ARRIVALS:
		parse_arrivals(state, options, arg);
		return 0;
	case 'n':
		options->count = parse_number(state, "--count", arg, 1, INT64_MAX);
		return 0;
	case 't':
		options->time_ns = parse_duration_ns(state, "--time", arg, 1000000, 365 * day_ns);
		return 0;
	case KEY_WARMUP:
		options->warmup_ns = parse_duration_ns(state, "--warmup", arg, 0, day_ns);
		return 0;
	case KEY_TIMEOUT:
		options->timeout_ns = parse_duration_ns(state, "--timeout", arg, 1000, day_ns);
		return 0;
	case KEY_FLOWS:
		options->flows = (uint32_t)parse_number(state, "--flows", arg, 1, FLOWS_MAX);
		return 0;
	case KEY_SEED:
		options->seed = parse_number(state, "--seed", arg, 0, UINT64_MAX);
		return 0;
	default:
		return parse_content(key, arg, state, options);
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct load_options *options = state->input;

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
	default:
		return parse_load(key, arg, state, options);
	}
}

bool load_options_read(struct load_options *options, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = parse_option,
		.args_doc = "HOST:PORT",
		.doc = "Send datagrams by a schedule, whether answers come or not, and say what "
		       "became of them: how long each took from when it was due, and what was "
		       "lost, "
		       "doubled, reordered or changed on its way.",
		.children = children,
	};

	*options = (struct load_options){
		.rate_pps = RATE_DEFAULT,
		.from_pps = RATE_DEFAULT,
		.repeats = REPEATS_DEFAULT,
		.flows = 1,
		.seed = 1,
	};
	return parse_arguments(&argp, argc, argv, 0, options);
}

int load_options_content(const struct load_options *options, struct content *content,
			 struct vly_error *error)
{
	const char *size = options->size_text;
	uint32_t least = least_bytes(options);

	if (options->capture)
		return content_open_capture(content, options->capture, least, error);
	if (is_number(size))
		return content_open_fixed(content, (uint32_t)strtoul(size, NULL, 10), error);
	if (strcmp(size, "imix") == 0)
		return content_open_imix(content, error);
	return content_open_sizes(content, size, least, error);
}
