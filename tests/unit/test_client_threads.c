// SPDX-License-Identifier: BSD-3-Clause
//
// A shared client with several threads in it at once: each has the answers to its own questions,
// while others send, look and count. Run with ThreadSanitizer, it says what the lock leaves out.
#include <stdatomic.h>

#include "client_peer.h"

enum {
	ASKERS = 2,
	QUESTIONS = 200,
};

struct course {
	struct vly_client *client;
	struct peer peer;
	_Atomic bool is_over;
	uint64_t looks; // the watcher's
};

struct asker {
	struct course *course;
	uint8_t name;
	uint32_t answered;
};

// Answers each with the same bytes, until nobody asks any more.
static void *answer_all(void *arg)
{
	struct course *course = arg;
	struct pollfd pollfd = {.fd = course->peer.fd, .events = POLLIN};

	while (!atomic_load(&course->is_over)) {
		if (poll(&pollfd, 1, 10) == 1)
			peer_say(&course->peer, course->peer.bytes,
				 (size_t)peer_take(&course->peer));
	}
	return NULL;
}

static void *ask_many(void *arg)
{
	struct asker *asker = arg;

	for (uint32_t i = 0; i < QUESTIONS; i++) {
		uint8_t question[16] = {0}, reply[16] = {0};
		struct vly_request request = {
			.peer = asker->course->peer.at,
			.bytes = question,
			.len = sizeof(question),
			.retries = 5,
			.answer = reply,
			.answer_size = sizeof(reply),
		};

		question[8] = asker->name;
		question[9] = (uint8_t)i;
		if (vly_client_request(asker->course->client, &request, NULL) == 0)
			asker->answered += reply[8] == asker->name && reply[9] == (uint8_t)i;
	}
	return NULL;
}

// What else may be called meanwhile.
static void *watch(void *arg)
{
	struct course *course = arg;
	struct vly_client_counts counts;

	while (!atomic_load(&course->is_over)) {
		vly_client_read_counts(course->client, &counts);
		course->looks += vly_client_fd(course->client) >= 0;
		vly_client_poll(course->client, MS);
	}
	return NULL;
}

static void each_thread_has_its_answers(void **state)
{
	const char *const *given = *state;
	const char *words[] = {given[0], "shared=on", "match=numbered:0:8", given[1]};
	struct course course = {.peer = open_peer()};
	struct asker askers[ASKERS];
	pthread_t threads[ASKERS], others[2];
	struct vly_error error = {""};

	// given[1] may be shared=on, which it is anyway
	if (vly_client_open_words(&course.client, words,
				  given[1] && strncmp(given[1], "idle", 4) == 0 ? 4 : 3, &error))
		fail_msg("%s", error.text);
	assert_int_equal(pthread_create(&others[0], NULL, answer_all, &course), 0);
	assert_int_equal(pthread_create(&others[1], NULL, watch, &course), 0);
	for (uint32_t i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){.course = &course, .name = (uint8_t)(i + 1)};
		assert_int_equal(pthread_create(&threads[i], NULL, ask_many, &askers[i]), 0);
	}
	for (uint32_t i = 0; i < ASKERS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&course.is_over, true);
	pthread_join(others[0], NULL);
	pthread_join(others[1], NULL);
	for (uint32_t i = 0; i < ASKERS; i++)
		assert_int_equal(askers[i].answered, QUESTIONS);
	assert_true(course.looks > 0);
	assert_int_equal(counts_of(course.client).answered, ASKERS * QUESTIONS);
	close_balanced(course.client);
	close(course.peer.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_thread_has_its_answers),
	};

	return run_variants(tests, sizeof(tests) / sizeof(tests[0]));
}
