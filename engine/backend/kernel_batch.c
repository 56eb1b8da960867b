// SPDX-License-Identifier: BSD-3-Clause
//
// Making messages of a burst; what becomes of them is in kernel_settle.c.
#include "backend/kernel_batch.h"

#include <errno.h>
#include <string.h>

#include "backend/kernel_message.h"
#include "backend/kernel_path.h"
#include "core/compiler.h"

enum {
	GATHER_PART = 4,  // of the pool at most the so-manieth part is held back
	GAIN_PART = 8,    // of what was gathered, if it is to be worth it, so much went with others
	CALM_BURSTS = 64, // full ones after a gathering that was not
};

static uint64_t load64(const void *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

// Peer, local and link lie side by side: 40 bytes.
_Static_assert(offsetof(struct vly_dgram, peer) == 0 && offsetof(struct vly_dgram, link) == 36,
	       "what tells flows apart is compared as five words");

// Whether both leave with the same headers.
static bool is_same_flow(const struct vly_dgram *a, const struct vly_dgram *b)
{
	const uint8_t *p = (const uint8_t *)a;
	const uint8_t *q = (const uint8_t *)b;
	uint64_t difference = 0;

	for (uint32_t i = 0; i < 40; i += 8)
		difference |= load64(p + i) ^ load64(q + i);
	if (difference || vly_kernel_is_reply(a) != vly_kernel_is_reply(b))
		return false;
	return vly_kernel_is_reply(a) || (a->ttl == b->ttl && a->tos == b->tos);
}

static uint32_t slot_of(const struct vly_dgram *dgram)
{
	uint64_t h = load64(dgram->peer.ip + 8) ^ ((uint64_t)dgram->peer.port << 20) ^
		     load64(dgram->peer.ip);

	return (uint32_t)((h * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
}

static bool can_join(const struct vly_kernel_group *group, const struct vly_dgram *dgram)
{
	return !group->is_closed && dgram->len && dgram->len <= group->size &&
	       group->size <= group->limit && group->count < VLY_KERNEL_SEGMENTS &&
	       group->bytes + dgram->len <= VLY_DGRAM_BYTES_MAX;
}

static void join(struct vly_kernel_batch *batch, struct vly_kernel_group *group, uint32_t index)
{
	uint32_t len = batch->dgrams[index]->len;

	batch->next[group->last] = (uint8_t)index;
	group->last = (uint8_t)index;
	group->count++;
	group->bytes += len;
	group->is_closed = len < group->size;
}

static struct vly_kernel_group *begin(struct vly_kernel_batch *batch,
				      const struct vly_kernel_sender *sender, uint32_t index)
{
	struct vly_kernel_group *group = &batch->groups[batch->group_count++];
	const struct vly_dgram *dgram = batch->dgrams[index];

	*group = (struct vly_kernel_group){
		.bytes = dgram->len,
		.size = dgram->len,
		.limit = sender->gso ? vly_kernel_path_limit(&sender->paths, dgram->peer.ip) : 0,
		.first = (uint8_t)index,
		.last = (uint8_t)index,
		.count = 1,
		.rank = 1,
	};
	return group;
}

// A header as four vectors, each with the number that it has in the array.
typedef uint32_t four_words __attribute__((vector_size(16), may_alias));

enum header_vector {
	PEER,        // its address
	PORT_LOCAL,  // and port; the local address
	LINK_TIME,   // the rest of it; interface and time
	DATA_LENGTH, // where the payload lies, and all else
	HEADER_VECTORS,
};

_Static_assert(sizeof(struct vly_dgram) == HEADER_VECTORS * sizeof(four_words) &&
		       offsetof(struct vly_dgram, data_offset) == DATA_LENGTH * sizeof(four_words),
	       "data_offset is the first word of the last vector");

// The last vector of a header, with ones where those of a train are alike.
struct alike {
	int32_t data_offset;
	uint32_t flow_hash;
	uint16_t len;
	uint16_t capacity;
	uint8_t queue;
	uint8_t fate;
	uint8_t ttl;
	uint8_t tos;
};

_Static_assert(offsetof(struct vly_dgram, tos) == VLY_CACHE_LINE_BYTES - 1 &&
		       sizeof(struct alike) == sizeof(four_words),
	       "the last vector of a header is as struct alike has it");

static const struct alike alike_mask = {-1, 0, UINT16_MAX, 0, 0, UINT8_MAX, UINT8_MAX, UINT8_MAX};

// Whether the burst is one train as it was received: its headers side by side in memory, and its
// payloads; one size, one flow, one time. It is the commonest of large bursts, and the loop over it
// makes no decision: its ends tell the others from it.
static bool is_train(struct vly_dgram *const *dgrams, uint32_t count)
{
	const struct vly_dgram *first = dgrams[0];
	const four_words *model = (const four_words *)(const void *)first;
	four_words expected = model[DATA_LENGTH];
	four_words step = {VLY_CACHE_LINE_BYTES + first->len, 0, 0, 0};
	four_words other = {0, 0, 0, 0};
	four_words rest = {0, 0, 0, 0};
	four_words mask;
	uintptr_t place = (uintptr_t)first;
	uintptr_t stray = 0;

	if (vly_dgram_data(dgrams[count - 1]) !=
		    vly_dgram_data(first) + (size_t)(count - 1) * first->len ||
	    !first->len || (uint32_t)first->len * count > VLY_DGRAM_BYTES_MAX)
		return false;
	for (uint32_t i = 1; i < count; i++) {
		const four_words *header = (const four_words *)(const void *)dgrams[i];

		place -= VLY_CACHE_LINE_BYTES;
		expected += step;
		stray |= (uintptr_t)header ^ place;
		other |= (header[PEER] ^ model[PEER]) | (header[PORT_LOCAL] ^ model[PORT_LOCAL]) |
			 (header[LINK_TIME] ^ model[LINK_TIME]);
		rest |= header[DATA_LENGTH] ^ expected;
	}
	memcpy(&mask, &alike_mask, sizeof(mask));
	other |= rest & mask;
	return !(stray | other[0] | other[1] | other[2] | other[3]);
}

static void take_train(struct vly_kernel_batch *batch, struct vly_kernel_group *group)
{
	group->is_piece = true;
	group->count = (uint8_t)batch->count;
	group->last = (uint8_t)(batch->count - 1);
	group->bytes = (uint32_t)group->size * batch->count;
	for (uint32_t i = 0; i < VLY_KERNEL_SEGMENTS; i++)
		batch->next[i] = (uint8_t)(i + 1);
}

// The newest message of the datagram's flow, or NULL.
static struct vly_kernel_group *find(struct vly_kernel_batch *batch, const struct vly_dgram *dgram)
{
	uint32_t at = batch->slots[slot_of(dgram)];

	while (at) {
		struct vly_kernel_group *group = &batch->groups[at - 1];

		if (is_same_flow(batch->dgrams[group->first], dgram))
			return group;
		at = group->before;
	}
	return NULL;
}

// Another message of that one's flow; NULL: the first of its own.
static void follow(struct vly_kernel_batch *batch, struct vly_kernel_group *group,
		   const struct vly_kernel_group *newest)
{
	if (!newest)
		return;
	group->older = (uint16_t)(newest - batch->groups + 1);
	group->rank = newest->rank + 1;
	batch->depth = group->rank > batch->depth ? group->rank : batch->depth;
}

static void group_burst(struct vly_kernel_batch *batch, const struct vly_kernel_sender *sender)
{
	struct vly_kernel_group *group = begin(batch, sender, 0);

	if (batch->count == 1)
		return;
	if (batch->count <= VLY_KERNEL_SEGMENTS && group->size <= group->limit &&
	    is_train(batch->dgrams, batch->count)) {
		take_train(batch, group);
		return;
	}
	memset(batch->slots, 0, sizeof(batch->slots));
	batch->slots[slot_of(batch->dgrams[0])] = 1;
	for (uint32_t i = 1; i < batch->count; i++) {
		const struct vly_dgram *dgram = batch->dgrams[i];
		struct vly_kernel_group *newest;

		if (is_same_flow(batch->dgrams[group->first], dgram) && can_join(group, dgram)) {
			join(batch, group, i);
			continue;
		}
		newest = find(batch, dgram);
		if (newest && can_join(newest, dgram)) {
			group = newest;
			join(batch, group, i);
			continue;
		}
		group = begin(batch, sender, i);
		follow(batch, group, newest);
		group->before = batch->slots[slot_of(dgram)];
		batch->slots[slot_of(dgram)] = (uint16_t)batch->group_count;
	}
}

// --- messages -----------------------------------------------------------------------------------

// The pieces of a group, from iovs[at] on; returns how many.
static uint32_t write_pieces(struct vly_kernel_batch *batch, const struct vly_kernel_group *group,
			     struct iovec *iovs)
{
	uint32_t index = group->first;
	uint32_t n = 0;

	if (group->is_piece) {
		iovs[0] = (struct iovec){
			.iov_base = vly_dgram_data(batch->dgrams[index]),
			.iov_len = group->bytes,
		};
		return 1;
	}
	for (uint32_t i = 0; i < group->count; i++, index = batch->next[index]) {
		const struct vly_dgram *dgram = batch->dgrams[index];
		uint8_t *data = vly_dgram_data(dgram);

		if (n && (uint8_t *)iovs[n - 1].iov_base + iovs[n - 1].iov_len == data)
			iovs[n - 1].iov_len += dgram->len;
		else
			iovs[n++] = (struct iovec){.iov_base = data, .iov_len = dgram->len};
	}
	return n;
}

uint32_t vly_kernel_batch_gather(struct vly_kernel_batch *batch,
				 const struct vly_kernel_sender *sender)
{
	uint32_t most = sender->pool->count / GATHER_PART;

	if (batch->calm) {
		batch->calm--;
		return 0;
	}
	if (!sender->gso || most <= VLY_BURST_MAX)
		return 0;
	return most < VLY_KERNEL_BATCH ? most : VLY_KERNEL_BATCH;
}

void vly_kernel_batch_write(struct vly_kernel_batch *batch, uint32_t index)
{
	const struct vly_kernel_group *group = &batch->groups[index];
	struct msghdr *msg = &batch->msgs[index].msg_hdr;
	uint16_t segment = group->count > 1 ? group->size : 0;

	if (group->route)
		vly_kernel_message_write_bare(msg, batch->control[index], segment);
	else
		vly_kernel_message_write(msg, &batch->names[index], batch->control[index],
					 group->sock, batch->dgrams[group->first], segment);
}

void vly_kernel_batch_fill(struct vly_kernel_batch *batch, struct vly_kernel_sender *sender,
			   struct vly_dgram **dgrams, uint32_t count)
{
	uint32_t iov_count = 0;

	batch->count = count;
	batch->group_count = 0;
	batch->done = 0;
	batch->depth = 1;
	batch->since_ns = 0;
	memcpy(batch->dgrams, dgrams, count * sizeof(dgrams[0]));
	vly_kernel_routes_begin(&sender->routes);
	group_burst(batch, sender);
	if (count > VLY_BURST_MAX && batch->group_count > count - count / GAIN_PART)
		batch->calm = CALM_BURSTS;
	for (uint32_t g = 0; g < batch->group_count; g++) {
		struct vly_kernel_group *group = &batch->groups[g];
		const struct vly_dgram *dgram = batch->dgrams[group->first];
		struct msghdr *msg = &batch->msgs[g].msg_hdr;

		group->sock = vly_kernel_sockets_pick(sender->sockets, dgram);
		if (VLY_UNLIKELY(!group->sock || !dgram->peer.port)) {
			vly_kernel_batch_settle(batch, sender, g,
						group->sock ? -EDESTADDRREQ : -EAFNOSUPPORT);
			continue;
		}
		msg->msg_iov = &batch->iovs[iov_count];
		msg->msg_iovlen = write_pieces(batch, group, msg->msg_iov);
		iov_count += (uint32_t)msg->msg_iovlen;
		msg->msg_flags = 0;
		group->route = vly_kernel_routes_get(&sender->routes, group->sock, dgram);
		vly_kernel_batch_write(batch, g);
	}
}
