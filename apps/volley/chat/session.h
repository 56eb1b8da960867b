// SPDX-License-Identifier: BSD-3-Clause
//
// One member's conversation with a chat (volley-handlers(7)), without sockets and clocks: lines and
// datagrams in, datagrams and lines out. What is not answered is said again, with the same tag, so
// it is done once; what is missing by its number is asked for again.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chat/numbers.h"

enum chat_session_limits {
	CHAT_REQUEST_BYTES = 1300, // with tag and command
	CHAT_PROOF_BYTES = 32,
};

enum chat_phase {
	CHAT_JOINING,
	CHAT_JOINED,
	CHAT_CHECKING, // nothing more to say: whether all has come
	CHAT_LEAVING,
	CHAT_OVER,
};

struct chat_session_ops {
	void (*send)(void *arg, const char *text, size_t len);
	void (*show)(void *arg, const char *text, size_t len); // a line, without its end
	void (*note)(void *arg, const char *text);             // what the user should know
};

struct chat_session_config {
	const char *name;
	const char *room;
	const struct chat_session_ops *ops;
	void *arg;
};

struct chat_session {
	struct chat_session_config config;
	enum chat_phase phase;
	bool has_failed;   // it never came in, or was thrown out
	bool has_joined;   // once at least
	bool has_request;  // that is not answered
	uint32_t tag;      // the last one used
	uint32_t tries;    // of what is not answered
	uint64_t next_ns;  // when it is said again
	uint64_t ping_ns;  // when it is time to show that we are there
	uint64_t again_ns; // when what is missing is asked for
	uint32_t again_tries;
	uint64_t repeats; // requests that were said again
	struct numbers numbers;
	char proof[CHAT_PROOF_BYTES];
	char request[CHAT_REQUEST_BYTES];
	size_t request_len;
};

void chat_session_start(struct chat_session *session, const struct chat_session_config *config,
			uint64_t now_ns);

// A datagram of the server's.
void chat_session_take(struct chat_session *session, const char *text, size_t len, uint64_t now_ns);

// Whether a line may be said now: one at a time waits for its answer.
bool chat_session_is_free(const struct chat_session *session);

// A line of the user's: "/COMMAND ..." as the server has them, /quit, or what is to be said.
void chat_session_line(struct chat_session *session, const char *text, size_t len, uint64_t now_ns);

// There will be no more lines: makes sure that all has come, and leaves.
void chat_session_end(struct chat_session *session, uint64_t now_ns);

// Does what is due. Returns after how many nanoseconds to call again at the latest.
uint64_t chat_session_poll(struct chat_session *session, uint64_t now_ns);
