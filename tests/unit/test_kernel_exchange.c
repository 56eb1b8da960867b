// SPDX-License-Identifier: BSD-3-Clause
//
// The kernel backends against plain sockets: what comes in, what goes out, and what is told of it.
#include "kernel_port.h"

#include <netinet/udp.h>

enum {
	ROUNDS = 30,
	TTL_SENT = 33,
	TTL_MADE = 44,
	TOS_SENT = 0x28,
	TOS_MADE = 0x48,
};

static void echo_once(struct port *port, int peer, const char *host, uint16_t len)
{
	static uint8_t out[PEER_BYTES];
	static uint8_t in[PEER_BYTES];
	struct vly_addr from = peer_addr(peer);
	struct vly_dgram *dgram;

	pattern(out, len, len);
	assert_int_equal(send(peer, out, len, 0), len);
	port_receive(port, 0, &dgram, 1);
	assert_int_equal(dgram->len, len);
	assert_true(dgram->capacity >= len);
	assert_true(is_pattern(vly_dgram_data(dgram), len, len));
	assert_memory_equal(dgram->peer.ip, from.ip, sizeof(from.ip));
	assert_int_equal(dgram->peer.port, from.port);
	assert_int_equal(dgram->local.port, port_number(port));
	assert_int_not_equal(dgram->link, 0);
	assert_true(dgram->rx_ns);
	if (!strchr(host, ':'))
		assert_true(vly_addr_is_ipv4(&dgram->local));
	port_reply(port, 0, &dgram, 1);
	port_flush(port);
	assert_int_equal(recv(peer, in, sizeof(in), 0), len);
	assert_true(is_pattern(in, len, len));
}

static void test_sizes_of_both_families(void **state)
{
	static const uint16_t sizes[] = {0, 1, 64, 0, 1472, 9000, 65507, 0};
	static const char *const hosts[] = {"127.0.0.1", "::1"};
	struct port port;

	needs_ipv6();
	port_open(&port, *state, &(struct port_plan){.listens = {":0"}});
	for (uint32_t h = 0; h < 2; h++) {
		int peer = peer_open(hosts[h]);

		peer_connect(peer, hosts[h], port_number(&port));
		for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			echo_once(&port, peer, hosts[h], sizes[i]);
		close(peer);
	}
	port_close(&port);
}

// A connected peer hears only who answers from the address that it asked.
static void test_answers_from_the_address_asked(void **state)
{
	struct port port;
	int peer = peer_open("127.0.0.1");

	port_open(&port, *state, &(struct port_plan){.listens = {":0"}});
	peer_connect(peer, "127.0.0.2", port_number(&port));
	echo_once(&port, peer, "127.0.0.2", 100);
	close(peer);
	port_close(&port);
}

static void test_answers_from_the_socket_asked(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "127.0.0.3", "::1"};
	struct port port;
	struct vly_endpoint local;
	char listens[3][64];
	int guard = peer_open("127.0.0.1");
	uint16_t number = peer_addr(guard).port;
	int peers[3];

	needs_ipv6();
	close(guard);
	for (uint32_t i = 0; i < 3; i++)
		snprintf(listens[i], sizeof(listens[i]), i == 2 ? "[%s]:%u" : "%s:%u", hosts[i],
			 number + i % 2);
	port_open(&port, *state,
		  &(struct port_plan){.listens = {listens[0], listens[1], listens[2]}});
	for (uint32_t i = 0; i < 3; i++) {
		struct vly_dgram *dgram;
		char byte = 'x';

		local = endpoint_of(listens[i]);
		peers[i] = peer_open(hosts[i]);
		peer_connect(peers[i], hosts[i], local.addr.port);
		assert_int_equal(send(peers[i], &byte, 1, 0), 1);
		port_receive(&port, 0, &dgram, 1);
		assert_memory_equal(dgram->local.ip, local.addr.ip, sizeof(local.addr.ip));
		assert_int_equal(dgram->local.port, local.addr.port);
		port_reply(&port, 0, &dgram, 1);
		port_flush(&port);
		assert_int_equal(recv(peers[i], &byte, 1, 0), 1);
		close(peers[i]);
	}
	port_close(&port);
}

// One burst of one flow, of one size but for the last: a single train where there are offloads.
static void test_burst_keeps_its_order(void **state)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	struct vly_addr to;
	struct port port;
	int peer = peer_open("127.0.0.1");
	uint8_t in[2048];

	port_open(&port, *state, &(struct port_plan){.queues = 1});
	to = peer_addr(peer);
	for (uint32_t i = 0; i < VLY_BURST_MAX; i++) {
		uint16_t len = i == VLY_BURST_MAX - 1 ? 500 : 1000;

		dgrams[i] = port_make(&port, 0, &to, len);
		pattern(vly_dgram_data(dgrams[i]), len, i);
	}
	port_send(&port, 0, dgrams, VLY_BURST_MAX);
	port_flush(&port);
	for (uint32_t i = 0; i < VLY_BURST_MAX; i++) {
		ssize_t len = recv(peer, in, sizeof(in), 0);

		assert_int_equal(len, i == VLY_BURST_MAX - 1 ? 500 : 1000);
		assert_true(is_pattern(in, (size_t)len, i));
	}
	close(peer);
	port_close(&port);
}

static void send_train(int fd, uint8_t *data, size_t bytes, uint16_t segment)
{
	_Alignas(8) uint8_t control[64] = {0};
	struct iovec iov = {.iov_base = data, .iov_len = bytes};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};
	struct cmsghdr *cmsg = (struct cmsghdr *)(void *)control;

	cmsg->cmsg_level = SOL_UDP;
	cmsg->cmsg_type = UDP_SEGMENT;
	cmsg->cmsg_len = CMSG_LEN(sizeof(segment));
	memcpy(CMSG_DATA(cmsg), &segment, sizeof(segment));
	msg.msg_controllen = CMSG_SPACE(sizeof(segment));
	assert_int_equal(sendmsg(fd, &msg, 0), (ssize_t)bytes);
}

// The kernel joins nothing by itself on the loopback, but keeps what the sender has joined.
static void test_train_with_short_last_segment(void **state)
{
	enum {
		SEGMENT = 100,
		COUNT = 11,
		BYTES = 1037
	};
	struct vly_dgram *dgrams[COUNT];
	struct port port;
	uint8_t data[BYTES];
	uint8_t in[BYTES];
	int peer = peer_open("127.0.0.1");

	port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	peer_connect(peer, "127.0.0.1", port_number(&port));
	pattern(data, sizeof(data), 1);
	send_train(peer, data, sizeof(data), SEGMENT);
	for (uint32_t i = 0; i < COUNT; i += 3) // in pieces: the train waits in between
		port_receive(&port, 0, dgrams + i, COUNT - i < 3 ? COUNT - i : 3);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t len = i == COUNT - 1 ? BYTES % SEGMENT : SEGMENT;

		assert_int_equal(dgrams[i]->len, len);
		assert_true(dgrams[i]->capacity >= len);
		assert_memory_equal(vly_dgram_data(dgrams[i]), data + i * SEGMENT, len);
	}
	// Growing one up to its capacity must not touch the next.
	memset(vly_dgram_data(dgrams[0]), 0xaa, dgrams[0]->capacity);
	assert_memory_equal(vly_dgram_data(dgrams[1]), data + SEGMENT, SEGMENT);
	memcpy(vly_dgram_data(dgrams[0]), data, SEGMENT);
	port_reply(&port, 0, dgrams, COUNT);
	port_flush(&port);
	for (uint32_t i = 0; i < COUNT; i++) {
		ssize_t len = recv(peer, in, sizeof(in), 0);

		assert_int_equal(len, i == COUNT - 1 ? BYTES % SEGMENT : SEGMENT);
		assert_memory_equal(in, data + i * SEGMENT, (size_t)len);
	}
	close(peer);
	port_close(&port);
}

static bool has_option(const struct variant *variant, const char *option)
{
	for (uint32_t i = 0; i < variant->option_count; i++) {
		if (strcmp(variant->options[i], option) == 0)
			return true;
	}
	return false;
}

// What has no room behind another train waits for the next burst, to leave as one again.
static void test_trains_stay_whole(void **state)
{
	enum {
		SEGMENT = 100,
		COUNT = 40
	};
	static uint8_t data[SEGMENT * COUNT];
	struct vly_dgram *dgrams[2 * COUNT];
	struct port port;
	uint32_t first = 0;
	int peer = peer_open("127.0.0.1");

	port_open(&port, *state, &(struct port_plan){.listens = {"127.0.0.1:0"}});
	peer_connect(peer, "127.0.0.1", port_number(&port));
	// The first may come in pieces: that there are trains has to be seen.
	send_train(peer, data, sizeof(data), SEGMENT);
	port_collect(&port, 0, dgrams, COUNT, false);
	port_release(&port, 0, dgrams, COUNT);
	send_train(peer, data, sizeof(data), SEGMENT);
	send_train(peer, data, sizeof(data), SEGMENT);
	for (uint32_t i = 0; i < 1000 && !first; i++) {
		usleep(1000);
		first = port.backend->rx_burst(port.queues[0], dgrams, VLY_BURST_MAX, i + 1);
	}
	assert_in_range(first, 1, VLY_BURST_MAX);
	if (!has_option(*state, "gro=off"))
		assert_int_equal(first, COUNT);
	port_receive(&port, 0, dgrams + first, 2 * COUNT - first);
	port_release(&port, 0, dgrams, 2 * COUNT);
	close(peer);
	port_close(&port);
}

static void receive_with_headers(int fd, bool is_ipv6, int *ttl, int *tos)
{
	_Alignas(8) uint8_t control[128];
	uint8_t byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};

	*ttl = *tos = -1;
	assert_int_equal(recvmsg(fd, &msg, 0), 1);
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_type == (is_ipv6 ? IPV6_HOPLIMIT : IP_TTL))
			memcpy(ttl, CMSG_DATA(cmsg), sizeof(*ttl));
		else if (cmsg->cmsg_type == (is_ipv6 ? IPV6_TCLASS : IP_TOS))
			*tos = *CMSG_DATA(cmsg);
	}
}

static void headers_both_ways(struct port *port, const char *host)
{
	bool is_ipv6 = strchr(host, ':') != NULL;
	int peer = peer_open(host);
	struct vly_addr to = peer_addr(peer);
	int level = is_ipv6 ? SOL_IPV6 : SOL_IP;
	int ttl = TTL_SENT;
	int tos = TOS_SENT;
	int on = 1;
	struct vly_dgram *dgram;

	setsockopt(peer, level, is_ipv6 ? IPV6_UNICAST_HOPS : IP_TTL, &ttl, sizeof(ttl));
	setsockopt(peer, level, is_ipv6 ? IPV6_TCLASS : IP_TOS, &tos, sizeof(tos));
	setsockopt(peer, level, is_ipv6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL, &on, sizeof(on));
	setsockopt(peer, level, is_ipv6 ? IPV6_RECVTCLASS : IP_RECVTOS, &on, sizeof(on));
	peer_connect(peer, host, port_number(port));
	assert_int_equal(send(peer, "x", 1, 0), 1);
	port_receive(port, 0, &dgram, 1);
	assert_int_equal(dgram->ttl, TTL_SENT);
	assert_int_equal(dgram->tos, TOS_SENT);
	// An answer starts with a hop limit of its own, not with what was left of the question's.
	port_reply(port, 0, &dgram, 1);
	port_flush(port);
	receive_with_headers(peer, is_ipv6, &ttl, &tos);
	assert_true(ttl > TTL_MADE);
	dgram = port_make(port, 0, &to, 1);
	dgram->ttl = TTL_MADE;
	dgram->tos = TOS_MADE;
	port_send(port, 0, &dgram, 1);
	port_flush(port);
	receive_with_headers(peer, is_ipv6, &ttl, &tos);
	assert_int_equal(ttl, TTL_MADE);
	assert_int_equal(tos, TOS_MADE);
	close(peer);
}

static void test_hop_limit_and_class(void **state)
{
	struct port port;

	needs_ipv6();
	port_open(&port, *state, &(struct port_plan){.listens = {":0"}});
	headers_both_ways(&port, "127.0.0.1");
	headers_both_ways(&port, "::1");
	port_close(&port);
}

static void test_clients_talk_to_each_other(void **state)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	struct port a;
	struct port b;
	struct vly_addr to = endpoint_of("127.0.0.1:1").addr;

	port_open(&a, *state, &(struct port_plan){.queues = 1});
	port_open(&b, *state, &(struct port_plan){.queues = 1});
	assert_int_not_equal(port_number(&a), 0);
	to.port = port_number(&b);
	for (uint32_t i = 0; i < VLY_BURST_MAX; i++) {
		dgrams[i] = port_make(&a, 0, &to, 64);
		pattern(vly_dgram_data(dgrams[i]), 64, i);
	}
	port_send(&a, 0, dgrams, VLY_BURST_MAX);
	port_receive(&b, 0, dgrams, VLY_BURST_MAX);
	port_reply(&b, 0, dgrams, VLY_BURST_MAX);
	port_receive(&a, 0, dgrams, VLY_BURST_MAX);
	for (uint32_t i = 0; i < VLY_BURST_MAX; i++)
		assert_true(is_pattern(vly_dgram_data(dgrams[i]), 64, i));
	port_release(&a, 0, dgrams, VLY_BURST_MAX);
	port_close(&a);
	port_close(&b);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_of_both_families),
		cmocka_unit_test(test_answers_from_the_address_asked),
		cmocka_unit_test(test_answers_from_the_socket_asked),
		cmocka_unit_test(test_burst_keeps_its_order),
		cmocka_unit_test(test_train_with_short_last_segment),
		cmocka_unit_test(test_trains_stay_whole),
		cmocka_unit_test(test_hop_limit_and_class),
		cmocka_unit_test(test_clients_talk_to_each_other),
	};

	return variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
