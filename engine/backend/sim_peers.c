// SPDX-License-Identifier: BSD-3-Clause
//
// The simulated peers: they number what they send, and check what comes back.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/sim.h"

enum {
	PEER_PORT = 40000,
	NS_PER_S = 1000000000,
};

int vly_sim_peers_open(struct vly_sim_peers *peers, const struct vly_sim_config *config,
		       uint32_t queue, uint32_t queue_count, const struct vly_addr *server)
{
	memset(peers, 0, sizeof(*peers));
	peers->config = config;
	peers->server = *server;
	peers->left = config->count / queue_count + (queue < config->count % queue_count);
	if (!config->count)
		peers->left = UINT64_MAX;
	peers->peers = calloc(config->peers, sizeof(struct vly_sim_peer));
	if (!peers->peers)
		return -ENOMEM;
	for (uint32_t i = 0; i < config->peers; i++) {
		struct vly_addr *addr = &peers->peers[i].addr;

		// 10.Q.I.I for even, fd00::Q:I:I for odd ones: both families on every wire
		if (i % 2) {
			addr->ip[0] = 0xfd;
		} else {
			addr->ip[10] = addr->ip[11] = 0xff;
			addr->ip[12] = 10;
		}
		addr->ip[13] = (uint8_t)queue;
		addr->ip[14] = (uint8_t)(i >> 8);
		addr->ip[15] = (uint8_t)i;
		addr->port = PEER_PORT;
	}
	return 0;
}

void vly_sim_peers_close(struct vly_sim_peers *peers)
{
	free(peers->peers);
	peers->peers = NULL;
}

uint32_t vly_sim_peers_due(struct vly_sim_peers *peers, uint32_t count, uint64_t now_ns)
{
	uint64_t due = peers->left;

	if (peers->config->rate_pps) {
		uint64_t allowed;

		if (!peers->start_ns)
			peers->start_ns = now_ns;
		allowed = (uint64_t)((unsigned __int128)(now_ns - peers->start_ns) *
				     peers->config->rate_pps / NS_PER_S);
		allowed -= peers->sent_by_rate;
		due = allowed < due ? allowed : due;
	}
	return due < count ? (uint32_t)due : count;
}

// Every byte of a payload follows from its peer and sequence: any change shows.
static uint8_t pattern_byte(uint32_t peer, uint64_t sequence, uint32_t index)
{
	return (uint8_t)(peer * 31u + (uint32_t)sequence * 7u + index);
}

static uint32_t check_of(uint32_t peer, uint64_t sequence)
{
	return (peer * 0x9e3779b1u) ^ (uint32_t)(sequence * 0x85ebca77u) ^
	       (uint32_t)(sequence >> 32);
}

static void write_payload(struct vly_dgram *dgram, uint32_t peer, uint64_t sequence, uint16_t size)
{
	uint8_t *data = vly_dgram_data(dgram);
	uint32_t check = check_of(peer, sequence);

	memcpy(data, &peer, sizeof(peer));
	memcpy(data + 4, &check, sizeof(check));
	memcpy(data + 8, &sequence, sizeof(sequence));
	for (uint32_t i = VLY_SIM_HEADER_BYTES; i < size; i++)
		data[i] = pattern_byte(peer, sequence, i);
	dgram->len = size;
}

void vly_sim_peers_fill(struct vly_sim_peers *peers, struct vly_dgram *dgram, uint64_t pick)
{
	uint32_t index = (uint32_t)(pick % peers->config->peers);
	struct vly_sim_peer *peer = &peers->peers[index];

	dgram->peer = peer->addr;
	dgram->local = peers->server;
	dgram->link = 0;
	dgram->flow_hash = 0;
	dgram->ttl = 64;
	dgram->tos = 0;
	write_payload(dgram, index, peer->next_sequence++, (uint16_t)peers->config->size_bytes);
	peers->report.sent++;
	peers->sent_by_rate++;
	if (peers->left != UINT64_MAX)
		peers->left--;
}

static bool payload_is_intact(const struct vly_dgram *dgram, uint32_t peer, uint64_t sequence)
{
	const uint8_t *data = vly_dgram_data(dgram);
	uint32_t check;

	memcpy(&check, data + 4, sizeof(check));
	if (check != check_of(peer, sequence))
		return false;
	for (uint32_t i = VLY_SIM_HEADER_BYTES; i < dgram->len; i++) {
		if (data[i] != pattern_byte(peer, sequence, i))
			return false;
	}
	return true;
}

void vly_sim_peers_check(struct vly_sim_peers *peers, const struct vly_dgram *dgram)
{
	const uint8_t *data = vly_dgram_data(dgram);
	struct vly_sim_peer *peer;
	uint64_t sequence;
	uint32_t index;

	if (dgram->len < VLY_SIM_HEADER_BYTES) {
		peers->report.foreign++;
		return;
	}
	memcpy(&index, data, sizeof(index));
	memcpy(&sequence, data + 8, sizeof(sequence));
	if (index >= peers->config->peers || sequence >= peers->peers[index].next_sequence ||
	    memcmp(&peers->peers[index].addr, &dgram->peer, sizeof(dgram->peer)) != 0) {
		peers->report.foreign++;
		return;
	}
	peer = &peers->peers[index];
	peers->report.answers++;
	if (!payload_is_intact(dgram, index, sequence))
		peers->report.corrupt++;
	if (sequence + 1 <= peer->answered_sequence && peers->config->ordered_wire)
		peers->report.disordered++;
	else if (sequence + 1 > peer->answered_sequence)
		peer->answered_sequence = sequence + 1;
}
