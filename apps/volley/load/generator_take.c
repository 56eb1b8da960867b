// SPDX-License-Identifier: BSD-3-Clause
#include <string.h>

#include "load/generator_state.h"

enum {
	BURSTS = 4, // of one turn: what is due must not wait long
};

static inline bool is_from_target(const struct generator_config *config,
				  const struct vly_dgram *dgram)
{
	const struct vly_addr *target = &config->target.addr;

	return dgram->peer.port == target->port &&
	       (config->any_peer || memcmp(dgram->peer.ip, target->ip, sizeof(target->ip)) == 0);
}

// Whether what is behind the stamp is as it was sent; the lengths are the same.
static bool has_same_rest(const struct generator_config *config, const struct vly_dgram *dgram,
			  uint64_t sequence)
{
	const uint8_t *bytes =
		content_bytes(config->content, content_index(config->content, sequence));
	uint32_t stamp = stamp_bytes(&config->stamp, dgram->len);

	return content_is_same(vly_dgram_data(dgram) + stamp, bytes + stamp, dgram->len - stamp);
}

// The first answer to a datagram.
static void take_first(struct generator *generator, const struct vly_dgram *dgram,
		       uint64_t sequence, uint64_t due_ns, uint64_t now_ns)
{
	struct generator_counts *counts = &generator->result.counts;
	const struct content *content = generator->config.content;
	uint32_t len = content->sizes[content_index(content, sequence)];

	generator->answered++;
	if (dgram->len < len) {
		counts->truncated++;
	} else if (dgram->len > len || !has_same_rest(&generator->config, dgram, sequence)) {
		counts->corrupt++;
	} else {
		counts->received++;
		counts->received_sending += generator->is_sending;
		histogram_record(generator->latency, now_ns > due_ns ? now_ns - due_ns : 0);
	}
}

static void take_stamped(struct generator *generator, const struct vly_dgram *dgram,
			 uint64_t now_ns)
{
	struct generator_counts *counts = &generator->result.counts;
	enum sent_verdict verdict = SENT_NEVER;
	uint64_t sequence = 0, due_ns = 0;

	if (stamp_read(&generator->config.stamp, vly_dgram_data(dgram), dgram->len, &sequence))
		verdict = sent_take(&generator->sent, sequence, &due_ns);
	switch (verdict) {
	case SENT_REORDERED:
		counts->reordered++;
		take_first(generator, dgram, sequence, due_ns, now_ns);
		break;
	case SENT_ANSWERED:
		take_first(generator, dgram, sequence, due_ns, now_ns);
		break;
	case SENT_DUPLICATE:
		counts->duplicate++;
		break;
	case SENT_LATE:
		counts->late++;
		break;
	case SENT_EARLIER:
		break;
	case SENT_NEVER:
		counts->unrecognised++;
		break;
	}
}

static void take_one(struct generator *generator, const struct vly_dgram *dgram, uint64_t now_ns)
{
	struct generator_counts *counts = &generator->result.counts;

	if (!is_from_target(&generator->config, dgram) || generator->config.is_one_way) {
		counts->stray++;
		return;
	}
	generator->heard++;
	if (generator->config.is_stamped) {
		take_stamped(generator, dgram, now_ns);
	} else {
		counts->received++;
		counts->received_sending += generator->is_sending;
	}
}

// Of a payload of 64 bytes, what lies in the next line of the cache.
static void fetch(struct vly_dgram *const *dgrams, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		__builtin_prefetch(vly_dgram_data(dgrams[i]) + STAMP_PLAIN_BYTES + 16);
}

// Latencies of one burst: those of what was sent in one burst are the same.
struct latencies {
	struct histogram *histogram;
	uint64_t now_ns;
	uint64_t due_ns; // of the last `count`, which are not recorded yet
	uint64_t count;
};

static void record_last(const struct latencies *latencies)
{
	uint64_t now_ns = latencies->now_ns, due_ns = latencies->due_ns;

	histogram_record_many(latencies->histogram, now_ns > due_ns ? now_ns - due_ns : 0,
			      latencies->count);
}

static inline void record(struct latencies *latencies, uint64_t due_ns)
{
	if (due_ns != latencies->due_ns) {
		record_last(latencies);
		latencies->due_ns = due_ns;
		latencies->count = 0;
	}
	latencies->count++;
}

// Takes what nearly all answers to datagrams of one size are: the first one, in its flow's order,
// with the same bytes. Returns how many are so, from the first on; they are counted by the burst.
static uint32_t take_alike(struct generator *generator, struct vly_dgram *const *dgrams,
			   uint32_t count, uint64_t now_ns)
{
	// Copies: what is written to the tables cannot change them, so they need no second look.
	const struct generator_config config = generator->config;
	const uint32_t len = config.content->sizes[0];
	const uint8_t *bytes = content_bytes(config.content, 0);
	struct sent sent = generator->sent;
	struct latencies latencies = {.histogram = generator->latency, .now_ns = now_ns};
	uint32_t stamp = stamp_bytes(&config.stamp, len);
	uint32_t taken = 0;

	for (; taken < count; taken++) {
		const struct vly_dgram *dgram = dgrams[taken];
		const uint8_t *payload = vly_dgram_data(dgram);
		uint64_t sequence, due_ns;

		if (dgram->len != len || !is_from_target(&config, dgram) ||
		    !stamp_read(&config.stamp, payload, len, &sequence) ||
		    !content_is_same(payload + stamp, bytes + stamp, len - stamp) ||
		    !sent_take_next(&sent, sequence, &due_ns))
			break;
		record(&latencies, due_ns);
	}
	record_last(&latencies);
	generator->heard += taken;
	generator->answered += taken;
	generator->result.counts.received += taken;
	generator->result.counts.received_sending += generator->is_sending ? taken : 0;
	return taken;
}

static void take_burst(struct generator *generator, struct vly_dgram *const *dgrams, uint32_t count)
{
	const struct generator_config *config = &generator->config;
	bool are_alike = config->is_stamped && !config->is_one_way && config->content->count == 1;
	uint64_t now_ns = generator_now(generator);

	for (uint32_t taken = 0; taken < count; taken++) {
		if (are_alike)
			taken += take_alike(generator, dgrams + taken, count - taken, now_ns);
		if (taken < count)
			take_one(generator, dgrams[taken], now_ns);
	}
	for (uint32_t i = 0; i < count; i++)
		dgrams[i]->fate = VLY_FATE_RELEASE;
}

bool generator_take(struct generator *generator)
{
	struct vly_queue *queue = generator->config.queue;
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint32_t count = VLY_BURST_MAX;
	bool has_taken = false;

	for (uint32_t i = 0; i < BURSTS && count == VLY_BURST_MAX; i++) {
		count = vly_rx_burst(queue, dgrams, VLY_BURST_MAX,
				     generator->start_ns + generator->clock_ns);
		if (count == 0)
			break;
		has_taken = true;
		fetch(dgrams, count);
		take_burst(generator, dgrams, count);
		vly_release_burst(queue, dgrams, count);
	}
	return has_taken;
}
