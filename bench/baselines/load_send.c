// SPDX-License-Identifier: BSD-3-Clause
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

enum {
	FLAGS_PING = 3, // sockperf's: from a client, wants an answer
	FLAGS_OFFSET = 8,
	LENGTH_OFFSET = 10,
};

static void write_header(uint8_t *datagram, uint32_t bytes)
{
	uint16_t flags = htons(FLAGS_PING);
	uint32_t length = htonl(bytes);

	memcpy(datagram + FLAGS_OFFSET, &flags, sizeof(flags));
	memcpy(datagram + LENGTH_OFFSET, &length, sizeof(length));
}

static void write_sequence(uint8_t *datagram, uint64_t sequence)
{
	uint32_t words[2] = {htonl((uint32_t)(sequence >> 32)), htonl((uint32_t)sequence)};

	memcpy(datagram, words, sizeof(words));
}

uint64_t load_sequence(const uint8_t *datagram)
{
	uint32_t words[2];

	memcpy(words, datagram, sizeof(words));
	return (uint64_t)ntohl(words[0]) << 32 | ntohl(words[1]);
}

static void set_control(struct msghdr *msg, uint8_t *control, int level, int type, const void *data,
			size_t bytes)
{
	struct cmsghdr *cmsg;

	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(bytes);
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(bytes);
	memcpy(CMSG_DATA(cmsg), data, bytes);
}

// The peer's address stands in the message: 64 peers need but one socket.
static void prepare_peer(struct load *load, uint32_t index)
{
	struct msghdr *msg = &load->msgs[index].msg_hdr;
	struct in_pktinfo info = {.ipi_ifindex = 0};

	load->iovs[index] = (struct iovec){
		.iov_base = load->payload + index * load_stride(load),
		.iov_len = load->bytes,
	};
	msg->msg_iov = &load->iovs[index];
	msg->msg_iovlen = 1;
	msg->msg_name = &load->server;
	msg->msg_namelen = sizeof(load->server);
	info.ipi_spec_dst.s_addr = htonl(ntohl(load->first_source.s_addr) + index);
	set_control(msg, load->controls[index], SOL_IP, IP_PKTINFO, &info, sizeof(info));
}

static void prepare_train(struct load *load)
{
	struct msghdr *msg = &load->msgs[0].msg_hdr;
	uint16_t segment = (uint16_t)load->bytes;

	load->iovs[0] = (struct iovec){
		.iov_base = load->payload,
		.iov_len = load->batch * load->bytes,
	};
	msg->msg_iov = &load->iovs[0];
	msg->msg_iovlen = 1;
	if (load->batch > 1)
		set_control(msg, load->controls[0], SOL_UDP, UDP_SEGMENT, &segment,
			    sizeof(segment));
}

int load_prepare(struct load *load)
{
	load->payload = calloc(load->batch, load_stride(load));
	if (!load->payload)
		return -ENOMEM;
	for (uint32_t i = 0; i < load->batch; i++)
		write_header(load->payload + i * load_stride(load), load->bytes);
	if (!load_has_peers(load)) {
		prepare_train(load);
		return 0;
	}
	for (uint32_t i = 0; i < load->batch; i++)
		prepare_peer(load, i);
	return 0;
}

bool load_send(struct load *load)
{
	uint32_t first = (uint32_t)(load->next % load->batch); // whose turn it is, of `peers`
	uint32_t done = first;
	int fd = load_has_frames(load) ? load->frame_fd : load->fd;

	for (uint32_t i = first; i < load->batch; i++)
		write_sequence(load->payload + i * load_stride(load), load->next + i - first);
	if (!load_has_peers(load)) {
		if (sendmsg(load->fd, &load->msgs[0].msg_hdr, 0) < 0)
			return false;
		load->next += load->batch;
		return true;
	}
	if (load->mode == MODE_APART)
		load_resize_frames(load);
	while (done < load->batch) {
		int n = sendmmsg(fd, load->msgs + done, load->batch - done, 0);

		if (n <= 0)
			break;
		done += (uint32_t)n;
	}
	load->next += done - first;
	return done > first;
}
