// SPDX-License-Identifier: BSD-3-Clause
#include "exchange.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monotonic.h"
#include "payload.h"
#include "rest.h"

enum exchange_limits {
	WINDOW = 4096,       // sequence numbers remembered, to tell late from duplicate
	LOOK_NS = 20 * 1000, // after which it may have been refused
	LAST_NS = 100 * 1000 * 1000,
	REFUSED_PAUSE_NS = 10 * 1000 * 1000, // before the next is tried
};

enum flight {
	FLIGHT_NONE,
	FLIGHT_WAITING,
	FLIGHT_RECEIVED,
	FLIGHT_CORRUPT,
	FLIGHT_REFUSED,
};

struct exchange {
	struct exchange_config config;
	struct exchange_counts counts;
	uint64_t sequence; // of the datagram in flight, or the last one
	uint64_t next_ns;  // when the next one may leave
	uint64_t answer_ns;
	uint64_t answer_rx_ns;    // as the backend stamped it
	struct payload_times far; // what the server told of it
	enum flight flight;
	struct rest rest;
	uint64_t answered[WINDOW / 64]; // bits, by sequence number
	uint64_t refusals;              // that the port has counted
	struct payload payload;
};

// An empty datagram that the payload fits, if there is one: of the usual buffers, or of the large.
static struct vly_dgram *take_empty(const struct exchange_config *config)
{
	struct vly_dgram *dgram;

	if (vly_alloc_burst(config->queue, &dgram, 1) == 0)
		return NULL;
	if (dgram->capacity >= config->size_bytes)
		return dgram;
	dgram->fate = VLY_FATE_RELEASE;
	vly_release_burst(config->queue, &dgram, 1);
	return vly_alloc_large_burst(config->queue, &dgram, 1) == 1 ? dgram : NULL;
}

// The port's buffers must hold the payload; asks by taking one.
static int check_size(const struct exchange_config *config, struct vly_error *error)
{
	struct vly_dgram *dgram = take_empty(config);
	uint32_t capacity;

	if (!dgram) {
		snprintf(error->text, sizeof(error->text),
			 "the port has no free buffer; give it more with --buffers");
		return -ENOBUFS;
	}
	capacity = dgram->capacity;
	dgram->fate = VLY_FATE_RELEASE;
	vly_release_burst(config->queue, &dgram, 1);
	if (config->asks_times && config->size_bytes < PAYLOAD_HEADER_BYTES + PAYLOAD_TIMES_BYTES) {
		snprintf(error->text, sizeof(error->text),
			 "--split needs room in the payload for the server's times: --size %d or "
			 "more",
			 PAYLOAD_HEADER_BYTES + PAYLOAD_TIMES_BYTES);
		return -EMSGSIZE;
	}
	if (capacity >= config->size_bytes)
		return 0;
	snprintf(error->text, sizeof(error->text),
		 "--size: %u bytes do not fit the port's buffers, which take %u; "
		 "see the options of volley backends -v",
		 config->size_bytes, capacity);
	return -EMSGSIZE;
}

int exchange_open(struct exchange **exchange, const struct exchange_config *config,
		  struct vly_error *error)
{
	struct exchange *opened;
	int status = check_size(config, error);

	if (status < 0)
		return status;
	opened = calloc(1, sizeof(*opened));
	if (!opened) {
		snprintf(error->text, sizeof(error->text), "no memory");
		return -ENOMEM;
	}
	opened->config = *config;
	opened->rest = (struct rest){.queue = config->queue, .idle = config->idle};
	payload_begin(&opened->payload, config->size_bytes, config->asks_times);
	*exchange = opened;
	return 0;
}

void exchange_close(struct exchange *exchange)
{
	free(exchange);
}

const struct exchange_counts *exchange_counts(const struct exchange *exchange)
{
	return &exchange->counts;
}

void exchange_forget_counts(struct exchange *exchange)
{
	exchange->counts = (struct exchange_counts){0};
}

// Sets the bit of a sequence number and returns what it was.
static bool mark_answered(struct exchange *exchange, uint64_t sequence)
{
	uint64_t *word = &exchange->answered[sequence % WINDOW / 64];
	uint64_t bit = UINT64_C(1) << sequence % 64;
	bool was = *word & bit;

	*word |= bit;
	return was;
}

static void clear_answered(struct exchange *exchange, uint64_t sequence)
{
	exchange->answered[sequence % WINDOW / 64] &= ~(UINT64_C(1) << sequence % 64);
}

static bool is_from_target(const struct exchange *exchange, const struct vly_dgram *dgram)
{
	const struct vly_addr *target = &exchange->config.target.addr;

	if (exchange->config.any_peer)
		return dgram->peer.port == target->port;
	return dgram->peer.port == target->port &&
	       memcmp(dgram->peer.ip, target->ip, sizeof(target->ip)) == 0;
}

// The answer to what is in flight, as it should be or not.
static void take_answer(struct exchange *exchange, const struct vly_dgram *dgram)
{
	mark_answered(exchange, exchange->sequence);
	exchange->answer_rx_ns = dgram->rx_ns;
	exchange->far = payload_take_times(&exchange->payload, dgram);
	exchange->flight =
		payload_is_same(&exchange->payload, dgram) ? FLIGHT_RECEIVED : FLIGHT_CORRUPT;
}

static void take_one(struct exchange *exchange, const struct vly_dgram *dgram)
{
	bool waiting = exchange->flight == FLIGHT_WAITING;
	uint64_t sequence;

	if (!is_from_target(exchange, dgram)) {
		exchange->counts.stray++;
		return;
	}
	if (!payload_has_sequence(&exchange->payload, dgram)) {
		if (waiting)
			take_answer(exchange, dgram);
		else
			exchange->counts.stray++;
		return;
	}
	sequence = payload_sequence(&exchange->payload, dgram, exchange->sequence);
	if (waiting && sequence == exchange->sequence) {
		take_answer(exchange, dgram);
		return;
	}
	if (!payload_is_of_session(&exchange->payload, dgram) || sequence == 0 ||
	    sequence > exchange->sequence || exchange->sequence - sequence >= WINDOW)
		exchange->counts.stray++;
	else if (mark_answered(exchange, sequence))
		exchange->counts.duplicate++;
	else
		exchange->counts.late++;
}

// One poll. Returns whether anything came.
static bool poll_queue(struct exchange *exchange, uint64_t now_ns)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint32_t count = vly_rx_burst(exchange->config.queue, dgrams, VLY_BURST_MAX, now_ns);

	if (count == 0)
		return false;
	exchange->answer_ns = monotonic_ns();
	for (uint32_t i = 0; i < count; i++) {
		take_one(exchange, dgrams[i]);
		dgrams[i]->fate = VLY_FATE_RELEASE;
	}
	vly_release_burst(exchange->config.queue, dgrams, count);
	return true;
}

// Whether the port has been told since that nobody serves the target's port.
static bool is_refused(struct exchange *exchange)
{
	uint64_t before = exchange->refusals;
	struct vly_ledger ledger;

	vly_port_ledger(exchange->config.port, &ledger);
	exchange->refusals = ledger.dropped[VLY_DROP_RX_REFUSED];
	return exchange->refusals != before;
}

// Polls until the deadline; with a datagram in flight, until its answer is there.
static void poll_until(struct exchange *exchange, uint64_t deadline_ns)
{
	bool in_flight = exchange->flight == FLIGHT_WAITING;
	uint64_t now_ns = monotonic_ns();
	uint64_t busy_ns = now_ns;

	for (;; now_ns = monotonic_ns()) {
		if (poll_queue(exchange, now_ns)) {
			busy_ns = now_ns;
			if (in_flight && exchange->flight != FLIGHT_WAITING)
				return;
			continue;
		}
		if (now_ns - busy_ns > LOOK_NS && is_refused(exchange) && in_flight) {
			exchange->flight = FLIGHT_REFUSED;
			return;
		}
		if (now_ns >= deadline_ns)
			return;
		if (atomic_load_explicit(exchange->config.interrupted, memory_order_relaxed)) {
			if (!in_flight)
				return;
			if (deadline_ns > now_ns + LAST_NS)
				deadline_ns = now_ns + LAST_NS;
		}
		rest_a_while(&exchange->rest, now_ns - busy_ns, deadline_ns - now_ns);
	}
}

static struct vly_dgram *make_datagram(struct exchange *exchange)
{
	const struct exchange_config *config = &exchange->config;
	struct vly_dgram *dgram = take_empty(config);

	if (!dgram)
		return NULL;
	dgram->peer = config->target.addr;
	dgram->local = (struct vly_addr){0};
	if (config->target.ifindex != 0)
		dgram->link = config->target.ifindex;
	dgram->len = (uint16_t)config->size_bytes;
	memcpy(vly_dgram_data(dgram), exchange->payload.bytes, config->size_bytes);
	return dgram;
}

// Sends one datagram; a full queue is tried again until the deadline. Returns when it was given
// away, or 0 if it was not.
static uint64_t send_until(struct exchange *exchange, uint64_t deadline_ns)
{
	struct vly_queue *queue = exchange->config.queue;
	struct vly_dgram *dgram = make_datagram(exchange);
	uint64_t sent_ns;

	while ((sent_ns = monotonic_ns()) < deadline_ns) {
		if (dgram && vly_tx_burst(queue, &dgram, 1, sent_ns) == 1)
			return sent_ns;
		// Receiving also moves on what holds buffers, and the stack where there is one.
		poll_queue(exchange, sent_ns);
		sched_yield();
		if (atomic_load_explicit(exchange->config.interrupted, memory_order_relaxed))
			break;
		if (!dgram)
			dgram = make_datagram(exchange);
	}
	if (dgram) {
		dgram->fate = VLY_DROP_TX_FULL;
		vly_release_burst(queue, &dgram, 1);
	}
	return 0;
}

// What part of a round trip was whose. A server that lies, or whose clock runs faster, does not
// make the rest negative.
static struct exchange_times split(const struct exchange *exchange, uint64_t rtt_ns)
{
	const struct payload_times *far = &exchange->far;
	uint64_t near_ns = exchange->answer_ns - exchange->answer_rx_ns;
	uint64_t known_ns = near_ns + far->kernel_ns + far->handler_ns;

	return (struct exchange_times){
		.rtt_ns = rtt_ns,
		.kernel_ns = near_ns + far->kernel_ns,
		.handler_ns = far->handler_ns,
		.wire_ns = known_ns < rtt_ns ? rtt_ns - known_ns : 0,
		.told = far->told,
	};
}

bool exchange_once(struct exchange *exchange, struct exchange_times *times)
{
	const struct exchange_config *config = &exchange->config;
	uint64_t start_ns, sent_ns, deadline_ns;
	enum flight flight;

	if (config->interval_ns > 0 || exchange->next_ns > monotonic_ns())
		poll_until(exchange, exchange->next_ns);
	exchange->sequence++;
	clear_answered(exchange, exchange->sequence);
	payload_number(&exchange->payload, exchange->sequence);
	start_ns = monotonic_ns();
	deadline_ns = start_ns + config->timeout_ns;
	exchange->next_ns = start_ns + config->interval_ns;

	exchange->flight = FLIGHT_WAITING;
	sent_ns = send_until(exchange, deadline_ns);
	if (sent_ns > 0 && exchange->flight == FLIGHT_WAITING)
		poll_until(exchange, deadline_ns);
	flight = exchange->flight;
	if (flight == FLIGHT_REFUSED && exchange->next_ns < monotonic_ns() + REFUSED_PAUSE_NS)
		exchange->next_ns = monotonic_ns() + REFUSED_PAUSE_NS;
	exchange->flight = FLIGHT_NONE;

	exchange->counts.sent++;
	exchange->counts.received += flight == FLIGHT_RECEIVED;
	exchange->counts.corrupt += flight == FLIGHT_CORRUPT;
	exchange->counts.lost += flight == FLIGHT_WAITING;
	exchange->counts.refused += flight == FLIGHT_REFUSED;
	if (flight == FLIGHT_RECEIVED)
		*times = split(exchange, exchange->answer_ns - sent_ns);
	return flight == FLIGHT_RECEIVED;
}
