// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_train.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include "core/compiler.h"
#include "stack/flow.h"

// --- control messages ---------------------------------------------------------------------------

static uint32_t read_int(const struct cmsghdr *cmsg)
{
	int value = 0;

	memcpy(&value, CMSG_DATA(cmsg), sizeof(value));
	return (uint32_t)value;
}

// What came to a group or to everybody. ipi_addr is what the header says; ipi_spec_dst is an
// address of ours, and what a broadcast is answered from.
static void read_addressees(struct vly_kernel_train *train, const struct in_pktinfo *info)
{
	struct vly_addr group = train->model.local;

	memcpy(group.ip + 12, &info->ipi_addr, 4);
	if (vly_addr_is_multicast(&group))
		train->model.local = group;
	else
		train->is_broadcast = true;
}

static void read_ipv4(struct vly_kernel_train *train, const struct cmsghdr *cmsg)
{
	struct vly_dgram *model = &train->model;
	struct in_pktinfo info;

	switch (cmsg->cmsg_type) {
	case IP_PKTINFO:
		memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
		memset(model->local.ip, 0, 10);
		memset(model->local.ip + 10, 0xff, 2);
		memcpy(model->local.ip + 12, &info.ipi_spec_dst, 4);
		model->link = (uint32_t)info.ipi_ifindex;
		if (VLY_UNLIKELY(info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr))
			read_addressees(train, &info);
		break;
	case IP_TTL:
		model->ttl = (uint8_t)read_int(cmsg);
		break;
	case IP_TOS:
		model->tos = *CMSG_DATA(cmsg); // one byte, unlike all others
		break;
	default:
		break;
	}
}

static void read_ipv6(struct vly_dgram *model, const struct cmsghdr *cmsg)
{
	struct in6_pktinfo info;

	switch (cmsg->cmsg_type) {
	case IPV6_PKTINFO:
		// Also there for IPv4 on a socket of both families, where IP_PKTINFO says more.
		if (vly_addr_is_ipv4(&model->local))
			break;
		memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
		memcpy(model->local.ip, &info.ipi6_addr, sizeof(model->local.ip));
		model->link = info.ipi6_ifindex;
		break;
	case IPV6_HOPLIMIT:
		model->ttl = (uint8_t)read_int(cmsg);
		break;
	case IPV6_TCLASS:
		model->tos = (uint8_t)read_int(cmsg);
		break;
	default:
		break;
	}
}

static void read_control(struct vly_kernel_train *train, struct vly_kernel_socket *sock,
			 struct vly_ledger_block *ledger, const struct msghdr *msg)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg;
	     cmsg = CMSG_NXTHDR((struct msghdr *)(uintptr_t)msg, cmsg)) {
		if (cmsg->cmsg_level == SOL_IP)
			read_ipv4(train, cmsg);
		else if (cmsg->cmsg_level == SOL_IPV6)
			read_ipv6(&train->model, cmsg);
		else if (cmsg->cmsg_level == SOL_UDP && cmsg->cmsg_type == UDP_GRO)
			train->segment = read_int(cmsg);
		else if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SO_RXQ_OVFL)
			vly_kernel_socket_missed(sock, read_int(cmsg), ledger);
		else if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SO_TIMESTAMPING)
			train->stamps = CMSG_DATA(cmsg);
	}
}

static void read_stamps(struct vly_kernel_trains *trains, struct vly_kernel_train *train)
{
	struct timespec given[VLY_KERNEL_STAMPS_OF_ONE];

	memcpy(given, train->stamps, sizeof(given));
	train->model.rx_ns = vly_kernel_stamps_translate(&trains->stamps, given, train->model.link);
}

// --- trains -------------------------------------------------------------------------------------

uint32_t vly_kernel_trains_add(struct vly_kernel_trains *trains, struct vly_kernel_pool *pool,
			       struct vly_kernel_socket *sock, struct vly_ledger_block *ledger,
			       const struct msghdr *msg, uint32_t block, uint32_t bytes,
			       uint64_t rx_ns)
{
	struct vly_kernel_train *train = &trains->ring[trains->tail % VLY_KERNEL_TRAINS];

	train->model = (struct vly_dgram){
		.local = sock->bound,
		.rx_ns = rx_ns,
		.queue = trains->queue,
		.fate = VLY_FATE_UNDECIDED,
	};
	vly_kernel_addr_read(&train->model.peer, msg->msg_name);
	train->segment = 0;
	train->is_broadcast = false;
	train->stamps = NULL;
	read_control(train, sock, ledger, msg);
	if (train->stamps)
		read_stamps(trains, train);
	train->model.flow_hash = vly_flow_hash(&train->model.peer, &train->model.local);
	if (!train->segment || train->segment > bytes)
		train->segment = bytes;
	// Alone over IPv6 it may be 20 bytes larger than any over IPv4, which is all that handlers
	// need to have room for.
	if (VLY_UNLIKELY((msg->msg_flags & MSG_TRUNC) || train->segment > VLY_DGRAM_BYTES_MAX)) {
		vly_count_lost(ledger, VLY_DROP_RX_TRUNCATED, 1);
		vly_kernel_pool_put(pool, block);
		return 0;
	}
	if (VLY_UNLIKELY(train->is_broadcast) && sock->drops_copies) {
		vly_kernel_pool_put(pool, block);
		return 0;
	}
	train->count = bytes ? (bytes + train->segment - 1) / train->segment : 1;
	if (VLY_UNLIKELY(train->count > VLY_KERNEL_HEADERS)) {
		vly_count_lost(ledger, VLY_DROP_RX_TRUNCATED, train->count - VLY_KERNEL_HEADERS);
		train->count = VLY_KERNEL_HEADERS;
		bytes = train->segment * VLY_KERNEL_HEADERS;
	}
	train->block = block;
	train->total = bytes;
	train->offset = 0;
	train->header = 0;
	pool->refs[block] = (uint16_t)train->count;
	trains->tail++;
	return train->count;
}

// Up to `count` datagrams of a train. One may grow up to the next one; the last one, up to the end
// of the block.
static uint32_t take_apart(struct vly_kernel_train *train, const struct vly_kernel_pool *pool,
			   struct vly_dgram **dgrams, uint32_t count)
{
	uint32_t n = count < train->count ? count : train->count;
	struct vly_dgram *header = vly_kernel_pool_header(pool, train->block, train->header);
	struct vly_dgram model = train->model;
	int32_t data_offset = (int32_t)((train->header + 1) * VLY_CACHE_LINE_BYTES +
					VLY_KERNEL_LEAD_BYTES + train->offset);

	model.len = (uint16_t)train->segment;
	model.capacity = (uint16_t)train->segment;
	// The model stays as it is, so that it can stay in registers.
	for (uint32_t i = 0; i < n; i++, header--) {
		*header = model;
		header->data_offset = data_offset;
		data_offset += (int32_t)(VLY_CACHE_LINE_BYTES + train->segment);
		dgrams[i] = header;
	}
	train->offset += n * train->segment;
	train->header += n;
	train->count -= n;
	if (!train->count) {
		uint32_t start = train->offset - train->segment;
		uint32_t room = VLY_KERNEL_PAYLOAD_BYTES - start;

		dgrams[n - 1]->len = (uint16_t)(train->total - start);
		dgrams[n - 1]->capacity =
			(uint16_t)(room < VLY_DGRAM_BYTES_MAX ? room : VLY_DGRAM_BYTES_MAX);
	}
	return n;
}

uint32_t vly_kernel_trains_deliver(struct vly_kernel_trains *trains, struct vly_kernel_pool *pool,
				   struct vly_ledger_block *ledger, struct vly_dgram **dgrams,
				   uint32_t n, uint32_t count, uint64_t now_ns)
{
	uint32_t before = n;

	while (n < count && trains->head != trains->tail) {
		struct vly_kernel_train *train = &trains->ring[trains->head % VLY_KERNEL_TRAINS];

		// A train that is not cut here leaves as one again.
		if (n && n + train->count > count)
			break;
		if (!train->model.rx_ns)
			train->model.rx_ns = now_ns;
		n += take_apart(train, pool, dgrams + n, count - n);
		if (!train->count)
			trains->head++;
	}
	// Starting over keeps to memory that is in the cache.
	if (trains->head == trains->tail)
		trains->head = trains->tail = 0;
	if (n != before)
		vly_count(&ledger->received, n - before);
	return n;
}
