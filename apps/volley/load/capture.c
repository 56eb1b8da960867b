// SPDX-License-Identifier: BSD-3-Clause
//
// The UDP payloads of a capture file, by libpcap, which reads pcap and pcapng.
#include <errno.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <volley/volley.h>

#include "load/content.h"

enum {
	ETHERNET_TYPE = 12, // where it is
	TYPE_BYTES = 2,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_VLAN = 0x8100, // IEEE 802.1Q
	TYPE_QINQ = 0x88a8, // IEEE 802.1ad
	TAG_BYTES = 4,
	SLL_TYPE = 14, // where it is in a Linux "cooked" header
	SLL2_BYTES = 20,
	NULL_BYTES = 4, // of a loopback header
	IPV4_BYTES = 20,
	IPV4_FRAGMENT = 0x3fff, // offset, and more of them (RFC 791)
	IPV6_BYTES = 40,
	UDP_BYTES = 8,
	PROTOCOL_UDP = 17,
};

// What is left of a frame.
struct view {
	const uint8_t *at;
	uint32_t len;
};

static bool skip(struct view *view, uint32_t bytes)
{
	if (view->len < bytes)
		return false;
	view->at += bytes;
	view->len -= bytes;
	return true;
}

static uint32_t be16(const uint8_t *at)
{
	return (uint32_t)(at[0] << 8 | at[1]);
}

// Goes to the IP header. False: there is none.
static bool skip_link(struct view *view, int link)
{
	uint32_t type;

	switch (link) {
	case DLT_RAW:
		return true;
	case DLT_NULL:
	case DLT_LOOP:
		return skip(view, NULL_BYTES);
	case DLT_LINUX_SLL2:
		return skip(view, SLL2_BYTES);
	case DLT_LINUX_SLL:
		return skip(view, SLL_TYPE + TYPE_BYTES);
	case DLT_EN10MB:
		break;
	default:
		return false;
	}
	if (!skip(view, ETHERNET_TYPE))
		return false;
	for (;;) {
		if (view->len < TAG_BYTES)
			return false;
		type = be16(view->at);
		if (type != TYPE_VLAN && type != TYPE_QINQ)
			break;
		skip(view, TAG_BYTES);
	}
	skip(view, TYPE_BYTES);
	return type == TYPE_IPV4 || type == TYPE_IPV6;
}

// Goes to the UDP header, and cuts what is behind the packet. False: it is none, or a fragment.
static bool skip_ip(struct view *view)
{
	uint32_t header, total;

	if (view->len < IPV4_BYTES)
		return false;
	if (view->at[0] >> 4 == 4) {
		header = (uint32_t)(view->at[0] & 0xf) * 4;
		total = be16(view->at + 2);
		if (view->at[9] != PROTOCOL_UDP || be16(view->at + 6) & IPV4_FRAGMENT ||
		    header < IPV4_BYTES)
			return false;
	} else {
		if (view->at[0] >> 4 != 6 || view->len < IPV6_BYTES || view->at[6] != PROTOCOL_UDP)
			return false;
		header = IPV6_BYTES;
		total = IPV6_BYTES + be16(view->at + 4);
	}
	if (total < header || total > view->len)
		return false; // not all of it was captured
	view->len = total;
	return skip(view, header);
}

static bool skip_udp(struct view *view)
{
	uint32_t len;

	if (view->len < UDP_BYTES)
		return false;
	len = be16(view->at + 4);
	if (len < UDP_BYTES || len > view->len)
		return false;
	view->len = len;
	return skip(view, UDP_BYTES);
}

// --- gathering ----------------------------------------------------------------------------------

struct gathering {
	struct content content;
	uint64_t bytes;
	uint64_t room; // for bytes
	uint32_t items;
};

static int grow(void **array, size_t bytes)
{
	void *grown = realloc(*array, bytes);

	if (!grown)
		return -ENOMEM;
	*array = grown;
	return 0;
}

static int make_room(struct gathering *gathering, uint32_t len)
{
	struct content *content = &gathering->content;
	int rc = 0;

	if (content->count == gathering->items) {
		gathering->items = gathering->items ? 2 * gathering->items : 1024;
		rc |= grow((void **)&content->sizes, gathering->items * sizeof(content->sizes[0]));
		rc |= grow((void **)&content->offsets,
			   gathering->items * sizeof(content->offsets[0]));
	}
	if (gathering->bytes + len > gathering->room) {
		gathering->room = 2 * gathering->room + VLY_DGRAM_BYTES_MAX;
		rc |= grow((void **)&content->bytes, gathering->room);
	}
	return rc ? -ENOMEM : 0;
}

static int add(struct gathering *gathering, const struct view *payload, struct vly_error *error)
{
	struct content *content = &gathering->content;

	if (content->count == CONTENT_ITEMS_MAX ||
	    gathering->bytes + payload->len > CONTENT_BYTES_MAX) {
		snprintf(error->text, sizeof(error->text),
			 "more than %d datagrams or %d MiB; cut it with editcap -c",
			 CONTENT_ITEMS_MAX, CONTENT_BYTES_MAX >> 20);
		return -EFBIG;
	}
	if (make_room(gathering, payload->len)) {
		snprintf(error->text, sizeof(error->text), "no memory");
		return -ENOMEM;
	}
	memcpy(content->bytes + gathering->bytes, payload->at, payload->len);
	content->sizes[content->count] = (uint16_t)payload->len;
	content->offsets[content->count++] = gathering->bytes;
	gathering->bytes += payload->len;
	return 0;
}

static int gather(struct gathering *gathering, pcap_t *capture, uint32_t least,
		  struct vly_error *error)
{
	int link = pcap_datalink(capture);
	struct pcap_pkthdr *header;
	const u_char *frame;
	int rc, more;

	while ((more = pcap_next_ex(capture, &header, &frame)) == 1) {
		struct view view = {frame, header->caplen};

		if (!skip_link(&view, link) || !skip_ip(&view) || !skip_udp(&view) ||
		    view.len < least)
			continue;
		rc = add(gathering, &view, error);
		if (rc < 0)
			return rc;
	}
	if (more == PCAP_ERROR) {
		snprintf(error->text, sizeof(error->text), "%s", pcap_geterr(capture));
		return -EINVAL;
	}
	if (gathering->content.count == 0) {
		snprintf(error->text, sizeof(error->text),
			 "no UDP payload of %u bytes or more is in it", least);
		return -EINVAL;
	}
	return 0;
}

int content_open_capture(struct content *content, const char *path, uint32_t least,
			 struct vly_error *error)
{
	struct gathering gathering = {.bytes = 0};
	struct vly_error inner = {""};
	char text[PCAP_ERRBUF_SIZE] = "";
	pcap_t *capture = pcap_open_offline(path, text);
	int rc = -EINVAL;

	if (capture) {
		rc = gather(&gathering, capture, least, &inner);
		pcap_close(capture);
	}
	*content = gathering.content;
	if (rc == 0)
		content_sum_up(content);
	else if (capture || !strstr(text, path))
		snprintf(error->text, sizeof(error->text), "%s: %.150s", path,
			 capture ? inner.text : text);
	else
		snprintf(error->text, sizeof(error->text), "%.200s", text);
	return rc;
}
