// SPDX-License-Identifier: BSD-3-Clause
//
// What was sent and when it was due, by sequence number: a ring of the last ones, in memory that
// does not grow. Tells the first answer from a duplicate, and an answer in its flow's order from
// one that a later one has overtaken (RFC 4737, section 3).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/dgram.h>

enum sent_verdict {
	SENT_ANSWERED,  // its first answer
	SENT_REORDERED, // the same, after that to a later one of its flow
	SENT_DUPLICATE,
	SENT_LATE,    // so old that it is forgotten: counted as lost
	SENT_EARLIER, // of a run before this one
	SENT_NEVER,   // no such datagram has been sent
};

struct sent {
	uint64_t *due;     // by sequence number: since when, twice, plus 1 once it is answered
	uint64_t *highest; // of each flow: one more than the highest number that was answered
	uint64_t mask;
	uint64_t first; // number of this run
	uint64_t next;  // to be given
	uint32_t flow_count;
};

// Remembers at least `window` datagrams of flow_count flows. Returns 0 or -ENOMEM; close it in
// either case.
int sent_open(struct sent *sent, uint64_t window, uint32_t flow_count);
void sent_close(struct sent *sent);

// Begins a run: what was sent before counts no more.
static inline void sent_begin(struct sent *sent)
{
	sent->first = sent->next;
}

// The flow that a number belongs to: they take turns.
static inline uint32_t sent_flow(const struct sent *sent, uint64_t sequence)
{
	return sent->flow_count == 1 ? 0 : (uint32_t)(sequence % sent->flow_count);
}

static inline void sent_put(struct sent *sent, uint64_t due_ns)
{
	sent->due[sent->next++ & sent->mask] = due_ns << 1;
}

// The same, for so many that were due at once.
static inline void sent_put_many(struct sent *sent, uint64_t due_ns, uint32_t count)
{
	uint64_t at = sent->next & sent->mask;
	uint64_t *due = &sent->due[at];

	sent->next += count;
	if (at + count > sent->mask + 1) { // around the end
		for (uint32_t i = 0; i < count; i++)
			sent->due[(at + i) & sent->mask] = due_ns << 1;
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		due[i] = due_ns << 1;
}

// Before `count` of them are put: has the memory fetched in which as many more go then.
static inline void sent_fetch(const struct sent *sent, uint32_t count)
{
	const uint32_t in_line = VLY_CACHE_LINE_BYTES / sizeof(sent->due[0]);

	for (uint32_t i = 0; i < count; i += in_line)
		__builtin_prefetch(&sent->due[(sent->next + count + i) & sent->mask], 1);
}

static inline uint64_t sent_due_ns(const struct sent *sent, uint64_t sequence)
{
	return sent->due[sequence & sent->mask] >> 1;
}

// Takes what nearly all answers are: the first one, in its flow's order. *due_ns is when its
// datagram was due. False: it is something else, for sent_take(), and nothing has changed.
static inline bool sent_take_next(struct sent *sent, uint64_t sequence, uint64_t *due_ns)
{
	uint64_t *due = &sent->due[sequence & sent->mask];
	uint64_t *highest = &sent->highest[sent_flow(sent, sequence)];

	if (sequence - sent->first >= sent->next - sent->first ||
	    sent->next - sequence > sent->mask || *due & 1 || sequence < *highest)
		return false;
	*due_ns = *due >> 1;
	*due |= 1;
	*highest = sequence + 1;
	return true;
}

// Takes an answer; with the first two verdicts *due_ns is when its datagram was due.
static inline enum sent_verdict sent_take(struct sent *sent, uint64_t sequence, uint64_t *due_ns)
{
	uint64_t *due = &sent->due[sequence & sent->mask];

	if (sent_take_next(sent, sequence, due_ns))
		return SENT_ANSWERED;
	if (sequence >= sent->next)
		return SENT_NEVER;
	if (sequence < sent->first)
		return SENT_EARLIER;
	if (sent->next - sequence > sent->mask)
		return SENT_LATE;
	if (*due & 1)
		return SENT_DUPLICATE;
	*due_ns = *due >> 1;
	*due |= 1;
	return SENT_REORDERED;
}
