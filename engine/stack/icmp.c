// SPDX-License-Identifier: BSD-3-Clause
#include "stack/icmp.h"

#include "stack/checksum.h"
#include "stack/igmp.h"
#include "stack/ip4.h"
#include "stack/ip6.h"
#include "stack/state.h"

int vly_icmp_decode(struct vly_icmp *out, const uint8_t *p, size_t len)
{
	if (len < VLY_ICMP_BYTES)
		return -EBADMSG;
	out->type = p[0];
	out->code = p[1];
	out->checksum_raw = vly_raw16(p + VLY_ICMP_CHECKSUM_OFFSET);
	out->rest = vly_be32(p + 4);
	return VLY_ICMP_BYTES;
}

int vly_icmp_encode(const struct vly_icmp *in, uint8_t *p, size_t capacity)
{
	if (capacity < VLY_ICMP_BYTES)
		return -ENOSPC;
	p[0] = in->type;
	p[1] = in->code;
	vly_raw16_put(p + VLY_ICMP_CHECKSUM_OFFSET, in->checksum_raw);
	vly_be32_put(p + 4, in->rest);
	return VLY_ICMP_BYTES;
}

// --- in -----------------------------------------------------------------------------------------

// Everything but the type goes back as it came. The checksum is not brought up to date from the
// old one: of a message of zeros that would give 0 (RFC 1624, section 3), which nobody accepts.
static enum vly_stack_verdict echo(struct vly_stack *stack, struct vly_packet *packet,
				   uint8_t reply_type, uint8_t protocol)
{
	struct vly_way way = vly_stack_way_back(stack, packet);
	uint64_t pseudo = packet->is_ipv6 ? packet->pseudo : 0;
	uint8_t *p = packet->l4;

	p[0] = reply_type;
	vly_raw16_put(p + VLY_ICMP_CHECKSUM_OFFSET, 0);
	vly_raw16_put(p + VLY_ICMP_CHECKSUM_OFFSET,
		      vly_sum_finish(vly_sum(pseudo, p, packet->l4_len)));
	if (packet->is_whole) {
		vly_split_begin(stack, &way, protocol, p, packet->l4_len);
		return VLY_STACK_REPLY;
	}
	return vly_stack_answer(packet, &way, protocol, packet->l4_len);
}

// The kernel beside us hears what we have heard.
static enum vly_stack_verdict error_input(struct vly_stack *stack, struct vly_packet *packet,
					  const struct vly_icmp *icmp)
{
	enum vly_stack_verdict verdict = vly_icmp_error_input(stack, packet, icmp);

	return stack->has_kernel ? vly_packet_drop(packet, VLY_DROP_ICMP) : verdict;
}

enum vly_stack_verdict vly_icmp_input(struct vly_stack *stack, struct vly_packet *packet)
{
	struct vly_icmp icmp;

	if (vly_icmp_decode(&icmp, packet->l4, packet->l4_len) < 0 ||
	    !vly_sum_verifies(vly_sum(0, packet->l4, packet->l4_len)))
		return vly_packet_drop(packet, VLY_DROP_ICMP);
	if (icmp.type == VLY_ICMP_UNREACHABLE || icmp.type == VLY_ICMP_TIME_EXCEEDED)
		return error_input(stack, packet, &icmp);
	if (icmp.type != VLY_ICMP_ECHO_REQUEST || icmp.code != 0 || packet->is_group ||
	    stack->has_kernel)
		return vly_packet_drop(packet, VLY_DROP_ICMP);
	return echo(stack, packet, VLY_ICMP_ECHO_REPLY, VLY_PROTOCOL_ICMP);
}

enum vly_stack_verdict vly_icmpv6_input(struct vly_stack *stack, struct vly_packet *packet)
{
	struct vly_icmp icmp;

	if (vly_icmp_decode(&icmp, packet->l4, packet->l4_len) < 0 ||
	    !vly_sum_verifies(vly_sum(packet->pseudo, packet->l4, packet->l4_len)))
		return vly_packet_drop(packet, VLY_DROP_ICMP);
	if (icmp.type == VLY_ICMPV6_NEIGHBOUR_SOLICITATION ||
	    icmp.type == VLY_ICMPV6_NEIGHBOUR_ADVERTISEMENT) {
		if (packet->was_fragment) // RFC 6980
			return vly_packet_drop(packet, VLY_DROP_NDP);
		return vly_ndp_input(stack, packet);
	}
	if (packet->is_unspecified)
		return vly_packet_drop(packet, VLY_DROP_IP_SOURCE);
	if (icmp.type == VLY_MLD_QUERY)
		return vly_mld_input(stack, packet);
	if (icmp.type >= VLY_ICMPV6_UNREACHABLE && icmp.type <= VLY_ICMPV6_TIME_EXCEEDED)
		return error_input(stack, packet, &icmp);
	if (icmp.type != VLY_ICMPV6_ECHO_REQUEST || icmp.code != 0 || packet->is_group ||
	    stack->has_kernel)
		return vly_packet_drop(packet, VLY_DROP_ICMP);
	return echo(stack, packet, VLY_ICMPV6_ECHO_REPLY, VLY_PROTOCOL_ICMPV6);
}

// --- out ----------------------------------------------------------------------------------------

// A place for one more, or NULL. RFC 1122, section 3.2.2: no error about what was sent to a group.
// RFC 4443, section 2.4 f: a limited rate, here a bucket as deep as the queue.
static struct vly_complaint *complaint_add(struct vly_stack *stack, bool is_group, uint64_t now_ns)
{
	uint64_t depth_ns = (uint64_t)VLY_COMPLAINTS_MAX * VLY_COMPLAINT_EVERY_NS;
	uint64_t credit_ns = stack->complaint_credit_ns;

	if (credit_ns < now_ns)
		credit_ns = now_ns;
	if (is_group || stack->complaint_count == VLY_COMPLAINTS_MAX ||
	    credit_ns - now_ns > depth_ns - VLY_COMPLAINT_EVERY_NS)
		return NULL;
	stack->complaint_credit_ns = credit_ns + VLY_COMPLAINT_EVERY_NS;
	stack->due_ns = 0;
	return &stack->complaints[(stack->complaint_first + stack->complaint_count++) %
				  VLY_COMPLAINTS_MAX];
}

void vly_stack_complain(struct vly_stack *stack, const struct vly_packet *packet)
{
	bool is_ours = !packet->is_group && !stack->has_kernel;
	struct vly_complaint *complaint = complaint_add(stack, !is_ours, packet->now_ns);
	uint32_t len = packet->l3_len + packet->l4_len;

	if (!complaint)
		return;
	memcpy(complaint->mac, packet->eth->src, VLY_MAC_BYTES);
	complaint->is_ipv6 = packet->is_ipv6;
	complaint->is_late = false;
	complaint->len = (uint8_t)(len < VLY_COMPLAINT_BYTES ? len : VLY_COMPLAINT_BYTES);
	memcpy(complaint->packet, packet->start + packet->l2_len, complaint->len);
}

// RFC 792 and RFC 4443, section 3.3: not without the first fragment, which says what it was.
void vly_stack_complain_late(struct vly_stack *stack, const struct vly_reassembly *entry,
			     uint64_t now_ns)
{
	struct vly_complaint *complaint;

	if (!entry->has_first)
		return;
	complaint = complaint_add(stack, entry->is_group, now_ns);
	if (!complaint)
		return;
	memcpy(complaint->mac, entry->eth.src, VLY_MAC_BYTES);
	complaint->is_ipv6 = !vly_ip_is4(entry->src);
	complaint->is_late = true;
	complaint->len = entry->head_len;
	memcpy(complaint->packet, entry->head, entry->head_len);
}

// The addresses of the packet, IPv4 mapped.
static void addrs_read(const struct vly_complaint *complaint, uint8_t *src, uint8_t *dst)
{
	const uint8_t *p = complaint->packet;

	if (complaint->is_ipv6) {
		memcpy(src, p + VLY_IP6_SRC_OFFSET, VLY_IP_BYTES);
		memcpy(dst, p + VLY_IP6_DST_OFFSET, VLY_IP_BYTES);
	} else {
		vly_ip_from4(src, vly_raw32(p + VLY_IP4_SRC_OFFSET));
		vly_ip_from4(dst, vly_raw32(p + VLY_IP4_DST_OFFSET));
	}
}

static struct vly_icmp error_of(const struct vly_complaint *complaint)
{
	static const uint8_t types[2][2] = {{VLY_ICMP_UNREACHABLE, VLY_ICMP_TIME_EXCEEDED},
					    {VLY_ICMPV6_UNREACHABLE, VLY_ICMPV6_TIME_EXCEEDED}};
	static const uint8_t codes[2][2] = {{VLY_ICMP_PORT_UNREACHABLE, VLY_ICMP_REASSEMBLY},
					    {VLY_ICMPV6_PORT_UNREACHABLE, VLY_ICMP_REASSEMBLY}};

	return (struct vly_icmp){.type = types[complaint->is_ipv6][complaint->is_late],
				 .code = codes[complaint->is_ipv6][complaint->is_late]};
}

bool vly_icmp_error(const struct vly_stack *stack, struct vly_dgram *spare,
		    const struct vly_complaint *complaint)
{
	struct vly_icmp icmp = error_of(complaint);
	uint8_t sender[VLY_IP_BYTES];
	uint8_t asked[VLY_IP_BYTES];
	struct vly_way way = {
		.eth = vly_stack_eth(stack, complaint->mac,
				     complaint->is_ipv6 ? VLY_ETHERTYPE_IPV6 : VLY_ETHERTYPE_IPV4),
		.src = asked,
		.dst = sender,
		.is_ipv6 = complaint->is_ipv6,
		.ttl = VLY_IP_TTL,
	};
	uint8_t protocol = way.is_ipv6 ? VLY_PROTOCOL_ICMPV6 : VLY_PROTOCOL_ICMP;
	uint8_t *p = vly_dgram_data(spare);
	uint64_t sum = 0;

	addrs_read(complaint, sender, asked);
	spare->len = (uint16_t)(VLY_ICMP_BYTES + complaint->len);
	if (spare->capacity < spare->len)
		return false;
	vly_icmp_encode(&icmp, p, spare->capacity);
	memcpy(p + VLY_ICMP_BYTES, complaint->packet, complaint->len);
	if (way.is_ipv6)
		sum = vly_ip6_pseudo_sum(way.src, way.dst, protocol, spare->len);
	vly_raw16_put(p + VLY_ICMP_CHECKSUM_OFFSET, vly_sum_finish(vly_sum(sum, p, spare->len)));
	vly_stack_wrap(spare, &way, protocol);
	return true;
}
