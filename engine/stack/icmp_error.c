// SPDX-License-Identifier: BSD-3-Clause
//
// What routers and hosts say of a datagram that we sent: they quote its beginning. Anybody can
// write such a message, so it must quote a datagram that we could have sent (RFC 5927, section 4).
#include "stack/icmp.h"
#include "stack/ip4.h"
#include "stack/ip6.h"
#include "stack/state.h"
#include "stack/udp.h"

// What is quoted.
struct quote {
	struct vly_addr local; // ours
	uint8_t peer[VLY_IP_BYTES];
	uint32_t len; // of the IP packet, as its header says
};

static bool read_ports(const struct vly_stack *stack, struct quote *quote, const uint8_t *udp)
{
	quote->local.port = vly_be16(udp);
	return vly_local_serves(&stack->local, &quote->local);
}

// A later fragment has no ports, and says nothing that the first does not.
static bool read4(const struct vly_stack *stack, struct quote *quote, const uint8_t *p,
		  uint32_t len)
{
	uint32_t header;

	if (len < VLY_IP4_BYTES || p[0] >> 4 != 4)
		return false;
	header = (p[0] & 0xfu) * 4;
	if (header < VLY_IP4_BYTES || len < header + VLY_UDP_BYTES || p[9] != VLY_PROTOCOL_UDP ||
	    (vly_be16(p + 6) & VLY_IP4_FRAGMENT_OFFSET))
		return false;
	vly_ip_from4(quote->local.ip, vly_raw32(p + VLY_IP4_SRC_OFFSET));
	vly_ip_from4(quote->peer, vly_raw32(p + VLY_IP4_DST_OFFSET));
	quote->len = vly_be16(p + 2);
	return vly_local_reach4(&stack->local, vly_raw32(p + VLY_IP4_SRC_OFFSET)) ==
		       VLY_REACH_UNICAST &&
	       read_ports(stack, quote, p + header);
}

// We send no extension header but that of a fragment.
static bool read6(const struct vly_stack *stack, struct quote *quote, const uint8_t *p,
		  uint32_t len)
{
	uint32_t header = VLY_IP6_BYTES;
	uint8_t next;

	if (len < VLY_IP6_BYTES || p[0] >> 4 != 6)
		return false;
	next = p[6];
	if (next == VLY_IP6_FRAGMENT && len >= VLY_IP6_BYTES + VLY_IP6_FRAGMENT_BYTES) {
		next = p[VLY_IP6_BYTES];
		header += VLY_IP6_FRAGMENT_BYTES;
		if (vly_be16(p + VLY_IP6_BYTES + 2) & VLY_IP6_FRAGMENT_OFFSET)
			return false;
	}
	if (next != VLY_PROTOCOL_UDP || len < header + VLY_UDP_BYTES)
		return false;
	memcpy(quote->local.ip, p + VLY_IP6_SRC_OFFSET, VLY_IP_BYTES);
	memcpy(quote->peer, p + VLY_IP6_DST_OFFSET, VLY_IP_BYTES);
	quote->len = VLY_IP6_BYTES + vly_be16(p + 4);
	return vly_local_reach6(&stack->local, quote->local.ip) == VLY_REACH_UNICAST &&
	       read_ports(stack, quote, p + header);
}

// Routers from before RFC 1191 do not say how much they take: then it is the next smaller of the
// MTUs there are (its section 7).
static uint32_t guess_mtu(uint32_t len)
{
	static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006};

	for (uint32_t i = 0; i < sizeof(plateaus) / sizeof(plateaus[0]); i++)
		if (plateaus[i] < len)
			return plateaus[i];
	return VLY_PATH_IP4_MIN;
}

// It must be less than what it was too much for.
static enum vly_stack_verdict too_big(struct vly_stack *stack, struct vly_packet *packet,
				      const struct quote *quote, uint32_t mtu)
{
	if (mtu == 0 && !packet->is_ipv6)
		mtu = guess_mtu(quote->len);
	if (mtu >= quote->len || !vly_path_learn(stack, quote->peer, mtu, packet->now_ns))
		return vly_packet_drop(packet, VLY_DROP_ICMP);
	// It comes by one queue, and what is too big leaves by any.
	vly_stack_tell_path(stack, quote->peer, vly_path_mtu(stack, quote->peer));
	return VLY_STACK_ABSORBED;
}

enum vly_stack_verdict vly_icmp_error_input(struct vly_stack *stack, struct vly_packet *packet,
					    const struct vly_icmp *icmp)
{
	const uint8_t *p = packet->l4 + VLY_ICMP_BYTES;
	uint32_t len = packet->l4_len - VLY_ICMP_BYTES;
	uint8_t unreachable = packet->is_ipv6 ? VLY_ICMPV6_UNREACHABLE : VLY_ICMP_UNREACHABLE;
	uint8_t port = packet->is_ipv6 ? VLY_ICMPV6_PORT_UNREACHABLE : VLY_ICMP_PORT_UNREACHABLE;
	struct quote quote = {.len = 0};
	bool is_ours =
		packet->is_ipv6 ? read6(stack, &quote, p, len) : read4(stack, &quote, p, len);

	if (!is_ours || packet->is_group)
		return vly_packet_drop(packet, VLY_DROP_ICMP);
	if (packet->is_ipv6 && icmp->type == VLY_ICMPV6_TOO_BIG)
		return too_big(stack, packet, &quote, icmp->rest);
	if (!packet->is_ipv6 && icmp->type == VLY_ICMP_UNREACHABLE &&
	    icmp->code == VLY_ICMP_FRAGMENTATION_NEEDED)
		return too_big(stack, packet, &quote, icmp->rest & 0xffff);
	if (icmp->type == unreachable && icmp->code == port)
		return vly_packet_drop(packet, VLY_DROP_RX_REFUSED);
	return vly_packet_drop(packet, VLY_DROP_RX_UNREACHABLE);
}
