// SPDX-License-Identifier: BSD-3-Clause
//
// Requests: what is an answer, and what is late, twice or from elsewhere; retries and back-off.
#include "client_peer.h"

static struct vly_request request_to(const struct peer *peer, uint8_t *bytes, uint32_t len)
{
	return (struct vly_request){
		.peer = peer->at,
		.bytes = bytes,
		.len = len,
		.timeout_ns = 20 * MS,
		.answer = bytes + len,
		.answer_size = BYTES - len,
	};
}

// Polls until the request has ended.
static void finish(struct vly_client *client, const struct vly_request *request)
{
	for (uint32_t i = 0; request->status == -EINPROGRESS && i < LIMIT_NS / MS; i++)
		vly_client_poll(client, MS);
	assert_int_not_equal(request->status, -EINPROGRESS);
}

// Polls until the client has counted as many that were no answers.
static void settle(struct vly_client *client, uint64_t others)
{
	for (uint32_t i = 0; i < LIMIT_NS / MS; i++) {
		struct vly_client_counts counts = counts_of(client);

		if (counts.late + counts.duplicate + counts.foreign == others)
			return;
		vly_client_poll(client, MS);
	}
	fail_msg("not %d datagrams that are no answers", (int)others);
}

static void an_answer_repeats_the_bytes(void **state)
{
	struct vly_client *client = open_client(state, "match=numbered:1:2");
	struct peer peer = open_peer(), stranger = open_peer();
	uint8_t bytes[BYTES] = "q##?";
	struct vly_request request = request_to(&peer, bytes, 4);

	request.timeout_ns = LIMIT_NS;
	assert_int_equal(vly_client_start(client, &request, NULL), 0);
	assert_int_equal(request.status, -EINPROGRESS);
	assert_int_equal(peer_take(&peer), 4);
	assert_memory_equal(peer.bytes, bytes, 4);
	stranger.from = peer.from;
	peer_say(&stranger, bytes, 4);                                        // foreign
	peer_say(&peer, "", 0);                                               // foreign: too short
	peer_say(&peer, (uint8_t[]){'a', bytes[1] ^ 1, bytes[2], '!', 1}, 5); // foreign
	settle(client, 3);
	assert_int_equal(request.status, -EINPROGRESS);
	peer_say(&peer, (uint8_t[]){'a', bytes[1], bytes[2], '!', 1}, 5);
	finish(client, &request);
	assert_int_equal(request.status, 0);
	assert_int_equal(request.answer_len, 5);
	assert_int_equal(request.sent, 1);
	assert_memory_equal(request.answer, ((uint8_t[]){'a', bytes[1], bytes[2], '!', 1}), 5);
	assert_memory_equal(&request.answerer.addr, &peer.at.addr, sizeof(peer.at.addr));
	peer_say(&peer, (uint8_t[]){'a', bytes[1], bytes[2], '!', 1}, 5); // duplicate
	settle(client, 4);
	assert_int_equal(counts_of(client).foreign, 3);
	assert_int_equal(counts_of(client).duplicate, 1);
	assert_int_equal(counts_of(client).answered, 1);
	close_balanced(client);
	close(peer.fd);
	close(stranger.fd);
}

static void silence_is_asked_again_and_then_ends(void **state)
{
	struct vly_client *client = open_client(state, "match=repeated:0:2");
	struct peer peer = open_peer();
	uint8_t bytes[BYTES] = "id";
	struct vly_request request = request_to(&peer, bytes, 2);
	struct vly_error error = {""};

	request.retries = 2;
	request.backoff = 3;
	request.timeout_max_ns = 50 * MS;
	assert_int_equal(vly_client_request(client, &request, &error), -ETIMEDOUT);
	assert_non_null(strstr(error.text, "sent 3 times"));
	assert_int_equal(request.sent, 3);
	assert_int_equal(request.wait_ns, 50 * MS); // 20, 60 but at most 50, 150 but at most 50
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(peer_take(&peer), 2);
	peer_say(&peer, "id", 2);
	peer_say(&peer, "id", 2);
	settle(client, 2);
	assert_int_equal(counts_of(client).late, 1);
	assert_int_equal(counts_of(client).duplicate, 1);
	assert_int_equal(counts_of(client).resent, 2);
	assert_int_equal(counts_of(client).timed_out, 1);
	close_balanced(client);
	close(peer.fd);
}

static void a_retry_is_answered(void **state)
{
	struct vly_client *client = open_client(state, NULL);
	struct peer peer = open_peer();
	uint8_t bytes[BYTES] = "ask";
	struct vly_request request = request_to(&peer, bytes, 3);

	request.retries = 100;
	request.backoff = 1;
	assert_int_equal(vly_client_start(client, &request, NULL), 0);
	for (uint32_t i = 0; request.sent < 3 && i < LIMIT_NS / MS; i++)
		vly_client_poll(client, MS);
	assert_int_equal(request.wait_ns, 20 * MS);
	assert_int_equal(peer_take(&peer), 3);
	peer_say(&peer, "yes", 3);
	finish(client, &request);
	assert_int_equal(request.status, 0);
	assert_true(request.sent >= 3);
	assert_memory_equal(request.answer, "yes", 3);
	close_balanced(client);
	close(peer.fd);
}

static void a_refusal_ends_the_last_try(void **state)
{
	struct vly_client *client = open_client(state, NULL);
	struct peer peer = open_peer();
	uint8_t bytes[BYTES] = "ask";
	struct vly_request request = request_to(&peer, bytes, 3);
	struct vly_error error = {""};

	close(peer.fd);
	request.timeout_ns = 60000 * (uint64_t)MS;
	assert_int_equal(vly_client_request(client, &request, &error), -ECONNREFUSED);
	assert_non_null(strstr(error.text, "nobody serves"));
	assert_int_equal(counts_of(client).refused, 1);

	// One that is no request's does not end the next.
	assert_int_equal(vly_client_send(client, &peer.at, "x", 1, 0, NULL), 0);
	for (uint32_t i = 0; counts_of(client).refused < 2 && i < LIMIT_NS / MS; i++)
		vly_client_poll(client, MS);
	peer = open_peer();
	request = request_to(&peer, bytes, 3);
	assert_int_equal(vly_client_request(client, &request, &error), -ETIMEDOUT);
	close(peer.fd);
	vly_client_close(client);
}

static void many_in_flight_are_answered_in_any_order(void **state)
{
	static struct vly_request requests[MANY];
	static uint8_t bytes[MANY][BYTES];
	struct vly_client *client = open_client(state, "match=numbered:0:4");
	struct peer peer = open_peer();

	for (uint32_t i = 0; i < MANY; i++) {
		requests[i] = request_to(&peer, bytes[i], 8);
		requests[i].timeout_ns = LIMIT_NS;
		memcpy(bytes[i] + 4, &i, 4);
		assert_int_equal(vly_client_start(client, &requests[i], NULL), 0);
	}
	for (uint32_t turn = 0; turn < MANY; turn++) {
		assert_int_equal(peer_take(&peer), 8);
		if (turn % 3) // a third of them twice
			peer_say(&peer, peer.bytes, 8);
		else
			for (uint32_t i = 0; i < 2; i++)
				peer_say(&peer, peer.bytes, 8);
		vly_client_poll(client, 0);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		finish(client, &requests[i]);
		assert_int_equal(requests[i].status, 0);
		assert_int_equal(requests[i].answer_len, 8);
		assert_memory_equal(requests[i].answer, bytes[i], 8);
	}
	settle(client, MANY / 3);
	assert_int_equal(counts_of(client).duplicate, MANY / 3);
	close_balanced(client);
	close(peer.fd);
}

static void the_same_bytes_twice_are_refused(void **state)
{
	struct vly_client *client = open_client(state, "match=repeated:0:2");
	struct peer peer = open_peer();
	uint8_t bytes[BYTES] = "id", same[BYTES] = "id", less[BYTES] = "i";
	struct vly_request request = request_to(&peer, bytes, 2);
	struct vly_request second = request_to(&peer, same, 2);
	struct vly_request third = request_to(&peer, less, 1);
	struct vly_error error = {""};

	assert_int_equal(vly_client_start(client, &request, &error), 0);
	assert_int_equal(vly_client_start(client, &second, &error), -EINVAL);
	assert_non_null(strstr(error.text, "in flight"));
	assert_int_equal(vly_client_start(client, &third, &error), -EINVAL);
	assert_non_null(strstr(error.text, "no room for its correlation"));
	vly_client_cancel(client, &request);
	assert_int_equal(request.status, -ECANCELED);
	assert_int_equal(vly_client_start(client, &second, &error), 0);
	vly_client_close(client);
	assert_int_equal(second.status, -ECANCELED);
	close(peer.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_repeats_the_bytes),
		cmocka_unit_test(silence_is_asked_again_and_then_ends),
		cmocka_unit_test(a_retry_is_answered),
		cmocka_unit_test(a_refusal_ends_the_last_try),
		cmocka_unit_test(many_in_flight_are_answered_in_any_order),
		cmocka_unit_test(the_same_bytes_twice_are_refused),
	};

	return run_variants(tests, sizeof(tests) / sizeof(tests[0]));
}
