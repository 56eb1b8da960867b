// SPDX-License-Identifier: BSD-3-Clause
//
// The sim backend: pools, the wire's faults and the vtable. See sim.h.
#include "backend/sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backends.h"
#include "core/fail.h"

enum sim_key {
	KEY_PEERS,
	KEY_COUNT,
	KEY_RATE,
	KEY_SIZE,
	KEY_SEED,
	KEY_LOSS,
	KEY_DUPLICATE,
	KEY_REORDER,
	KEY_DELAY,
	KEY_JITTER,
	KEY_TX_REFUSE,
};

enum {
	PPM = 1000000,
	REORDER_DELAY_NS = 50000, // what a reordered datagram is held back for
};

static const struct vly_key keys[] = {
	[KEY_PEERS] = {"peers", VLY_KEY_NUMBER, "8", 1, VLY_SIM_PEERS_MAX, "flows of each queue"},
	[KEY_COUNT] = {"count", VLY_KEY_NUMBER, "0", 0, 0, "datagrams to send; 0: for ever"},
	[KEY_RATE] = {"rate", VLY_KEY_NUMBER, "0", 0, 0, "datagrams a second; 0: all it takes"},
	[KEY_SIZE] = {"size", VLY_KEY_BYTES, "64", VLY_SIM_HEADER_BYTES, VLY_SIM_PAYLOAD_BYTES,
		      "bytes of payload"},
	[KEY_SEED] = {"seed", VLY_KEY_NUMBER, "1", 0, 0, "of every random choice"},
	[KEY_LOSS] = {"loss", VLY_KEY_NUMBER, "0", 0, PPM, "lost by the wire, per million"},
	[KEY_DUPLICATE] = {"duplicate", VLY_KEY_NUMBER, "0", 0, PPM, "doubled, per million"},
	[KEY_REORDER] = {"reorder", VLY_KEY_NUMBER, "0", 0, PPM, "held back, per million"},
	[KEY_DELAY] = {"delay", VLY_KEY_DURATION, "0ns", 0, 0, "of the wire, one way"},
	[KEY_JITTER] = {"jitter", VLY_KEY_DURATION, "0ns", 0, 0, "uniform, added to the delay"},
	[KEY_TX_REFUSE] = {"tx-refuse", VLY_KEY_NUMBER, "0", 0, PPM,
			   "sends that find a full device, per million"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

struct sim_slot {
	struct vly_dgram dgram;
	uint64_t due_ns; // when it arrives, while it is on the wire
	uint64_t order;  // equal times: first in, first out
	uint8_t payload[VLY_SIM_PAYLOAD_BYTES];
} __attribute__((aligned(VLY_CACHE_LINE_BYTES)));

struct vly_backend_queue {
	struct vly_sim_config *config;
	struct vly_ledger_block *ledger;
	struct sim_slot *slots;
	struct vly_dgram **free;
	uint32_t free_count;
	uint32_t slot_count;
	bool is_echo;
	uint64_t random;
	// On the wire towards the engine: a binary heap by due_ns.
	struct sim_slot **wire;
	uint32_t wire_count;
	uint64_t wire_order;
	struct vly_sim_peers peers;
};

struct vly_backend_port {
	struct vly_sim_config config;
	struct vly_addr local;
	uint32_t queue_count;
	struct vly_backend_queue queues[];
};

// --- the wire -----------------------------------------------------------------------------------

static uint64_t next_random(struct vly_backend_queue *queue)
{
	// splitmix64, by Sebastiano Vigna, in the public domain
	uint64_t z = (queue->random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static bool happens(struct vly_backend_queue *queue, uint64_t ppm)
{
	return ppm && next_random(queue) % PPM < ppm;
}

static struct sim_slot *slot_of(struct vly_dgram *dgram)
{
	return (struct sim_slot *)dgram;
}

static bool is_earlier(const struct sim_slot *a, const struct sim_slot *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void wire_push(struct vly_backend_queue *queue, struct sim_slot *slot)
{
	uint32_t i = queue->wire_count++;

	slot->order = queue->wire_order++;
	while (i && is_earlier(slot, queue->wire[(i - 1) / 2])) {
		queue->wire[i] = queue->wire[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	queue->wire[i] = slot;
}

static struct sim_slot *wire_pop(struct vly_backend_queue *queue)
{
	struct sim_slot *first = queue->wire[0];
	struct sim_slot *last = queue->wire[--queue->wire_count];
	uint32_t i = 0;

	for (uint32_t child = 1; child < queue->wire_count; child = 2 * i + 1) {
		if (child + 1 < queue->wire_count &&
		    is_earlier(queue->wire[child + 1], queue->wire[child]))
			child++;
		if (is_earlier(last, queue->wire[child]))
			break;
		queue->wire[i] = queue->wire[child];
		i = child;
	}
	queue->wire[i] = last;
	return first;
}

static struct vly_dgram *take_free(struct vly_backend_queue *queue)
{
	struct sim_slot *slot;

	if (!queue->free_count)
		return NULL;
	slot = slot_of(queue->free[--queue->free_count]);
	memset(&slot->dgram, 0, sizeof(slot->dgram));
	slot->dgram.data_offset = (int32_t)offsetof(struct sim_slot, payload);
	slot->dgram.capacity = VLY_SIM_PAYLOAD_BYTES;
	return &slot->dgram;
}

// Puts a datagram on the wire towards the engine; the wire may lose it, hold it back, double it.
static void launch(struct vly_backend_queue *queue, struct vly_dgram *dgram, uint64_t now_ns)
{
	const struct vly_sim_config *config = queue->config;
	struct sim_slot *slot = slot_of(dgram);
	struct vly_dgram *copy;

	if (happens(queue, config->loss_ppm)) {
		queue->peers.report.lost_in++;
		queue->free[queue->free_count++] = dgram;
		return;
	}
	slot->due_ns = now_ns + config->delay_ns;
	if (config->jitter_ns)
		slot->due_ns += next_random(queue) % config->jitter_ns;
	if (happens(queue, config->reorder_ppm))
		slot->due_ns += REORDER_DELAY_NS;
	wire_push(queue, slot);
	if (happens(queue, config->duplicate_ppm) && (copy = take_free(queue))) {
		memcpy(slot_of(copy), slot, sizeof(*slot));
		queue->peers.report.duplicated++;
		wire_push(queue, slot_of(copy));
	}
}

static void generate(struct vly_backend_queue *queue, uint32_t count, uint64_t now_ns)
{
	uint32_t due = vly_sim_peers_due(&queue->peers, count, now_ns);

	while (due--) {
		struct vly_dgram *dgram = take_free(queue);

		if (!dgram)
			return; // the peers wait for a buffer: a wire without loss of its own
		vly_sim_peers_fill(&queue->peers, dgram, next_random(queue));
		launch(queue, dgram, now_ns);
	}
}

static uint32_t sim_rx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			     uint32_t count, uint64_t now_ns)
{
	uint32_t n = 0;

	if (!queue->is_echo)
		generate(queue, count, now_ns);
	while (n < count && queue->wire_count && queue->wire[0]->due_ns <= now_ns) {
		struct sim_slot *slot = wire_pop(queue);

		slot->dgram.rx_ns = slot->due_ns;
		dgrams[n++] = &slot->dgram;
	}
	vly_count(&queue->ledger->received, n);
	return n;
}

static void send_one(struct vly_backend_queue *queue, struct vly_dgram *dgram, uint64_t now_ns)
{
	if (queue->is_echo) {
		dgram->flow_hash = 0;
		dgram->capacity = VLY_SIM_PAYLOAD_BYTES;
		launch(queue, dgram, now_ns);
		return;
	}
	if (happens(queue, queue->config->loss_ppm))
		queue->peers.report.lost_out++;
	else
		vly_sim_peers_check(&queue->peers, dgram);
	queue->free[queue->free_count++] = dgram;
}

static uint32_t sim_tx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			     uint32_t count, uint64_t now_ns)
{
	if (happens(queue, queue->config->tx_refuse_ppm))
		count /= 2;
	for (uint32_t i = 0; i < count; i++)
		send_one(queue, dgrams[i], now_ns);
	vly_count(&queue->ledger->sent, count);
	return count;
}

static uint32_t sim_alloc_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
				uint32_t count)
{
	uint32_t n = 0;

	while (n < count && (dgrams[n] = take_free(queue)))
		n++;
	return n;
}

static void sim_release_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			      uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		queue->free[queue->free_count++] = dgrams[i];
}

// --- opening ------------------------------------------------------------------------------------

static int sim_probe(struct vly_error *error)
{
	return vly_fail(error, 0, "always works");
}

static int open_queue(struct vly_backend_port *port, uint32_t index,
		      const struct vly_port_config *config, struct vly_ledger_block *ledger)
{
	struct vly_backend_queue *queue = &port->queues[index];
	uint32_t count = config->buffers ? config->buffers : VLY_SIM_BUFFERS_DEFAULT;

	queue->config = &port->config;
	queue->ledger = ledger;
	queue->is_echo = config->listen_count == 0;
	queue->random = port->config.seed * 0x100 + index;
	queue->slot_count = count;
	queue->slots = aligned_alloc(VLY_CACHE_LINE_BYTES, count * sizeof(queue->slots[0]));
	queue->free = calloc(count, sizeof(queue->free[0]));
	queue->wire = calloc(count, sizeof(queue->wire[0]));
	if (!queue->slots || !queue->free || !queue->wire)
		return -ENOMEM;
	memset(queue->slots, 0, count * sizeof(queue->slots[0]));
	for (uint32_t i = 0; i < count; i++)
		queue->free[queue->free_count++] = &queue->slots[i].dgram;
	return vly_sim_peers_open(&queue->peers, &port->config, index, port->queue_count,
				  &port->local);
}

static void sim_close(struct vly_backend_port *port)
{
	if (!port)
		return;
	for (uint32_t i = 0; i < port->queue_count; i++) {
		struct vly_backend_queue *queue = &port->queues[i];

		vly_sim_peers_close(&queue->peers);
		free(queue->wire);
		free(queue->free);
		free(queue->slots);
	}
	free(port);
}

static void read_config(struct vly_sim_config *config, const union vly_value *values)
{
	config->peers = values[KEY_PEERS].number;
	config->count = values[KEY_COUNT].number;
	config->rate_pps = values[KEY_RATE].number;
	config->size_bytes = values[KEY_SIZE].number;
	config->seed = values[KEY_SEED].number;
	config->loss_ppm = values[KEY_LOSS].number;
	config->duplicate_ppm = values[KEY_DUPLICATE].number;
	config->reorder_ppm = values[KEY_REORDER].number;
	config->delay_ns = values[KEY_DELAY].number;
	config->jitter_ns = values[KEY_JITTER].number;
	config->tx_refuse_ppm = values[KEY_TX_REFUSE].number;
	config->ordered_wire = !config->duplicate_ppm && !config->reorder_ppm && !config->jitter_ns;
}

static int sim_open(struct vly_backend_port **out, const struct vly_port_config *config,
		    const union vly_value *values, struct vly_ledger_block *const *ledgers,
		    struct vly_error *error)
{
	struct vly_backend_port *port;

	port = calloc(1, sizeof(*port) + config->queues * sizeof(port->queues[0]));
	if (!port)
		return vly_fail(error, -ENOMEM, "out of memory");
	port->queue_count = config->queues;
	read_config(&port->config, values);
	if (config->listen_count)
		port->local = config->listens[0].addr;
	for (uint32_t i = 0; i < config->queues; i++) {
		if (open_queue(port, i, config, ledgers[i])) {
			sim_close(port);
			return vly_fail(error, -ENOMEM,
					"sim: out of memory; ask for fewer "
					"buffers, queues or peers");
		}
	}
	*out = port;
	return 0;
}

static uint32_t sim_queue_count(const struct vly_backend_port *port)
{
	return port->queue_count;
}

static struct vly_backend_queue *sim_queue(struct vly_backend_port *port, uint32_t index)
{
	return &port->queues[index];
}

static uint32_t sim_buffer_count(const struct vly_backend_port *port)
{
	return port->queues[0].slot_count;
}

static struct vly_addr sim_local(const struct vly_backend_port *port)
{
	return port->local;
}

static const char *sim_detail(const struct vly_backend_port *port)
{
	return port->queues[0].is_echo ? "echoing wire" : "wire with peers";
}

void vly_sim_report_read(const struct vly_backend_port *port, struct vly_sim_report *report)
{
	memset(report, 0, sizeof(*report));
	for (uint32_t i = 0; i < port->queue_count; i++) {
		const struct vly_sim_report *one = &port->queues[i].peers.report;

		report->sent += one->sent;
		report->duplicated += one->duplicated;
		report->lost_in += one->lost_in;
		report->lost_out += one->lost_out;
		report->answers += one->answers;
		report->disordered += one->disordered;
		report->corrupt += one->corrupt;
		report->foreign += one->foreign;
	}
}

const struct vly_backend vly_backend_sim = {
	.name = "sim",
	.summary = "an in-memory wire with its own peers",
	.layer = VLY_LAYER_DATAGRAM,
	.keys = keys,
	.probe = sim_probe,
	.open = sim_open,
	.close = sim_close,
	.queue_count = sim_queue_count,
	.queue = sim_queue,
	.buffer_count = sim_buffer_count,
	.local = sim_local,
	.detail = sim_detail,
	.rx_burst = sim_rx_burst,
	.tx_burst = sim_tx_burst,
	.alloc_burst = sim_alloc_burst,
	.release_burst = sim_release_burst,
};
