// SPDX-License-Identifier: BSD-3-Clause
#include <string.h>

#include "load/generator_state.h"

enum {
	// Bursts of one turn. What comes back must not wait long, and the buffers that it gives
	// back are still at hand when they are filled anew.
	BURSTS = 1,
	BURSTS_ONE_WAY = 4,
};

// --- making -------------------------------------------------------------------------------------

static uint32_t alloc(struct generator *generator, struct vly_dgram **dgrams, uint32_t count)
{
	const struct generator_config *config = &generator->config;
	uint32_t n = vly_alloc_burst(config->queue, dgrams, count);

	if (n == 0 || dgrams[0]->capacity >= config->content->size_max)
		return n;
	for (uint32_t i = 0; i < n; i++)
		dgrams[i]->fate = VLY_FATE_RELEASE;
	vly_release_burst(config->queue, dgrams, n);
	return vly_alloc_large_burst(config->queue, dgrams, count);
}

// Most buffers have held the same bytes before. To read a line that the other side reads, too,
// costs nothing; to write it takes it away from there.
static void put(uint8_t *to, const uint8_t *from, uint32_t len)
{
	if (!content_is_same(to, from, len))
		memcpy(to, from, len);
}

static inline void fill(const struct generator_config *config, const struct content *content,
			struct vly_dgram *dgram, uint64_t sequence, uint32_t flow)
{
	uint32_t index = content_index(content, sequence);
	uint32_t len = content->sizes[index];
	uint8_t *payload = vly_dgram_data(dgram);
	uint32_t stamp = 0;

	dgram->peer = config->target.addr;
	dgram->local = config->locals[flow];
	if (config->target.ifindex)
		dgram->link = config->target.ifindex;
	dgram->len = (uint16_t)len;
	if (config->is_stamped) {
		stamp_write(&config->stamp, payload, len, sequence);
		stamp = stamp_bytes(&config->stamp, len);
	}
	put(payload + stamp, content_bytes(content, index) + stamp, len - stamp);
}

// The other side has just read what was in these buffers: all at once they come back sooner than
// one by one. Headers and stamp share a line where the port makes frames.
static void fetch(struct vly_dgram *const *dgrams, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *payload = vly_dgram_data(dgrams[i]);

		__builtin_prefetch(payload, 1);
		__builtin_prefetch(payload + STAMP_PLAIN_BYTES + 16);
	}
}

// Numbers and fills empty datagrams, all of them.
static uint32_t make_all(struct generator *generator, uint32_t count, uint64_t now_ns)
{
	// Copies: what is written to datagrams cannot change them, so they need no second look.
	const struct generator_config config = generator->config;
	const struct content content = *config.content;
	struct sent *sent = &generator->sent;
	uint64_t first = sent->next;
	uint32_t flow = sent_flow(sent, first);

	for (uint32_t i = 0; i < count; i++) {
		fill(&config, &content, generator->pending[i], first + i, flow);
		flow = flow + 1 < config.flow_count ? flow + 1 : 0;
	}
	sent_put_many(sent, now_ns, count);
	return count;
}

// The same, as many as are due.
static uint32_t make_due(struct generator *generator, uint32_t count, uint64_t now_ns)
{
	const struct generator_config *config = &generator->config;
	struct sent *sent = &generator->sent;
	uint32_t flow = sent_flow(sent, sent->next);
	uint32_t n = 0;

	while (n < count && generator_next_ns(generator) <= now_ns) {
		uint64_t due_ns = arrivals_next_ns(&generator->arrivals);

		fill(config, config->content, generator->pending[n++], sent->next, flow);
		sent_put(sent, due_ns);
		flow = flow + 1 < sent->flow_count ? flow + 1 : 0;
		arrivals_advance(&generator->arrivals);
	}
	return n;
}

// --- sending ------------------------------------------------------------------------------------

static void count_sent(struct generator *generator, uint64_t first, uint32_t count, uint64_t now_ns)
{
	struct generator_counts *counts = &generator->result.counts;
	const struct content *content = generator->config.content;

	counts->sent += count;
	generator->sent_ns = now_ns;
	if (generator->run.is_unlimited && content->count == 1) {
		counts->sent_bytes += (uint64_t)count * content->sizes[0];
		return; // none of them was due before
	}
	for (uint32_t i = 0; i < count; i++) {
		uint64_t due_ns = sent_due_ns(&generator->sent, first + i);

		counts->sent_bytes += content->sizes[content_index(content, first + i)];
		histogram_record(generator->lag, now_ns > due_ns ? now_ns - due_ns : 0);
	}
}

// Whether all that was made has left.
static bool push(struct generator *generator, uint64_t now_ns)
{
	uint32_t count = generator->pending_count;
	uint64_t first = generator->sent.next - count;
	uint32_t taken = vly_tx_burst(generator->config.queue, generator->pending, count,
				      generator->start_ns + now_ns);

	count_sent(generator, first, taken, now_ns);
	generator->pending_count -= taken;
	memmove(generator->pending, generator->pending + taken,
		generator->pending_count * sizeof(generator->pending[0]));
	return generator->pending_count == 0;
}

// Datagrams that may still be numbered in this run.
static uint64_t left_of_count(const struct generator *generator)
{
	uint64_t numbered = generator->sent.next - generator->sent.first;

	return generator->run.count ? generator->run.count - numbered : UINT64_MAX;
}

uint64_t generator_next_ns(const struct generator *generator)
{
	uint64_t next_ns = generator->run.is_unlimited ? 0 : arrivals_next_ns(&generator->arrivals);

	if (generator->pending_count)
		return 0;
	return next_ns < generator->end_ns && left_of_count(generator) ? next_ns : UINT64_MAX;
}

// How many to take empty: not a burst of them for the one that is due at a low rate.
static uint32_t guess_due(const struct generator *generator, uint64_t now_ns)
{
	uint64_t left = left_of_count(generator);
	uint64_t count = VLY_BURST_MAX;

	if (!generator->run.is_unlimited)
		count = arrivals_left(&generator->arrivals, now_ns) + generator->arrivals.left;
	count = count < left ? count : left;
	return (uint32_t)(count < VLY_BURST_MAX ? count : VLY_BURST_MAX);
}

static void give_back(struct generator *generator, struct vly_dgram **dgrams, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		dgrams[i]->fate = VLY_FATE_RELEASE;
	vly_release_burst(generator->config.queue, dgrams, count);
}

static bool send_burst(struct generator *generator, uint64_t now_ns)
{
	uint32_t got = alloc(generator, generator->pending, guess_due(generator, now_ns));
	uint32_t made;

	fetch(generator->pending, got);
	sent_fetch(&generator->sent, got);
	// Without a schedule all are due: no more were taken empty than may be sent.
	made = generator->run.is_unlimited ? make_all(generator, got, now_ns)
					   : make_due(generator, got, now_ns);
	generator->result.counts.no_buffer += got == 0;
	give_back(generator, generator->pending + made, got - made);
	generator->pending_count = made;
	return made > 0 && push(generator, now_ns);
}

bool generator_send_due(struct generator *generator, uint64_t now_ns)
{
	const uint32_t bursts = generator->config.is_one_way ? BURSTS_ONE_WAY : BURSTS;
	bool has_sent = false;

	if (generator->pending_count && !push(generator, now_ns))
		return true;
	for (uint32_t i = 0; i < bursts && generator_next_ns(generator) <= now_ns; i++) {
		has_sent = true;
		if (!send_burst(generator, now_ns))
			break;
	}
	return has_sent;
}

void generator_send_end(struct generator *generator)
{
	struct generator_counts *counts = &generator->result.counts;

	give_back(generator, generator->pending, generator->pending_count);
	generator->sent.next -= generator->pending_count;
	counts->unsent += generator->run.is_unlimited ? 0 : generator->pending_count;
	generator->pending_count = 0;
}
