// SPDX-License-Identifier: BSD-3-Clause
//
// Outwards in the same way as the datagram before: see fast.h. Nothing is looked up again, and its
// headers are these, but for ports, lengths and sums.
#include <string.h>

#include "stack/checksum.h"
#include "stack/fast.h"
#include "stack/ip4.h"
#include "stack/state.h"
#include "stack/udp.h"

enum {
	L3 = VLY_ETH_BYTES,
	L4 = L3 + VLY_IP4_BYTES,
	PAYLOAD = L4 + VLY_UDP_BYTES,
	WORDS = PAYLOAD / 8,
	SUMS = VLY_FRAME_IP_CSUM | VLY_FRAME_UDP_CSUM, // that the device may make
};

// What all of them have.
struct likeness {
	uint64_t word[WORDS]; // the headers, but for the last two bytes
	uint64_t ip_sum;      // of the IP header, but for its length and sum
	uint64_t pseudo;      // of UDP's, but for the length
	uint32_t link;        // of the frame
	uint16_t src_port;    // where none is said
};

// Whether the model is an untagged frame of IPv4, and may be looked at for others.
static bool begin(struct likeness *likeness, const struct vly_stack *stack,
		  const struct vly_dgram *model)
{
	const uint8_t *p = vly_dgram_data(model);
	uint8_t headers[WORDS * 8];
	const uint8_t *ip = headers + L3;

	likeness->link = model->link;
	if ((model->link & ~(uint32_t)SUMS) != (L3 | VLY_IP4_BYTES << VLY_FRAME_L3_SHIFT) ||
	    model->fate != VLY_FATE_SEND || model->len < PAYLOAD)
		return false;
	memcpy(headers, p, sizeof(headers));
	vly_raw16_put(headers + L3 + 2, 0);
	vly_raw16_put(headers + L3 + VLY_IP4_CHECKSUM_OFFSET, 0);
	for (uint32_t i = 0; i < WORDS; i++)
		likeness->word[i] = vly_raw64(headers + 8 * i);
	likeness->ip_sum = (uint64_t)vly_raw32(ip) + vly_raw32(ip + 4) + vly_raw32(ip + 8) +
			   vly_raw32(ip + 12) + vly_raw32(ip + 16);
	likeness->pseudo = (uint64_t)vly_raw32(ip + VLY_IP4_SRC_OFFSET) +
			   vly_raw32(ip + VLY_IP4_DST_OFFSET) + htobe16(VLY_PROTOCOL_UDP);
	likeness->src_port = stack->local.port;
	return true;
}

static inline bool is_like(const struct vly_stack *stack, const struct vly_dgram *model,
			   const struct vly_dgram *dgram, bool has_large)
{
	return dgram->fate == VLY_FATE_SEND && !dgram->rx_ns && dgram->peer.port &&
	       vly_ip_is_equal(dgram->peer.ip, model->peer.ip) &&
	       vly_ip_is_equal(dgram->local.ip, model->local.ip) && dgram->ttl == model->ttl &&
	       dgram->tos == model->tos &&
	       dgram->data_offset >= (int32_t)(sizeof(*dgram) + PAYLOAD) &&
	       dgram->len + (uint32_t)(VLY_IP4_BYTES + VLY_UDP_BYTES) <= stack->mtu_sure &&
	       dgram->len <= dgram->capacity &&
	       !(VLY_UNLIKELY(has_large) && vly_large_has(&stack->large, dgram));
}

static inline void widen(struct vly_dgram *dgram, uint32_t link)
{
	uint32_t capacity = dgram->capacity + (uint32_t)PAYLOAD;

	dgram->data_offset -= PAYLOAD;
	dgram->len = (uint16_t)(dgram->len + PAYLOAD);
	dgram->capacity = (uint16_t)(capacity < UINT16_MAX ? capacity : UINT16_MAX);
	dgram->link = link;
}

static inline uint16_t udp_sum(uint64_t pseudo, uint64_t header, const uint8_t *payload,
			       uint32_t len)
{
	uint16_t sum = (uint16_t)~vly_wide_fold(vly_wide_sum(pseudo + header, payload, len));

	return sum ? sum : 0xffff; // 0 would mean that there is none (RFC 768)
}

static inline void make(const struct likeness *likeness, struct vly_dgram *dgram)
{
	const uint8_t *payload = vly_dgram_data(dgram);
	uint8_t *p = vly_dgram_data(dgram) - PAYLOAD;
	uint32_t len = dgram->len;
	uint16_t ip_len = htobe16((uint16_t)(len + VLY_UDP_BYTES + VLY_IP4_BYTES));
	uint16_t udp_len = htobe16((uint16_t)(len + VLY_UDP_BYTES));
	uint16_t local = dgram->local.port ? dgram->local.port : likeness->src_port;
	uint16_t src_port = htobe16(local);
	uint16_t dst_port = htobe16(dgram->peer.port);
	uint64_t pseudo = likeness->pseudo + udp_len;
	uint16_t sum;

	if (likeness->link & VLY_FRAME_UDP_CSUM)
		sum = vly_sum_fold(pseudo);
	else
		sum = udp_sum(pseudo, (uint64_t)src_port + dst_port + udp_len, payload, len);
	widen(dgram, likeness->link);
	// In whole words: what is put together from pieces first is read back late.
	for (uint32_t i = 0; i < WORDS; i++)
		vly_raw64_put(p + 8 * i, likeness->word[i]);
	vly_raw16_put(p + L3 + 2, ip_len);
	if (!(likeness->link & VLY_FRAME_IP_CSUM))
		vly_raw16_put(p + L3 + VLY_IP4_CHECKSUM_OFFSET,
			      (uint16_t)~vly_wide_fold(likeness->ip_sum + ip_len));
	vly_raw16_put(p + L4, src_port);
	vly_raw16_put(p + L4 + 2, dst_port);
	vly_raw16_put(p + L4 + 4, udp_len);
	vly_raw16_put(p + L4 + VLY_UDP_CHECKSUM_OFFSET, sum);
}

uint32_t vly_stack_output_like(const struct vly_stack *stack, const struct vly_dgram *model,
			       struct vly_dgram **dgrams, uint32_t count)
{
	bool has_large = stack->large.free_count < stack->large.count;
	struct likeness likeness;
	uint32_t taken = 0;

	if (count == 0 || !is_like(stack, model, dgrams[0], has_large) ||
	    !begin(&likeness, stack, model))
		return 0;
	do
		make(&likeness, dgrams[taken++]);
	while (taken < count && VLY_LIKELY(is_like(stack, model, dgrams[taken], has_large)));
	return taken;
}
