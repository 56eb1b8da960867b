// SPDX-License-Identifier: BSD-3-Clause
#include "load/throughput.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "arguments.h"
#include "durations.h"
#include "load/report.h"
#include "load/search.h"
#include "monotonic.h"
#include "output.h"

enum {
	TRIAL_LEAST = 1000, // datagrams of a trial: of fewer a small loss would spare all
};

static const double precision = 0.01; // of the rate

// One size, while it is searched for and after.
struct size_search {
	const char *command;
	const struct load_options *options;
	struct generator *generator;
	uint32_t bytes;
	double rates[SEARCH_REPEATS_MAX];
	double losses[SEARCH_REPEATS_MAX];
	uint32_t repeats;          // done
	uint32_t limited;          // of these, by what could be sent
	struct histogram *latency; // of the last trial that was borne
	bool shows_progress;
	bool has_clock_jumped; // of the last trial: backwards
	bool is_no_echo;       // as a trial found: all that came back had been altered
};

static void show_trial(const struct size_search *search, double rate_pps)
{
	if (!search->shows_progress)
		return;
	fprintf(stderr, "\r%" PRIu32 " bytes, search %" PRIu32 " of %" PRIu32 ": ", search->bytes,
		search->repeats + 1, search->options->repeats);
	if (rate_pps > 0)
		fprintf(stderr, "%.0f a second\033[K", rate_pps);
	else
		fputs("as many as it takes\033[K", stderr);
}

static bool try_rate(void *arg, double rate_pps, struct search_trial *trial)
{
	struct size_search *search = arg;
	const struct generator_run run = {
		.arrivals =
			{
				.kind = search->options->arrivals,
				.burst = search->options->burst,
				.from_pps = rate_pps > 0 ? rate_pps : 1,
				.to_pps = rate_pps > 0 ? rate_pps : 1,
				.duration_ns = search->options->time_ns,
				.seed = search->options->seed,
			},
		.is_unlimited = rate_pps <= 0,
	};
	struct generator_result result;
	const struct generator_counts *counts = &result.counts;
	double seconds;

	show_trial(search, rate_pps);
	result = generator_run(search->generator, &run);
	seconds = (double)result.sending_ns / 1e9;
	search->has_clock_jumped = result.has_clock_jumped;
	search->is_no_echo = counts->received == 0 && counts->truncated + counts->corrupt > 0;
	if (result.is_interrupted || counts->sent == 0 || search->is_no_echo ||
	    result.has_clock_jumped)
		return false;
	trial->sent_pps = (double)counts->sent / seconds;
	trial->received_pps = (double)counts->received_sending / seconds;
	trial->loss = (double)(counts->sent - counts->received) / (double)counts->sent;
	trial->kept_up = generator_has_kept_up(&result);
	if (trial->kept_up && trial->loss <= search->options->loss_limit)
		histogram_copy(search->latency, result.latency);
	return true;
}

// False: interrupted, or there is nothing to search for.
static bool search_size(struct size_search *search)
{
	const struct search_config config = {
		.loss_limit = search->options->loss_limit,
		.precision = precision,
		.least_pps = TRIAL_LEAST * 1e9 / (double)search->options->time_ns,
		.try_rate = try_rate,
		.arg = search,
	};

	while (search->repeats < search->options->repeats) {
		struct search_outcome outcome;

		if (!search_run(&config, &outcome))
			return false;
		search->rates[search->repeats] = outcome.rate_pps;
		search->losses[search->repeats++] = outcome.loss;
		search->limited += outcome.is_limited_here;
	}
	return true;
}

// --- the result of one size ---------------------------------------------------------------------

static void print_title(const struct load_options *options, const struct vly_port *port)
{
	char target[VLY_ADDR_TEXT_BYTES];

	printf("highest rate to %s over %s at which at most %.4g %% are lost, in trials of %.3g s, "
	       "%" PRIu32 " search%s for each size\n",
	       vly_addr_format(&options->target.addr, target, sizeof(target)),
	       vly_port_summary(port), options->loss_limit * 100, (double)options->time_ns / 1e9,
	       options->repeats, options->repeats == 1 ? "" : "es");
	printf("%7s %12s %10s %9s %12s %12s\n", "bytes", "a second", "+- (95 %)", "Gbit/s",
	       "p50 us", "p99 us");
}

static void print_size(const struct size_search *search)
{
	double rate = search_mean(search->rates, search->repeats);
	double confidence = search_confidence(search->rates, search->repeats);
	const char *limited = search->limited ? "  (limited by what can be sent)" : "";

	printf("%7" PRIu32 " %12.0f ", search->bytes, rate);
	if (confidence >= 0)
		printf("%10.0f ", confidence);
	else
		printf("%10s ", "?");
	if (rate <= 0) {
		printf("%9s %12s %12s  (no rate was borne)\n", "--", "--", "--");
		return;
	}
	printf("%9.3f %12.3f %12.3f%s\n", rate * search->bytes * 8 / 1e9,
	       (double)histogram_percentile(search->latency, HISTOGRAM_PPM / 2) / 1e3,
	       (double)histogram_percentile(search->latency, HISTOGRAM_PPM / 100 * 99) / 1e3,
	       limited);
}

static json_t *json_size(const struct size_search *search)
{
	double rate = search_mean(search->rates, search->repeats);
	double confidence = search_confidence(search->rates, search->repeats);
	json_t *rates = json_array();

	for (uint32_t i = 0; i < search->repeats; i++)
		json_array_append_new(rates, json_real(search->rates[i]));
	return json_pack(
		"{s:I, s:f, s:o, s:f, s:f, s:o, s:b, s:o}", "bytes", (json_int_t)search->bytes,
		"rate_pps", rate, "ci95_pps", confidence >= 0 ? json_real(confidence) : json_null(),
		"bps", rate * search->bytes * 8, "loss",
		search_mean(search->losses, search->repeats), "rates_pps", rates, "sender_limited",
		search->limited > 0, "latency_ns", json_durations(search->latency));
}

// --- all sizes ----------------------------------------------------------------------------------

enum size_status {
	SIZE_DONE,
	SIZE_INTERRUPTED,
	SIZE_SILENT,
	SIZE_NO_ECHO,
	SIZE_CLOCK, // went backwards
	SIZE_FAILED,
};

// Searches for one size, from its generator to its line. What a search in the middle had found is
// told as far as it got.
static enum size_status measure_size(struct size_search *search,
				     const struct generator_config *given, json_t *sizes)
{
	struct generator_config config = *given;
	struct content content = {.count = 0};
	struct vly_error error = {""};
	enum size_status status = SIZE_FAILED;

	config.content = &content;
	config.stamp = stamp_make(search->options->is_sockperf);
	histogram_reset(search->latency);
	if (content_open_fixed(&content, search->bytes, &error) < 0 ||
	    generator_open(&search->generator, &config, &error) < 0) {
		complain(search->command, "%s", error.text);
	} else if (!generator_knock(search->generator)) {
		status = SIZE_SILENT;
	} else {
		status = search_size(search) ? SIZE_DONE : SIZE_INTERRUPTED;
		if (search->is_no_echo)
			status = SIZE_NO_ECHO;
		if (search->has_clock_jumped)
			status = SIZE_CLOCK;
	}
	if (search->shows_progress)
		fputs("\r\033[K", stderr);
	if (search->repeats && sizes)
		json_array_append_new(sizes, json_size(search));
	else if (search->repeats)
		print_size(search);
	generator_close(search->generator);
	content_close(&content);
	return status;
}

static int tell_end(const char *command, const struct load_options *options,
		    enum size_status status, uint32_t bytes)
{
	char target[VLY_ADDR_TEXT_BYTES];

	vly_addr_format(&options->target.addr, target, sizeof(target));
	if (status == SIZE_DONE)
		return STATUS_OK;
	if (status == SIZE_INTERRUPTED)
		complain(command, "interrupted: the figures are those of the searches before");
	else if (status == SIZE_SILENT)
		complain(command,
			 "%s does not answer %" PRIu32 " bytes within %.3g s; is it an echo?",
			 target, bytes, (double)options->timeout_ns / 1e9);
	else if (status == SIZE_NO_ECHO)
		complain(command,
			 "%s is no plain echo: of %" PRIu32 " bytes it answers fewer, or others",
			 target, bytes);
	else if (status == SIZE_CLOCK)
		load_warn_clock(command);
	return STATUS_FAILED;
}

static int print_object(const char *command, const struct load_options *options,
			const struct vly_port *port, json_t *sizes, enum size_status status)
{
	char target[VLY_ADDR_TEXT_BYTES];

	vly_addr_format(&options->target.addr, target, sizeof(target));
	return print_json(command,
			  json_pack("{s:s, s:s, s:{s:f, s:f, s:I, s:f}, s:b, s:o}", "target",
				    target, "backend", vly_port_backend(port), "search",
				    "loss_limit", options->loss_limit, "trial_seconds",
				    (double)options->time_ns / 1e9, "repeats",
				    (json_int_t)options->repeats, "precision", precision,
				    "interrupted", status == SIZE_INTERRUPTED, "sizes", sizes));
}

int throughput_measure(const char *command, const struct load_options *options,
		       const struct generator_config *config)
{
	struct histogram *latency = histogram_open();
	json_t *sizes = options->port.json ? json_array() : NULL;
	enum size_status status = SIZE_DONE;
	int rc = STATUS_OK;

	if (!latency) {
		complain(command, "no memory");
		json_decref(sizes);
		return STATUS_FAILED;
	}
	if (!sizes)
		print_title(options, config->port);
	for (uint32_t i = 0; i < options->search_size_count && status == SIZE_DONE; i++) {
		struct size_search search = {
			.command = command,
			.options = options,
			.bytes = options->search_sizes[i],
			.latency = latency,
			.shows_progress = isatty(STDERR_FILENO),
		};

		status = measure_size(&search, config, sizes);
		rc = tell_end(command, options, status, search.bytes);
	}
	if (sizes && print_object(command, options, config->port, sizes, status) != STATUS_OK)
		rc = STATUS_FAILED;
	histogram_close(latency);
	return rc;
}
