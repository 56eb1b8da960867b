// SPDX-License-Identifier: BSD-3-Clause
//
// A chat under test: clients are ports of one host, what they say and hear is text.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <volley/ledger.h>

#include "handler/chat/chat.h"

enum {
	LINE_BYTES = 1500,
	CHAT_SECOND_NS = 1000000000,
};

struct test_line {
	struct vly_dgram dgram;
	char text[LINE_BYTES];
	char end; // so that the text can be read as a string
};

struct test_chat {
	struct vly_chat chat;
	uint64_t now_ns;
	struct test_line line; // the last answer, or the last copy
};

static inline struct vly_chat_config chat_config(void)
{
	return (struct vly_chat_config){
		.max_members = 100,
		.max_rooms = 10,
		.messages = 64,
		.history = 4,
		.window = 8,
		.notices = 0,
		.rate = 1000000,
		.burst = 1000,
		.timeout_ns = 60u * (uint64_t)CHAT_SECOND_NS,
		.key = {{1, 2}},
	};
}

static inline struct test_chat *chat_make(const struct vly_chat_config *config)
{
	struct test_chat *test = calloc(1, sizeof(*test));
	struct vly_error error = {""};

	assert_non_null(test);
	assert_int_equal(vly_chat_open(&test->chat, config, &error), 0);
	test->now_ns = 100u * (uint64_t)CHAT_SECOND_NS;
	return test;
}

static inline void chat_free(struct test_chat *test)
{
	vly_chat_close(&test->chat);
	free(test);
}

// For cmocka: a chat of the presets.
static inline int chat_setup(void **state)
{
	const struct vly_chat_config config = chat_config();

	*state = chat_make(&config);
	return 0;
}

static inline int chat_teardown(void **state)
{
	chat_free(*state);
	return 0;
}

static inline struct vly_addr chat_addr(uint16_t port)
{
	struct vly_addr addr = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}, port};

	return addr;
}

static inline void chat_line_clear(struct test_line *line)
{
	memset(line, 0, sizeof(*line));
	line->dgram.data_offset = (int32_t)offsetof(struct test_line, text);
	line->dgram.capacity = LINE_BYTES;
}

// Gives the chat a datagram from a port, and from whom if that is proven. Returns its fate; the
// answer is in line.text.
static inline uint8_t chat_ask_as(struct test_chat *test, uint16_t port, const char *identity,
				  const char *text)
{
	chat_line_clear(&test->line);
	test->line.dgram.peer = chat_addr(port);
	test->line.dgram.len = (uint16_t)strlen(text);
	memcpy(test->line.text, text, strlen(text));
	vly_chat_input(&test->chat, &test->line.dgram, test->now_ns, identity);
	test->line.text[test->line.dgram.len] = '\0';
	return test->line.dgram.fate;
}

static inline uint8_t chat_ask(struct test_chat *test, uint16_t port, const char *text)
{
	return chat_ask_as(test, port, NULL, text);
}

// The same, and the answer must be so.
static inline void chat_expect(struct test_chat *test, uint16_t port, const char *text,
			       const char *answer)
{
	assert_int_equal(chat_ask(test, port, text), VLY_FATE_REPLY);
	assert_string_equal(test->line.text, answer);
}

// Joins with the proof that the first answer gives; the last answer is in line.text.
static inline void chat_join(struct test_chat *test, uint16_t port, const char *name,
			     const char *room)
{
	char text[200];

	snprintf(text, sizeof(text), "join %s %s", name, room);
	assert_int_equal(chat_ask(test, port, text), VLY_FATE_REPLY);
	assert_memory_equal(test->line.text, "proof =", 7);
	snprintf(text, sizeof(text), "join %s %s %.9s", name, room, test->line.text + 6);
	assert_int_equal(chat_ask(test, port, text), VLY_FATE_REPLY);
}

// The next copy: to which port, its text in line.text; 0: there is none.
static inline uint16_t chat_copy(struct test_chat *test)
{
	uint32_t budget = 1000;

	chat_line_clear(&test->line);
	if (!vly_chat_next(&test->chat, &test->line.dgram, &budget))
		return 0;
	return test->line.dgram.peer.port;
}

static inline void chat_expect_copy(struct test_chat *test, uint16_t port, const char *text)
{
	assert_int_equal(chat_copy(test), port);
	assert_string_equal(test->line.text, text);
}

// Makes all copies that are due. Returns how many.
static inline uint32_t chat_flush(struct test_chat *test)
{
	uint32_t count = 0;

	while (chat_copy(test))
		count++;
	return count;
}
