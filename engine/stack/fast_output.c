// SPDX-License-Identifier: BSD-3-Clause
//
// Replies outwards in one straight function: see fast.h.
#include "stack/fast.h"
#include "stack/link.h"
#include "stack/plain.h"

enum {
	// What vly_link_pack() makes of an untagged IPv4 frame to us alone, wherever it starts.
	LINK_MASK = ~(VLY_LINK_START_MASK | VLY_LINK_L3_MASK << VLY_LINK_L3_SHIFT),
};

static inline bool is_plain_reply(const struct vly_stack *stack, const struct vly_dgram *dgram)
{
	const uint32_t plain = VLY_ETH_BYTES << VLY_LINK_L2_SHIFT | 1u << 31;
	int32_t start = (int32_t)(dgram->link & VLY_LINK_START_MASK);

	return dgram->fate == VLY_FATE_REPLY && (dgram->link & (uint32_t)LINK_MASK) == plain &&
	       dgram->rx_ns && dgram->peer.port && dgram->local.port &&
	       dgram->data_offset >= start + VLY_ETH_BYTES && vly_plain_fits(stack, dgram);
}

// What the request's Ethernet header gives is read before the reply's is put down, which may lie
// over it.
static inline void make(const struct vly_stack *stack, struct vly_dgram *dgram)
{
	const uint8_t *request = (const uint8_t *)dgram + (dgram->link & VLY_LINK_START_MASK);

	vly_plain_make(stack, dgram, vly_raw64(request + VLY_MAC_BYTES) & stack->mac_mask);
}

uint32_t vly_stack_output_fast(const struct vly_stack *stack, struct vly_dgram **dgrams,
			       uint32_t count)
{
	uint32_t taken = 0;

	while (taken < count && VLY_LIKELY(is_plain_reply(stack, dgrams[taken])))
		make(stack, dgrams[taken++]);
	return taken;
}
