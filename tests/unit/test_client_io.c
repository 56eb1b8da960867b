// SPDX-License-Identifier: BSD-3-Clause
//
// A client that sends and receives without requests; and words that are none.
#include "client_peer.h"

static void datagrams_go_and_come(void **state)
{
	struct vly_client *client = open_client(state, NULL);
	struct peer peer = open_peer();
	struct vly_endpoint from;
	uint8_t bytes[BYTES];

	assert_int_equal(vly_client_recv(client, NULL, bytes, BYTES, 0), -ETIMEDOUT);
	assert_int_equal(vly_client_send(client, &peer.at, "hello", 5, 0, NULL), 0);
	assert_int_equal(peer_take(&peer), 5);
	peer_say(&peer, "welcome", 7);
	peer_say(&peer, "", 0);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(vly_client_recv(client, &from, bytes, 3, LIMIT_NS), 7); // cut
	assert_memory_equal(bytes, "wel\0", 4);
	assert_memory_equal(&from.addr, &peer.at.addr, sizeof(from.addr));
	assert_int_equal(vly_client_recv(client, NULL, bytes, BYTES, LIMIT_NS), 0);
	assert_int_equal(vly_client_recv(client, NULL, bytes, BYTES, MS), -ETIMEDOUT);
	close_balanced(client);
	close(peer.fd);
}

static void leaves_from_the_address_given(void **state)
{
	const char *const *given = *state;
	const char *words[] = {given[0], "address=127.0.0.5/8"};
	const char *others[] = {given[0], "address=192.0.2.7"};
	struct vly_client *client = NULL;
	struct peer peer = open_peer();
	struct vly_error error = {""};
	uint8_t bytes[BYTES];

	assert_int_equal(vly_client_open_words(&client, words, 2, &error), 0);
	assert_int_equal(vly_client_send(client, &peer.at, "hello", 5, 0, NULL), 0);
	assert_int_equal(peer_take(&peer), 5);
	assert_int_equal(ntohl(peer.from.sin_addr.s_addr), INADDR_LOOPBACK + 4);
	peer_say(&peer, "welcome", 7);
	assert_int_equal(vly_client_recv(client, NULL, bytes, BYTES, LIMIT_NS), 7);
	close_balanced(client);
	assert_int_equal(vly_client_open_words(&client, others, 2, &error), -EADDRNOTAVAIL);
	assert_non_null(strstr(error.text, "192.0.2.7 is not an address of this machine"));
	others[0] = "backend=auto";
	assert_int_equal(vly_client_open_words(&client, others, 2, NULL), -EADDRNOTAVAIL);
	close(peer.fd);
}

static void packed_keeps_order_and_bounds(void **state)
{
	static uint8_t bytes[VLY_DGRAM_BYTES_MAX];
	struct vly_client *client = open_client(state, NULL);
	struct peer peer = open_peer();
	struct vly_packed packed[MANY];
	uint32_t got = 0;

	assert_int_equal(sizeof(struct vly_packed), 24);
	for (uint32_t i = 0; i < 100; i++) {
		packed[i] = (struct vly_packed){.peer = peer.at.addr, .len = (uint16_t)(i % 3)};
		bytes[i] = (uint8_t)i;
	}
	assert_int_equal(vly_client_send_packed(client, packed, 100, bytes, LIMIT_NS, NULL), 100);
	for (uint32_t i = 0, at = 0; i < 100; at += i % 3, i++) {
		assert_int_equal(peer_take(&peer), i % 3);
		assert_memory_equal(peer.bytes, bytes + at, i % 3);
		peer_say(&peer, peer.bytes, i % 3);
	}
	for (uint32_t total = 0; got < 100;) {
		uint32_t at = 0;
		int n = vly_client_recv_packed(client, packed, 7, bytes, sizeof(bytes), LIMIT_NS);

		assert_in_range(n, 1, 7);
		for (int i = 0; i < n; i++, got++) {
			assert_int_equal(packed[i].len, got % 3);
			for (uint32_t end = at + packed[i].len; at < end; at++, total++)
				assert_int_equal(bytes[at], total);
		}
	}
	assert_int_equal(vly_client_recv_packed(client, packed, 7, bytes, BYTES, 0), -EINVAL);
	close_balanced(client);
	close(peer.fd);
}

// Without a copy: the caller fills buffers of the queue, and gives back those that came.
static void bursts_go_and_come(void **state)
{
	const char *const *given = *state;
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	struct vly_client *client;
	struct vly_queue *queue;
	struct peer peer;

	if (given[1] && strcmp(given[1], "shared=on") == 0)
		return; // such a client has no bursts
	client = open_client(state, NULL);
	queue = vly_client_queue(client);
	peer = open_peer();
	assert_int_equal(vly_alloc_burst(queue, dgrams, 3), 3);
	for (uint32_t i = 0; i < 3; i++) {
		dgrams[i]->peer = peer.at.addr;
		dgrams[i]->len = (uint16_t)(i + 1);
		memset(vly_dgram_data(dgrams[i]), 'a' + (int)i, i + 1);
	}
	assert_int_equal(vly_client_send_burst(client, dgrams, 3, LIMIT_NS), 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(peer_take(&peer), i + 1);
		assert_int_equal(peer.bytes[i], 'a' + i);
		peer_say(&peer, peer.bytes, i + 1);
	}
	for (uint32_t got = 0; got < 3;) {
		uint32_t n = vly_client_recv_burst(client, dgrams, 2, LIMIT_NS);

		assert_in_range(n, 1, 2);
		for (uint32_t i = 0; i < n; i++, got++) {
			assert_int_equal(dgrams[i]->len, got + 1);
			assert_int_equal(vly_dgram_data(dgrams[i])[got], 'a' + got);
			assert_memory_equal(&dgrams[i]->peer, &peer.at.addr, sizeof(peer.at.addr));
			dgrams[i]->fate = VLY_FATE_RELEASE;
		}
		vly_release_burst(queue, dgrams, n);
	}
	assert_int_equal(vly_client_recv_burst(client, dgrams, 2, MS), 0);
	close_balanced(client);
	close(peer.fd);
}

static void the_descriptor_tells(void **state)
{
	struct vly_client *client = open_client(state, NULL);
	struct pollfd pollfd = {.fd = vly_client_fd(client), .events = POLLIN};
	struct peer peer = open_peer();
	uint8_t bytes[BYTES];

	assert_true(pollfd.fd >= 0);
	assert_int_equal(vly_client_fd(client), pollfd.fd);
	assert_int_equal(vly_client_recv(client, NULL, bytes, BYTES, 0), -ETIMEDOUT);
	assert_int_equal(poll(&pollfd, 1, 0), 0);
	assert_int_equal(vly_client_send(client, &peer.at, "hi", 2, LIMIT_NS, NULL), 0);
	peer_take(&peer);
	for (uint32_t i = 0; i < MANY; i++)
		peer_say(&peer, &i, sizeof(i));
	// As an event loop does it: one for each time that it says so.
	for (uint32_t i = 0; i < MANY;) {
		int len;

		assert_int_equal(poll(&pollfd, 1, LIMIT_NS / MS), 1);
		len = vly_client_recv(client, NULL, bytes, BYTES, 0);
		if (len == -ETIMEDOUT)
			continue;
		assert_int_equal(len, sizeof(i));
		assert_memory_equal(bytes, &i, sizeof(i));
		i++;
	}
	while (vly_client_recv(client, NULL, bytes, BYTES, 0) != -ETIMEDOUT)
		fail_msg("one more than was sent");
	assert_int_equal(poll(&pollfd, 1, 0), 0);
	close_balanced(client);
	close(peer.fd);
}

static void *wait_for_one(void *arg)
{
	uint8_t bytes[BYTES];

	return (void *)(intptr_t)vly_client_recv(arg, NULL, bytes, BYTES, LIMIT_NS);
}

static void one_thread_sends_while_another_waits(void **state)
{
	const char *const *given = *state;
	const char *words[] = {given[0], "shared=on"};
	struct vly_client *client = NULL;
	struct peer peer = open_peer();
	struct vly_error error = {""};
	pthread_t thread;
	void *result;

	if (vly_client_open_words(&client, words, 2, &error))
		fail_msg("%s", error.text);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_one, client), 0);
	usleep(20000); // it sleeps by now; if it does not, the test holds all the same
	assert_int_equal(vly_client_send(client, &peer.at, "hi", 2, LIMIT_NS, &error), 0);
	assert_int_equal(peer_take(&peer), 2);
	peer_say(&peer, "there", 5);
	pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, 5);
	close_balanced(client);
	close(peer.fd);
}

static void what_cannot_leave_is_an_error(void **state)
{
	static uint8_t large[VLY_DGRAM_BYTES_MAX + 1];
	struct vly_client *client = open_client(state, NULL);
	struct vly_endpoint nowhere = {.addr = {.ip = {0x20, 0x01, 0x0d, 0xb8}, .port = 9}};
	struct peer peer = open_peer();
	struct vly_error error = {""};

	assert_int_equal(vly_client_send(client, &peer.at, large, sizeof(large), 0, &error),
			 -EMSGSIZE);
	assert_non_null(strstr(error.text, "65508"));
	// Of IPv6, where there is a route there: then the datagram is lost on its way.
	error.text[0] = 0;
	if (vly_client_send(client, &nowhere, "x", 1, 0, &error))
		assert_non_null(strstr(error.text, "2001:db8::"));
	vly_client_close(client);
	close(peer.fd);
}

static void bad_words_name_the_fix(void **state)
{
	static const struct {
		const char *word;
		const char *says;
	} bad[] = {
		{"backend", "no such key"},
		{"colour=red", "known: backend"},
		{"match=numbered:0:33", "write numbered:"},
		{"match=repeated:0:2x", "write numbered:"},
		{"match=id", "write numbered:"},
		{"buffers=-1", "not a number"},
		{"vlan=4095", "not a number"},
		{"idle=never", "none of adaptive"},
		{"shared=maybe", "neither on nor off"},
		{"listen=127.0.0.1:x", "port 'x'"},
		{"backend=quic", "quic"},
		{"option=nonsense=1", "nonsense"},
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vly_client *client = NULL;
		struct vly_error error = {""};

		assert_true(vly_client_open_words(&client, &bad[i].word, 1, &error) < 0);
		if (!strstr(error.text, bad[i].says))
			fail_msg("%s: '%s'", bad[i].word, error.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_go_and_come),
		cmocka_unit_test(leaves_from_the_address_given),
		cmocka_unit_test(packed_keeps_order_and_bounds),
		cmocka_unit_test(bursts_go_and_come),
		cmocka_unit_test(the_descriptor_tells),
		cmocka_unit_test(one_thread_sends_while_another_waits),
		cmocka_unit_test(what_cannot_leave_is_an_error),
		cmocka_unit_test(bad_words_name_the_fix),
	};

	return run_variants(tests, sizeof(tests) / sizeof(tests[0]));
}
