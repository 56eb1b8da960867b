// SPDX-License-Identifier: BSD-3-Clause
//
// The handler dtls by the test kit, with an OpenSSL client in memory: who gets a session and who
// does not, what is kept of whom, and what each refusal is counted as.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dtls_kit.h"
#include "handler/dtls/cookie.h"

static void opens_a_session(void **state)
{
	struct vly_kit *kit = kit_open("");
	struct dtls_client client;

	(void)state;
	dtls_client_open(&client, "alice", good_key);
	assert_true(shake(kit, &client, "10.0.0.1:1000"));
	assert_int_equal(vly_kit_metric(kit, "challenged"), 1);
	assert_int_equal(vly_kit_metric(kit, "handshakes"), 1);
	assert_int_equal(vly_kit_metric(kit, "sessions"), 1);
	expect(kit, &client, "10.0.0.1:1000", "hello", "hello");
	expect(kit, &client, "10.0.0.1:1000", "name", "alice");
	assert_int_equal(vly_kit_metric(kit, "opened"), 2);
	assert_int_equal(vly_kit_metric(kit, "sealed"), 2);
	assert_null(vly_kit_complaint(kit));
	SSL_shutdown(client.ssl);
	deliver(kit, &client, "10.0.0.1:1000");
	assert_int_equal(vly_kit_metric(kit, "closed"), 1);
	assert_int_equal(vly_kit_metric(kit, "sessions"), 0);
	assert_non_null(vly_kit_answer(kit, 0)); // its own close_notify
	dtls_client_close(&client);
	vly_kit_close(kit);
}

// Before the cookie is there nothing is kept, and no more bytes leave than came.
static void keeps_nothing_of_a_spoofed_source(void **state)
{
	struct vly_kit *kit = kit_open("");
	struct dtls_client client;
	char from[40];
	size_t hello;

	(void)state;
	dtls_client_open(&client, "alice", good_key);
	dtls_client_shake(&client, NULL, 0);
	hello = client.datagrams[0].len;
	for (int i = 0; i < 1000; i++) {
		snprintf(from, sizeof(from), "10.1.%d.%d:%d", i / 250, i % 250 + 1, 2000 + i);
		client.count = 1;
		deliver(kit, &client, from);
		assert_int_equal(vly_kit_count(kit, VLY_FATE_REPLY), 1);
		assert_true(vly_kit_answer(kit, 0)->len <= hello);
	}
	assert_int_equal(vly_kit_metric(kit, "challenged"), 1000);
	assert_int_equal(vly_kit_metric(kit, "opening"), 0);
	// A cookie is good for the address that it was sent to only.
	client.count = 0;
	dtls_client_shake(&client, vly_kit_answer(kit, 0)->data, vly_kit_answer(kit, 0)->len);
	deliver(kit, &client, "10.9.9.9:9");
	assert_int_equal(vly_kit_metric(kit, "challenged"), 1001);
	assert_int_equal(vly_kit_metric(kit, "opening"), 0);
	dtls_client_close(&client);
	vly_kit_close(kit);
}

static void refuses_wrong_keys(void **state)
{
	struct vly_kit *kit = kit_open(",handshake=10s");
	struct dtls_client wrong;
	struct dtls_client unknown;

	(void)state;
	dtls_client_open(&wrong, "alice", bad_key);
	dtls_client_open(&unknown, "mallory", good_key);
	assert_false(shake(kit, &wrong, "10.0.0.1:1000"));
	assert_false(shake(kit, &unknown, "10.0.0.2:1000"));
	assert_int_equal(vly_kit_metric(kit, "opening"), 2);
	assert_int_equal(vly_kit_metric(kit, "unknown_identity"), 1);
	vly_kit_advance(kit, 9 * (uint64_t)VLY_KIT_SECOND);
	assert_int_equal(vly_kit_metric(kit, "opening"), 2);
	vly_kit_advance(kit, 2 * (uint64_t)VLY_KIT_SECOND);
	assert_int_equal(vly_kit_metric(kit, "opening"), 0);
	assert_int_equal(vly_kit_metric(kit, "wrong_key"), 2);
	assert_int_equal(vly_kit_metric(kit, "handshakes"), 0);
	dtls_client_close(&wrong);
	dtls_client_close(&unknown);
	vly_kit_close(kit);
}

static void refuses_replays_and_garbage(void **state)
{
	struct vly_kit *kit = kit_open("");
	struct dtls_client client;
	struct dtls_datagram once;

	(void)state;
	dtls_client_open(&client, "alice", good_key);
	assert_true(shake(kit, &client, "10.0.0.1:1000"));
	dtls_client_tell(&client, "hello", 5);
	once = client.datagrams[0];
	deliver(kit, &client, "10.0.0.1:1000");
	assert_int_equal(vly_kit_count(kit, VLY_FATE_REPLY), 1);

	client.datagrams[0] = client.datagrams[1] = once; // twice more, once from elsewhere
	client.count = 1;
	deliver(kit, &client, "10.0.0.1:1000");
	assert_int_equal(vly_kit_count(kit, VLY_DROP_UNAUTHORISED), 1);
	assert_int_equal(vly_kit_metric(kit, "bad_record"), 1);
	client.count = 1;
	deliver(kit, &client, "10.0.0.1:1001");
	assert_int_equal(vly_kit_metric(kit, "no_session"), 1);

	client.datagrams[0].bytes[once.len - 1] ^= 1;
	client.datagrams[0].bytes[10] ^= 1; // another number
	client.count = 1;
	deliver(kit, &client, "10.0.0.1:1000");
	assert_int_equal(vly_kit_metric(kit, "bad_record"), 2);
	for (size_t len = 0; len < 80; len += 11) { // of any length, as an alert, as a record
		uint8_t bytes[80] = {21, 0xfe, 0xfd, 0, (uint8_t)(len & 1)};

		bytes[12] = (uint8_t)(len - 13);
		vly_kit_receive(kit, "10.0.0.1:1000", bytes, len);
		bytes[0] = 23;
		vly_kit_receive(kit, "10.0.0.1:1000", bytes, len);
		vly_kit_receive(kit, "10.0.0.5:1000", bytes, len);
	}
	vly_kit_run(kit);
	assert_int_equal(vly_kit_metric(kit, "bad_record"), 2 + 16);
	assert_int_equal(vly_kit_metric(kit, "no_session"), 1 + 8);
	assert_int_equal(vly_kit_metric(kit, "sessions"), 1);
	expect(kit, &client, "10.0.0.1:1000", "still there?", "still there?");
	dtls_client_close(&client);
	vly_kit_close(kit);
}

// What OpenSSL takes for the end of a session: a record too short for its cipher, by itself or
// where OpenSSL looks after a header that it does not like. Anybody can send it; nobody ends one
// so.
static void refuses_what_would_end_a_session(void **state)
{
	static const uint8_t headers[][13] = {
		{23, 0xfe, 0xfc, 0, 1, 1, 0, 0, 0, 0, 0, 0, 22}, // another version
		{22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 22},
		{21, 0xfd, 0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 22},      // no DTLS
		{23, 0xfe, 0xfd, 0, 1, 1, 0, 0, 0, 0, 0, 0xff, 0xff}, // longer than any
		{23, 0xfe, 0xfd, 0, 1, 1, 0, 0, 0, 0, 0, 0x04, 0},    // than was asked for
	};
	enum {
		HEADERS = sizeof(headers) / sizeof(headers[0]),
	};
	struct vly_kit *kit = kit_open("");
	struct dtls_client client;

	(void)state;
	dtls_client_open(&client, "alice", good_key);
	SSL_set_tlsext_max_fragment_length(client.ssl, TLSEXT_max_fragment_length_512);
	assert_true(shake(kit, &client, "10.0.0.1:1000"));
	vly_kit_clear(kit);
	for (size_t i = 0; i < HEADERS; i++) {
		uint8_t bytes[13 + 0x400] = {0};

		memcpy(bytes, headers[i], 13);
		memcpy(bytes + 13, (uint8_t[]){23, 0xfe, 0xfd, 0, 1, 2, 0, 0, 0, 0, 0, 0, 9}, 13);
		vly_kit_receive(kit, "10.0.0.1:1000", bytes, sizeof(bytes));
		vly_kit_receive(kit, "10.0.0.1:1000", bytes, 13 + 22);
		vly_kit_receive(kit, "10.0.0.1:1000", bytes + 13, 22);
	}
	vly_kit_run(kit);
	assert_int_equal(vly_kit_metric(kit, "bad_record"), 3 * HEADERS);
	assert_int_equal(vly_kit_metric(kit, "sessions"), 1);
	expect(kit, &client, "10.0.0.1:1000", "still there?", "still there?");
	dtls_client_close(&client);
	vly_kit_close(kit);
}

// A client that has lost its memory gets a new session, and whoever repeats its old hello does not
// end it.
static void begins_anew(void **state)
{
	struct vly_kit *kit = kit_open("");
	struct dtls_client client;
	struct dtls_datagram hello;
	bool is_done = false;

	(void)state;
	dtls_client_open(&client, "alice", good_key);
	dtls_client_shake(&client, NULL, 0);
	deliver(kit, &client, "10.0.0.1:1000");
	dtls_client_shake(&client, vly_kit_answer(kit, 0)->data, vly_kit_answer(kit, 0)->len);
	hello = client.datagrams[0]; // with its cookie
	while (!is_done) {
		deliver(kit, &client, "10.0.0.1:1000");
		is_done = dtls_client_shake(&client, vly_kit_answer(kit, 0)->data,
					    vly_kit_answer(kit, 0)->len);
	}
	client.datagrams[client.count++] = hello;
	deliver(kit, &client, "10.0.0.1:1000");
	assert_int_equal(vly_kit_metric(kit, "bad_record"), 1);
	expect(kit, &client, "10.0.0.1:1000", "name", "alice");

	dtls_client_restart(&client);
	assert_true(shake(kit, &client, "10.0.0.1:1000"));
	assert_int_equal(vly_kit_metric(kit, "replaced"), 1);
	assert_int_equal(vly_kit_metric(kit, "sessions"), 1);
	expect(kit, &client, "10.0.0.1:1000", "name", "alice");
	dtls_client_close(&client);
	vly_kit_close(kit);
}

static void keeps_its_limits(void **state)
{
	struct vly_kit *kit = kit_open(",sessions=4,idle=60s");
	static struct dtls_client clients[6];
	char from[40];

	(void)state;
	for (int i = 0; i < 6; i++) {
		snprintf(from, sizeof(from), "10.0.0.%d:1000", i + 1);
		dtls_client_open(&clients[i], "alice", good_key);
		assert_true(shake(kit, &clients[i], from));
		if (i == 2) // the first is not the one silent for longest
			expect(kit, &clients[0], "10.0.0.1:1000", "hello", "hello");
	}
	assert_int_equal(vly_kit_metric(kit, "sessions"), 4);
	assert_int_equal(vly_kit_metric(kit, "evicted"), 2);
	expect(kit, &clients[0], "10.0.0.1:1000", "hello", "hello");
	dtls_client_tell(&clients[1], "hello", 5);
	deliver(kit, &clients[1], "10.0.0.2:1000");
	assert_int_equal(vly_kit_metric(kit, "no_session"), 1);

	// Those that only begin crowd out each other, and none that is open.
	for (int i = 0; i < 40; i++) {
		struct dtls_client half;

		snprintf(from, sizeof(from), "10.0.1.%d:1000", i + 1);
		dtls_client_open(&half, "alice", good_key);
		dtls_client_shake(&half, NULL, 0);
		deliver(kit, &half, from);
		dtls_client_shake(&half, vly_kit_answer(kit, 0)->data, vly_kit_answer(kit, 0)->len);
		deliver(kit, &half, from);
		dtls_client_close(&half);
	}
	assert_true(vly_kit_metric(kit, "opening") <= 16);
	assert_int_equal(vly_kit_metric(kit, "handshakes"), 6);

	vly_kit_advance(kit, 61 * (uint64_t)VLY_KIT_SECOND);
	assert_int_equal(vly_kit_metric(kit, "sessions"), 0);
	assert_int_equal(vly_kit_metric(kit, "opening"), 0);
	for (int i = 0; i < 6; i++)
		dtls_client_close(&clients[i]);
	assert_null(vly_kit_complaint(kit));
	vly_kit_close(kit);
}

static void says_goodbye(void **state)
{
	struct vly_kit *kit = kit_open("");
	struct dtls_client client;
	char text[10];

	(void)state;
	dtls_client_open(&client, "alice", good_key);
	assert_true(shake(kit, &client, "10.0.0.1:1000"));
	vly_kit_clear(kit);
	vly_kit_drain(kit);
	assert_non_null(vly_kit_answer(kit, 0));
	assert_int_equal(dtls_client_hear(&client, vly_kit_answer(kit, 0)->data,
					  vly_kit_answer(kit, 0)->len, text, sizeof(text)),
			 0);
	assert_int_equal(SSL_get_shutdown(client.ssl), SSL_RECEIVED_SHUTDOWN);
	assert_int_equal(vly_kit_held(kit), 0);
	dtls_client_close(&client);
	vly_kit_close(kit);
}

static void cookies_grow_old(void **state)
{
	struct vly_dtls_cookies cookies;
	struct vly_addr peer = {.ip = {1}, .port = 2};
	struct vly_addr other = {.ip = {1}, .port = 3};
	uint8_t cookie[VLY_DTLS_COOKIE_BYTES];
	uint64_t minute_ns = 60 * (uint64_t)VLY_KIT_SECOND;

	(void)state;
	assert_true(vly_dtls_cookies_init(&cookies, 0));
	vly_dtls_cookie_make(&cookies, &peer, cookie);
	assert_true(vly_dtls_cookie_check(&cookies, &peer, cookie, sizeof(cookie)));
	assert_false(vly_dtls_cookie_check(&cookies, &other, cookie, sizeof(cookie)));
	assert_false(vly_dtls_cookie_check(&cookies, &peer, cookie, sizeof(cookie) - 1));
	vly_dtls_cookies_renew(&cookies, minute_ns);
	assert_true(vly_dtls_cookie_check(&cookies, &peer, cookie, sizeof(cookie)));
	vly_dtls_cookies_renew(&cookies, 2 * minute_ns);
	assert_false(vly_dtls_cookie_check(&cookies, &peer, cookie, sizeof(cookie)));
}

struct bad {
	const char *text;
	const char *named;
};

static void refuses_to_open(void **state)
{
	static const struct bad bads[] = {
		{"dtls", "psk-file=FILE"},
		{"dtls,psk-file=/nonexistent/psk", "/nonexistent/psk"},
		{"dtls,psk-file=/dev/null", "no key in it"},
		{"dtls,psk-file=/etc/passwd", "line 1"},
		{"dtls,cert=/dev/null", "belong together"},
		{"dtls,cert=/dev/null,key=/dev/null", "anybody=on"},
		{"dtls,cert=/dev/null,key=/dev/null,anybody=on", "cert=/dev/null"},
		{"dtls,psk-file=/dev/null,sessions=0", "sessions"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct vly_kit_config config = {.links = {{.text = bads[i].text}}};
		struct vly_error error = {""};
		struct vly_kit *kit = NULL;

		assert_true(vly_kit_open(&kit, &config, &error) < 0);
		if (!strstr(error.text, bads[i].named))
			fail_msg("'%s' does not name %s", error.text, bads[i].named);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_a_session),
		cmocka_unit_test(keeps_nothing_of_a_spoofed_source),
		cmocka_unit_test(refuses_wrong_keys),
		cmocka_unit_test(refuses_replays_and_garbage),
		cmocka_unit_test(refuses_what_would_end_a_session),
		cmocka_unit_test(begins_anew),
		cmocka_unit_test(keeps_its_limits),
		cmocka_unit_test(says_goodbye),
		cmocka_unit_test(cookies_grow_old),
		cmocka_unit_test(refuses_to_open),
	};

	return cmocka_run_group_tests(tests, write_psks, remove_psks);
}
