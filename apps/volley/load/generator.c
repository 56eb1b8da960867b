// SPDX-License-Identifier: BSD-3-Clause
#include "load/generator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/generator_state.h"
#include "monotonic.h"

enum {
	LAST_NS = 100 * 1000 * 1000,   // given to what is under way after an interruption
	EARLY_NS = 150 * 1000,         // before the next one is due a wait ends: wakers are late
	HOPE_NS = 10 * 1000 * 1000,    // for which answers are expected, and not slept over
	KNOCK_PPS = 20,                // datagrams until the first answer
	KNOCK_ONE_WAY_NS = 150000000,  // for what the stack asks before it sends
	BEHIND_SHARE = 1000,           // of what was asked: one in so many may be left unsent
	SKIPPED_JUMP_NS = 1000 * 1000, // shorter steps back are the clock's own grain
};

// --- opening ------------------------------------------------------------------------------------

// The port's buffers must hold the payloads; asks by taking one.
static int check_size(const struct generator_config *config, struct vly_error *error)
{
	struct vly_dgram *dgram;
	uint32_t capacity;

	if (vly_alloc_burst(config->queue, &dgram, 1) == 0)
		goto err_none;
	capacity = dgram->capacity;
	dgram->fate = VLY_FATE_RELEASE;
	vly_release_burst(config->queue, &dgram, 1);
	if (capacity >= config->content->size_max)
		return 0;
	if (vly_alloc_large_burst(config->queue, &dgram, 1) == 0)
		goto err_none;
	capacity = dgram->capacity;
	dgram->fate = VLY_FATE_RELEASE;
	vly_release_burst(config->queue, &dgram, 1);
	if (capacity >= config->content->size_max)
		return 0;
	snprintf(error->text, sizeof(error->text),
		 "%u bytes do not fit the port's buffers, which take %u; see the options of "
		 "volley backends -v",
		 config->content->size_max, capacity);
	return -EMSGSIZE;

err_none:
	snprintf(error->text, sizeof(error->text),
		 "the port has no free buffer; give it more with --buffers");
	return -ENOBUFS;
}

int generator_open(struct generator **generator, const struct generator_config *config,
		   struct vly_error *error)
{
	struct generator *opened;
	int rc = check_size(config, error);

	if (rc < 0)
		return rc;
	opened = calloc(1, sizeof(*opened));
	if (!opened)
		goto err_memory;
	opened->config = *config;
	opened->rest = (struct rest){.queue = config->queue, .idle = config->idle};
	opened->latency = histogram_open();
	opened->lag = histogram_open();
	rc = sent_open(&opened->sent, config->window, config->flow_count);
	if (!opened->latency || !opened->lag || rc < 0)
		goto err_memory;
	*generator = opened;
	return 0;

err_memory:
	generator_close(opened);
	snprintf(error->text, sizeof(error->text), "no memory");
	return -ENOMEM;
}

void generator_close(struct generator *generator)
{
	if (!generator)
		return;
	histogram_close(generator->latency);
	histogram_close(generator->lag);
	sent_close(&generator->sent);
	free(generator);
}

// --- the loop -----------------------------------------------------------------------------------

uint64_t generator_now(struct generator *generator)
{
	uint64_t now_ns = generator->config.clock(generator->config.clock_arg);
	uint64_t least_ns = generator->start_ns + generator->clock_ns;

	if (now_ns + SKIPPED_JUMP_NS < least_ns) {
		// Goes on from where it was, or the run would last until the clock is there again.
		generator->result.has_clock_jumped = true;
		generator->start_ns = now_ns - generator->clock_ns;
	} else if (now_ns > least_ns) {
		generator->clock_ns = now_ns - generator->start_ns;
	}
	return generator->clock_ns;
}

static bool is_interrupted(const struct generator *generator)
{
	return atomic_load_explicit(generator->config.interrupted, memory_order_relaxed);
}

static uint64_t count_refused(const struct generator *generator)
{
	struct vly_ledger ledger;

	vly_port_ledger(generator->config.port, &ledger);
	return ledger.dropped[VLY_DROP_RX_REFUSED];
}

static void begin(struct generator *generator, const struct generator_run *run)
{
	generator->run = *run;
	generator->result = (struct generator_result){
		.latency = generator->latency,
		.lag = generator->lag,
	};
	histogram_reset(generator->latency);
	histogram_reset(generator->lag);
	sent_begin(&generator->sent);
	arrivals_begin(&generator->arrivals, &run->arrivals);
	generator->refused = count_refused(generator);
	generator->answered = 0;
	generator->heard = 0;
	generator->clock_ns = 0;
	generator->sent_ns = 0;
	generator->end_ns = run->arrivals.duration_ns;
	generator->start_ns = generator->config.clock(generator->config.clock_arg);
}

// Rests if there is time until the next one is due. An answer that is expected is not slept over:
// to be woken takes longer than many a round trip.
// Returns the time then.
static uint64_t rest_until(struct generator *generator, uint64_t busy_ns, uint64_t next_ns)
{
	uint64_t now_ns = generator->clock_ns;
	uint64_t out = generator->result.counts.sent - generator->answered;
	bool is_hoping = out && !generator->config.is_one_way && generator->config.is_stamped &&
			 now_ns - generator->sent_ns < HOPE_NS &&
			 generator->config.idle == VLY_IDLE_ADAPTIVE;

	if (is_hoping || next_ns <= now_ns + EARLY_NS)
		return now_ns;
	rest_a_while(&generator->rest, now_ns - busy_ns, next_ns - now_ns - EARLY_NS);
	return generator_now(generator);
}

static void note_pause(struct generator *generator, uint64_t pause_ns)
{
	if (pause_ns > generator->result.pause_max_ns)
		generator->result.pause_max_ns = pause_ns;
}

// Whether there is anything left to send.
static bool keeps_sending(struct generator *generator, uint64_t now_ns)
{
	if (is_interrupted(generator)) {
		generator->result.is_interrupted = true;
		generator->end_ns = now_ns < generator->end_ns ? now_ns : generator->end_ns;
		return false;
	}
	if (generator->run.count && generator_next_ns(generator) == UINT64_MAX)
		return false;
	return now_ns < generator->end_ns;
}

// Due, and not sent. With a limit to their number no more than that are due.
static uint64_t count_unsent(const struct generator *generator)
{
	const struct generator_run *run = &generator->run;
	uint64_t unsent = arrivals_left(&generator->arrivals, generator->end_ns);
	uint64_t numbered = generator->sent.next - generator->sent.first;

	if (run->is_unlimited)
		return 0;
	if (run->count && unsent > run->count - numbered)
		unsent = run->count - numbered;
	return unsent;
}

// When there is something to do again.
static uint64_t next_of_loop(const struct generator *generator)
{
	uint64_t next_ns = generator_next_ns(generator);

	return next_ns < generator->end_ns ? next_ns : generator->end_ns;
}

static void send_all(struct generator *generator, bool until_heard)
{
	uint64_t now_ns = 0, busy_ns = 0;

	generator->is_sending = true;
	while (keeps_sending(generator, now_ns) && !(until_heard && generator->heard)) {
		uint64_t before_ns = now_ns;
		bool has_done = generator_take(generator);

		now_ns = generator_now(generator);
		note_pause(generator, now_ns - before_ns);
		has_done |= generator_send_due(generator, now_ns);
		if (has_done)
			busy_ns = now_ns;
		else
			now_ns = rest_until(generator, busy_ns, next_of_loop(generator));
	}
	generator->is_sending = false;
	generator->result.sending_ns = now_ns < generator->end_ns ? now_ns : generator->end_ns;
	generator->result.counts.unsent = count_unsent(generator);
	generator_send_end(generator);
}

// Whether an answer may still come.
static bool keeps_waiting(struct generator *generator, uint64_t now_ns, uint64_t end_ns)
{
	const struct generator_config *config = &generator->config;

	if (config->is_one_way || now_ns >= end_ns)
		return false;
	return !config->is_stamped || generator->answered < generator->result.counts.sent;
}

static void wait_for_rest(struct generator *generator)
{
	uint64_t now_ns = generator_now(generator);
	uint64_t busy_ns = now_ns;
	uint64_t end_ns = now_ns + generator->config.timeout_ns;
	bool was_interrupted = false;

	while (keeps_waiting(generator, now_ns, end_ns)) {
		if (is_interrupted(generator) && !was_interrupted) {
			was_interrupted = true;
			end_ns = now_ns + LAST_NS < end_ns ? now_ns + LAST_NS : end_ns;
		}
		if (generator_take(generator))
			busy_ns = now_ns;
		else
			rest_until(generator, busy_ns, end_ns);
		now_ns = generator_now(generator);
	}
}

struct generator_result generator_run(struct generator *generator, const struct generator_run *run)
{
	begin(generator, run);
	send_all(generator, false);
	wait_for_rest(generator);
	generator->result.counts.refused = count_refused(generator) - generator->refused;
	return generator->result;
}

bool generator_has_kept_up(const struct generator_result *result)
{
	const struct generator_counts *counts = &result->counts;

	return counts->unsent <= (counts->sent + counts->unsent) / BEHIND_SHARE;
}

bool generator_knock(struct generator *generator)
{
	const struct generator_config *config = &generator->config;
	const struct generator_run run = {
		.arrivals =
			{
				.from_pps = KNOCK_PPS,
				.to_pps = KNOCK_PPS,
				.duration_ns =
					config->is_one_way ? KNOCK_ONE_WAY_NS : config->timeout_ns,
			},
	};

	begin(generator, &run);
	send_all(generator, true);
	return generator->heard > 0;
}
