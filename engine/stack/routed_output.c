// SPDX-License-Identifier: BSD-3-Clause
//
// Outwards to anybody in one straight function: see fast.h. Of a burst, each destination is looked
// up once; those of a server's many clients are many, those of a forwarder's servers few.
#include "stack/fast.h"
#include "stack/plain.h"

enum {
	KNOWN_BITS = 4,
	KNOWN = 1 << KNOWN_BITS, // destinations of this burst that are remembered
};

// Nothing changes in the tables while one burst is sent.
struct known {
	uint64_t used; // a bit for each place that is
	uint32_t ip[KNOWN];
	uint64_t mac[KNOWN];
};

static inline bool is_plain(const struct vly_stack *stack, const struct vly_dgram *dgram)
{
	return dgram->fate == VLY_FATE_SEND && dgram->peer.port && dgram->local.port &&
	       (dgram->ttl == 0 || dgram->ttl == VLY_IP_TTL) && dgram->tos == 0 &&
	       vly_ip_is4(dgram->peer.ip) && vly_ip_is4(dgram->local.ip) &&
	       vly_local_reach4(&stack->local, vly_raw32(dgram->local.ip + 12)) ==
		       VLY_REACH_UNICAST &&
	       vly_plain_fits(stack, dgram);
}

// The MAC of the next hop, as vly_plain_make() takes it; 0: there is more to do than to send.
static uint64_t look_up(struct vly_stack *stack, const uint8_t *ip, uint64_t now_ns)
{
	uint8_t next[VLY_IP_BYTES];
	struct vly_neigh *neigh;
	uint64_t mac = 0;

	if (!vly_local_can_reach(&stack->local, ip) || !vly_local_next_hop(&stack->local, ip, next))
		return 0;
	neigh = vly_neigh_find(&stack->neighbours, next);
	if (!neigh || !vly_neigh_is_resolved(neigh) || neigh->held_count ||
	    !(neigh->is_static || now_ns < neigh->fresh_until_ns))
		return 0;
	vly_neigh_use(&stack->neighbours, neigh, now_ns);
	memcpy(&mac, neigh->mac, VLY_MAC_BYTES);
	return mac;
}

static inline uint64_t mac_of(struct vly_stack *stack, struct known *known,
			      const struct vly_dgram *dgram, uint64_t now_ns)
{
	uint32_t ip = vly_raw32(dgram->peer.ip + 12);
	uint32_t at = ip * 0x9e3779b1u >> (32 - KNOWN_BITS);

	if (VLY_LIKELY(known->used >> at & 1 && known->ip[at] == ip))
		return known->mac[at];
	known->mac[at] = look_up(stack, dgram->peer.ip, now_ns);
	known->ip[at] = ip;
	known->used |= UINT64_C(1) << at;
	return known->mac[at];
}

uint32_t vly_stack_output_routed(struct vly_stack *stack, struct vly_dgram **dgrams, uint32_t count,
				 uint64_t now_ns, uint32_t *originated)
{
	struct known known;
	uint32_t taken;

	known.used = 0;
	*originated = 0;
	if (VLY_UNLIKELY(stack->is_tagging))
		return 0;
	for (taken = 0; taken < count; taken++) {
		struct vly_dgram *dgram = dgrams[taken];
		uint64_t mac;

		if (VLY_UNLIKELY(!is_plain(stack, dgram)))
			break;
		mac = mac_of(stack, &known, dgram, now_ns);
		if (VLY_UNLIKELY(!mac))
			break;
		*originated += dgram->rx_ns == 0;
		vly_plain_make(stack, dgram, mac);
	}
	return taken;
}
