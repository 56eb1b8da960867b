// SPDX-License-Identifier: BSD-3-Clause
//
// The test kit: a chain whose loop is the test itself.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "handler/kit.h"
#include "stack/flow.h"

enum {
	GUARD = 0xa5,
	BUFFERS_MAX = 1 << 20,
	SERVED_PORT = 9000,
};

static struct vly_dgram *dgram_at(const struct vly_kit *kit, uint32_t index)
{
	return (struct vly_dgram *)(void *)(kit->memory + (size_t)index * VLY_KIT_STRIDE);
}

static uint32_t index_of(const struct vly_kit *kit, const struct vly_dgram *dgram)
{
	return (uint32_t)((size_t)((const uint8_t *)dgram - kit->memory) / VLY_KIT_STRIDE);
}

static void complain(struct vly_kit *kit, const char *text)
{
	if (!kit->complaint.text[0])
		vly_fail(&kit->complaint, 0, "%s", text);
}

// --- what a loop gives a chain ------------------------------------------------------------------

static void check_payload(struct vly_kit *kit, const struct vly_dgram *dgram)
{
	const uint8_t *guard = vly_dgram_data(dgram) + dgram->capacity;

	if (dgram->len > dgram->capacity)
		complain(kit, "a datagram's len is larger than its capacity");
	for (uint32_t i = 0; i < VLY_KIT_GUARD_BYTES; i++) {
		if (guard[i] != GUARD) {
			complain(kit, "the bytes behind a datagram's capacity were written");
			return;
		}
	}
}

static void end(struct vly_kit *kit, struct vly_dgram *dgram)
{
	struct vly_kit_buffer *buffer = &kit->buffers[index_of(kit, dgram)];

	if (buffer->place != VLY_KIT_HANDLER) {
		complain(kit, "a datagram was sent or released that was not the handler's: it "
			      "had been given away before");
		return;
	}
	check_payload(kit, dgram);
	buffer->place = VLY_KIT_ENDED;
	kit->held--;
	kit->outcomes[kit->outcome_count++] = (struct vly_kit_outcome){
		.fate = dgram->fate,
		.len = dgram->len,
		.data = vly_dgram_data(dgram),
		.peer = dgram->peer,
		.local = dgram->local,
		.when_ns = kit->now_ns,
		.number = buffer->number,
	};
}

static void emit(void *arg, struct vly_dgram **tx, uint32_t tx_count, struct vly_dgram **ended,
		 uint32_t ended_count, uint64_t now_ns)
{
	(void)now_ns;
	for (uint32_t i = 0; i < tx_count; i++)
		end(arg, tx[i]);
	for (uint32_t i = 0; i < ended_count; i++)
		end(arg, ended[i]);
}

// An empty datagram, or NULL.
static struct vly_dgram *take(struct vly_kit *kit, uint32_t capacity)
{
	struct vly_dgram *dgram;
	uint32_t index;

	if (!kit->free_count)
		return NULL;
	index = kit->free[--kit->free_count];
	kit->buffers[index] =
		(struct vly_kit_buffer){.place = VLY_KIT_HANDLER, .number = UINT32_MAX};
	dgram = dgram_at(kit, index);
	*dgram = (struct vly_dgram){
		.data_offset = VLY_CACHE_LINE_BYTES,
		.capacity = (uint16_t)capacity,
		.fate = VLY_FATE_UNDECIDED,
	};
	memset(vly_dgram_data(dgram) + capacity, GUARD, VLY_KIT_GUARD_BYTES);
	return dgram;
}

static uint32_t take_several(struct vly_kit *kit, struct vly_dgram **dgrams, uint32_t count,
			     uint32_t capacity)
{
	uint32_t n = 0;

	while (n < count && (dgrams[n] = take(kit, capacity)) != NULL)
		n++;
	kit->held += n;
	return n;
}

static uint32_t alloc(void *arg, struct vly_dgram **dgrams, uint32_t count)
{
	struct vly_kit *kit = arg;

	return take_several(kit, dgrams, count, kit->capacity);
}

static uint32_t alloc_large(void *arg, struct vly_dgram **dgrams, uint32_t count)
{
	return take_several(arg, dgrams, count, VLY_DGRAM_BYTES_MAX);
}

static uint32_t alloc_at(void *arg, uint8_t queue, struct vly_dgram **dgrams, uint32_t count)
{
	uint32_t n = alloc(arg, dgrams, count);

	for (uint32_t i = 0; i < n; i++)
		dgrams[i]->queue = queue;
	return n;
}

static const struct vly_chain_ops kit_ops = {
	.emit = emit,
	.alloc = alloc,
	.alloc_large = alloc_large,
	.alloc_at = alloc_at,
};

// --- opening ------------------------------------------------------------------------------------

static int open_buffers(struct vly_kit *kit, const struct vly_kit_config *config,
			struct vly_error *error)
{
	uint32_t count = config->buffers ? config->buffers : (uint32_t)VLY_KIT_BUFFERS;

	kit->capacity = config->capacity ? config->capacity : (uint32_t)VLY_KIT_CAPACITY;
	if (count > BUFFERS_MAX || kit->capacity > VLY_DGRAM_BYTES_MAX)
		return vly_fail(error, -EINVAL, "a kit has up to %u buffers of up to %u bytes",
				BUFFERS_MAX, VLY_DGRAM_BYTES_MAX);
	kit->memory =
		aligned_alloc(128, (size_t)count * VLY_KIT_STRIDE); // of which little is touched
	kit->buffers = calloc(count, sizeof(kit->buffers[0]));
	kit->outcomes = calloc(count, sizeof(kit->outcomes[0]));
	kit->line = calloc(count, sizeof(kit->line[0]));
	kit->free = calloc(count, sizeof(kit->free[0]));
	if (!kit->memory || !kit->buffers || !kit->outcomes || !kit->line || !kit->free)
		return vly_fail(error, -ENOMEM, "out of memory");
	kit->buffer_count = count;
	while (kit->free_count < count) {
		kit->free[kit->free_count] = count - 1 - kit->free_count;
		kit->free_count++;
	}
	return 0;
}

static int open_chain(struct vly_kit *kit, const struct vly_kit_config *config,
		      struct vly_error *error)
{
	struct vly_handler_env place = {.worker = config->worker, .on_worker = true};

	for (uint32_t i = 0; i < VLY_CHAIN_MAX; i++) {
		const struct vly_kit_link *link = &config->links[i];
		int rc;

		if (!link->ops && !link->text)
			break;
		rc = link->ops ? vly_handler_adopt(&kit->handlers[i], link->ops, link->text, error)
			       : vly_handler_load(&kit->handlers[i], link->text, error);
		if (rc)
			return rc;
		kit->handler_count++;
	}
	if (!kit->handler_count)
		return vly_fail(error, -EINVAL, "no handler is given; set links[0].ops");
	place.worker_count = config->worker_count ? config->worker_count : 1;
	return vly_chain_open(&kit->chain, kit->handlers, kit->handler_count, &place, error);
}

int vly_kit_open(struct vly_kit **kit, const struct vly_kit_config *config, struct vly_error *error)
{
	struct vly_kit *opened = calloc(1, sizeof(*opened));
	int rc;

	if (!opened)
		return vly_fail(error, -ENOMEM, "out of memory");
	opened->now_ns = VLY_KIT_SECOND;
	rc = open_buffers(opened, config, error);
	if (!rc)
		rc = open_chain(opened, config, error);
	if (rc) {
		vly_kit_close(opened);
		return rc;
	}
	opened->chain.ops = &kit_ops;
	opened->chain.arg = opened;
	vly_chain_start(&opened->chain, opened->now_ns);
	*kit = opened;
	return 0;
}

void vly_kit_close(struct vly_kit *kit)
{
	if (!kit)
		return;
	vly_chain_close(&kit->chain);
	for (uint32_t i = 0; i < kit->handler_count; i++)
		vly_handler_unload(&kit->handlers[i]);
	free(kit->memory);
	free(kit->buffers);
	free(kit->outcomes);
	free(kit->line);
	free(kit->free);
	free(kit);
}

// --- what comes in ------------------------------------------------------------------------------

int vly_kit_receive_at(struct vly_kit *kit, const struct vly_addr *peer,
		       const struct vly_addr *local, const void *bytes, size_t len)
{
	struct vly_dgram *dgram;

	if (len > VLY_DGRAM_BYTES_MAX)
		return -EINVAL;
	dgram = take(kit, len > kit->capacity ? (uint32_t)len : kit->capacity);
	if (!dgram)
		return -ENOBUFS;
	kit->buffers[index_of(kit, dgram)] =
		(struct vly_kit_buffer){.place = VLY_KIT_IN_LINE, .number = kit->received};
	dgram->peer = *peer;
	dgram->local = *local;
	dgram->flow_hash = vly_flow_hash(&dgram->peer, &dgram->local);
	dgram->len = (uint16_t)len;
	if (len)
		memcpy(vly_dgram_data(dgram), bytes, len);
	kit->line[kit->line_count++] = dgram;
	return (int)kit->received++;
}

int vly_kit_receive_from(struct vly_kit *kit, const struct vly_addr *peer, const void *bytes,
			 size_t len)
{
	static const struct vly_addr local4 = {
		.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1},
		.port = SERVED_PORT};
	static const struct vly_addr local6 = {.ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
					       .port = SERVED_PORT};

	return vly_kit_receive_at(kit, peer, vly_addr_is_ipv4(peer) ? &local4 : &local6, bytes,
				  len);
}

int vly_kit_receive(struct vly_kit *kit, const char *peer, const void *bytes, size_t len)
{
	struct vly_endpoint endpoint;

	if (vly_endpoint_resolve(&endpoint, 1, peer, false, NULL) != 1)
		return -EINVAL;
	return vly_kit_receive_from(kit, &endpoint.addr, bytes, len);
}

static void run_burst(struct vly_kit *kit, struct vly_dgram **dgrams, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		kit->buffers[index_of(kit, dgrams[i])].place = VLY_KIT_HANDLER;
		dgrams[i]->rx_ns = kit->now_ns;
	}
	kit->held += count;
	vly_chain_run(&kit->chain, dgrams, count, kit->now_ns);
}

void vly_kit_run(struct vly_kit *kit)
{
	uint32_t done = 0;

	while (done < kit->line_count) {
		uint32_t count = kit->line_count - done;

		count = count < VLY_BURST_MAX ? count : VLY_BURST_MAX;
		run_burst(kit, kit->line + done, count);
		done += count;
	}
	kit->line_count = 0;
}

void vly_kit_advance(struct vly_kit *kit, uint64_t ns)
{
	uint64_t end_ns = kit->now_ns + ns;

	while (kit->chain.alarm_ns <= end_ns) {
		if (kit->chain.alarm_ns > kit->now_ns)
			kit->now_ns = kit->chain.alarm_ns;
		vly_chain_alarm(&kit->chain, kit->now_ns);
	}
	kit->now_ns = end_ns;
}

void vly_kit_drain(struct vly_kit *kit)
{
	vly_chain_drain(&kit->chain, kit->now_ns);
}

uint64_t vly_kit_now(const struct vly_kit *kit)
{
	return kit->now_ns;
}
