// SPDX-License-Identifier: BSD-3-Clause
//
// The arguments that a driver wants for our device. What the user gave after the first comma of
// DEVICE comes first and wins: a key given there is not added again.
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "backend/dpdk_private.h"
#include "core/fail.h"

enum {
	// A slot holds a frame behind the kernel's header of it (packet(7), PACKET_RX_RING).
	PACKET_SLOT_BYTES = 2048,
	PACKET_BLOCK_BYTES = 16384,
};

struct text {
	char *at;
	size_t size;
	size_t used;
	const char *given;
};

static void append(struct text *text, const char *format, ...) VLY_PRINTF(2, 3);
static void append(struct text *text, const char *format, ...)
{
	size_t room = text->size - text->used;
	va_list list;
	int len;

	va_start(list, format);
	len = vsnprintf(text->at + text->used, room, format, list);
	va_end(list);
	text->used += len < 0 || (size_t)len >= room ? room - 1 : (size_t)len;
}

static bool is_given(const char *given, const char *key)
{
	size_t len = strlen(key);

	while (*given) {
		if (strncmp(given, key, len) == 0 && (given[len] == '=' || given[len] == ','))
			return true;
		given += strcspn(given, ",");
		given += *given == ',';
	}
	return false;
}

static void put(struct text *text, const char *key, const char *value)
{
	if (!is_given(text->given, key))
		append(text, "%s%s=%s", text->used ? "," : "", key, value);
}

static void put_number(struct text *text, const char *key, uint32_t value)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", value);
	put(text, key, number);
}

static void put_mac(struct text *text, const struct vly_dpdk_plan *plan)
{
	const uint8_t *mac = plan->options.mac;
	char value[24];

	snprintf(value, sizeof(value), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	put(text, "mac", value);
}

static void virtio_user(struct text *text, const struct vly_dpdk_plan *plan)
{
	bool relayed = plan->relay.path[0] != 0;

	put(text, "path", relayed ? plan->relay.path : plan->device.target);
	put_number(text, "queues", plan->queues);
	if (plan->device.serves || relayed)
		put(text, "server", "1");
	put_number(text, "queue_size", plan->options.descriptors);
	put_mac(text, plan);
	// Buffers hold whole frames, so none is spread over several: that is the fast path. A
	// peer without packed rings negotiates split ones.
	put(text, "mrg_rxbuf", plan->whole_room ? "1" : "0");
	put(text, "in_order", "1");
	put(text, "vectorized", "1");
	put(text, "packed_vq", plan->options.packed == VLY_DPDK_OFF ? "0" : "1");
}

static void memif(struct text *text, const struct vly_dpdk_plan *plan)
{
	char order[16];

	put(text, "role", plan->device.serves ? "server" : "client");
	put(text, "socket", plan->device.target);
	// Since VPP's days the preset is an abstract socket, which has no rights and no file.
	put(text, "socket-abstract", "no");
	put_number(text, "bsize", (uint32_t)plan->data_room);
	snprintf(order, sizeof(order), "%d", __builtin_ctz(plan->options.descriptors));
	put(text, "rsize", order);
	put_mac(text, plan);
}

static void af_packet(struct text *text, const struct vly_dpdk_plan *plan)
{
	put(text, "iface", plan->device.target);
	put_number(text, "qpairs", plan->queues);
	put_number(text, "framesz", PACKET_SLOT_BYTES);
	put_number(text, "blocksz", PACKET_BLOCK_BYTES);
	put_number(text, "framecnt", plan->options.descriptors);
}

static void put_program(struct text *text, const struct vly_dpdk_plan *plan)
{
	char path[32];

	if (!plan->share.is_on)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", plan->share.program_fd);
	put(text, "xdp_prog", path);
}

int vly_dpdk_devargs(char *args, size_t size, const struct vly_dpdk_plan *plan,
		     struct vly_error *error)
{
	const struct vly_dpdk_device *device = &plan->device;
	struct text text = {.at = args, .size = size, .given = device->extra};

	args[0] = 0;
	if (device->extra[0])
		append(&text, "%s", device->extra);
	switch (device->id) {
	case VLY_DPDK_VIRTIO_USER:
		virtio_user(&text, plan);
		break;
	case VLY_DPDK_VHOST_USER:
		put(&text, "iface", device->target);
		put_number(&text, "queues", plan->queues);
		if (!device->serves)
			put(&text, "client", "1");
		break;
	case VLY_DPDK_MEMIF:
		memif(&text, plan);
		break;
	case VLY_DPDK_AF_XDP:
		put(&text, "iface", device->target);
		put_number(&text, "queue_count", plan->queues);
		put_program(&text, plan);
		break;
	case VLY_DPDK_AF_PACKET:
		af_packet(&text, plan);
		break;
	case VLY_DPDK_PCAP:
		put(&text, "rx_pcap", device->target);
		if (!plan->options.replays_once)
			put(&text, "infinite_rx", "1");
		if (plan->options.capture && plan->options.capture[0])
			put(&text, "tx_pcap", plan->options.capture);
		break;
	case VLY_DPDK_PCI:
	case VLY_DPDK_VDEV:
	case VLY_DPDK_KIND_COUNT:
		break;
	}
	if (text.used + 1 >= size)
		return vly_fail(error, -EINVAL, "dpdk: %s:%.60s: too many driver arguments",
				device->kind->word, device->target);
	return 0;
}
