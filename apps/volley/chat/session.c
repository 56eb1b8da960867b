// SPDX-License-Identifier: BSD-3-Clause
#include "chat/session.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NS_PER_MS = 1000000,
	FIRST_MS =
		250, // until what is not answered is said again; then twice as long, up to WAIT_MS
	TRIES_MAX = 6,
	LEAVE_TRIES_MAX = 3,
	AGAIN_MS = 100, // until missing copies are asked for: they may only have been overtaken
	AGAIN_RUN = 16, // of them at a time
	PING_MS = 15000,
	WAIT_MS = 1000, // also between two polls at most
	LINE_BYTES = 1500,
};

static uint64_t ms(uint64_t count)
{
	return count * NS_PER_MS;
}

static void note(const struct chat_session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void note(const struct chat_session *session, const char *format, ...)
{
	char text[LINE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	session->config.ops->note(session->config.arg, text);
}

static void send(struct chat_session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void send(struct chat_session *session, const char *format, ...)
{
	char text[LINE_BYTES];
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	session->config.ops->send(session->config.arg, text, (size_t)len);
}

// Says what the phase has to say, again after ever longer times.
static void speak(struct chat_session *session, uint64_t now_ns)
{
	session->repeats += session->tries > 0;
	session->next_ns =
		now_ns + (session->tries < 2 ? ms(FIRST_MS) << session->tries : ms(WAIT_MS));
	session->tries++;
	switch (session->phase) {
	case CHAT_JOINING:
		send(session, "join %s %s %s", session->config.name, session->config.room,
		     session->proof);
		break;
	case CHAT_JOINED:
		session->config.ops->send(session->config.arg, session->request,
					  session->request_len);
		session->ping_ns = now_ns + ms(PING_MS);
		break;
	case CHAT_CHECKING:
		send(session, "ping");
		break;
	case CHAT_LEAVING:
		send(session, "leave");
		break;
	case CHAT_OVER:
		break;
	}
}

static void enter(struct chat_session *session, enum chat_phase phase, uint64_t now_ns)
{
	session->phase = phase;
	session->tries = 0;
	speak(session, now_ns);
}

void chat_session_start(struct chat_session *session, const struct chat_session_config *config,
			uint64_t now_ns)
{
	memset(session, 0, sizeof(*session));
	session->config = *config;
	enter(session, CHAT_JOINING, now_ns);
}

// --- what the server says -----------------------------------------------------------------------

static void count_lost(struct chat_session *session, uint32_t from, uint32_t to)
{
	uint32_t lost = numbers_give_up(&session->numbers, from, to);

	if (lost > 0)
		note(session, "%" PRIu32 " message%s lost", lost, lost == 1 ? " is" : "s are");
}

static void look_for_gaps(struct chat_session *session, uint64_t now_ns)
{
	uint32_t from;

	if (session->again_ns == 0 && numbers_missing(&session->numbers, 1, &from) > 0) {
		session->again_ns = now_ns + ms(AGAIN_MS);
		session->again_tries = 0;
	}
}

static void take_copy(struct chat_session *session, char *text, uint64_t now_ns)
{
	bool is_late;
	char *body;
	uint32_t number = (uint32_t)strtoul(text, &body, 10);

	if (*body != ' ' || number == 0)
		return;
	if (!numbers_take(&session->numbers, number, &is_late))
		return;
	session->config.ops->show(session->config.arg, body + 1, strlen(body + 1));
	if (is_late)
		session->again_tries = 0; // it helps to ask
	look_for_gaps(session, now_ns);
}

// Says a request with the next tag.
static void request(struct chat_session *session, const char *text, uint64_t now_ns)
{
	char line[CHAT_REQUEST_BYTES];
	int len = snprintf(line, sizeof(line), "#%" PRIu32 " %s", ++session->tag, text);

	if ((size_t)len >= sizeof(line)) {
		note(session, "that line is too long; a message has up to 1000 bytes");
		return;
	}
	memcpy(session->request, line, (size_t)len + 1);
	session->request_len = (size_t)len;
	session->has_request = true;
	enter(session, CHAT_JOINED, now_ns);
}

static void take_welcome(struct chat_session *session, const char *text, uint64_t now_ns)
{
	const char *last = strstr(text, " last ");
	const char *tag = strstr(text, " tag ");
	const char *history = strstr(text, " history ");

	if (session->phase != CHAT_JOINING || !last || !tag || !history)
		return;
	numbers_begin(&session->numbers, (uint32_t)strtoul(last + 6, NULL, 10));
	session->tag = (uint32_t)strtoul(tag + 5, NULL, 10);
	session->phase = CHAT_JOINED;
	session->has_joined = true;
	session->again_ns = 0;
	session->ping_ns = now_ns + ms(PING_MS);
	numbers_know(&session->numbers,
		     session->numbers.settled + (uint32_t)strtoul(history + 9, NULL, 10));
	look_for_gaps(session, now_ns);
	note(session, "%.*s", (int)(last - text - 3), text + 3);
	// What was not answered when the chat forgot us; with a new tag, as the old ones mean
	// nothing.
	if (session->has_request) {
		char body[CHAT_REQUEST_BYTES];

		snprintf(body, sizeof(body), "%s", strchr(session->request, ' ') + 1);
		request(session, body, now_ns);
	}
}

static void take_pong(struct chat_session *session, const char *text, uint64_t now_ns)
{
	numbers_know(&session->numbers, (uint32_t)strtoul(text + 5, NULL, 10));
	look_for_gaps(session, now_ns);
	if (session->phase == CHAT_CHECKING && session->again_ns == 0)
		enter(session, CHAT_LEAVING, now_ns);
}

static void take_refusal(struct chat_session *session, const char *text, uint64_t now_ns)
{
	if (session->phase == CHAT_JOINING) {
		note(session, "refused: %s", text + 4);
		session->has_failed = true;
		session->phase = CHAT_OVER;
	} else if (session->phase == CHAT_LEAVING) {
		session->phase = CHAT_OVER; // it does not know us any more
	} else if (strcmp(text, "err say join NAME") == 0) {
		note(session, "the chat does not know us any more: joining anew");
		session->proof[0] = '\0';
		enter(session, CHAT_JOINING, now_ns);
	}
}

// "#TAG ...": whether it answers what was asked last.
static void take_tagged(struct chat_session *session, char *text)
{
	char *body;
	uint32_t tag = (uint32_t)strtoul(text + 1, &body, 10);

	if (!session->has_request || tag != session->tag || *body != ' ')
		return;
	session->has_request = false;
	if (strcmp(body, " ok") != 0)
		session->config.ops->show(session->config.arg, body + 1, strlen(body + 1));
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void take_line(struct chat_session *session, char *text, uint64_t now_ns)
{
	if (text[0] >= '0' && text[0] <= '9') {
		take_copy(session, text, now_ns);
	} else if (text[0] == '#') {
		take_tagged(session, text);
	} else if (begins(text, "proof =") && session->phase == CHAT_JOINING) {
		snprintf(session->proof, sizeof(session->proof), "%.*s", CHAT_PROOF_BYTES - 1,
			 text + 6);
		enter(session, CHAT_JOINING, now_ns);
	} else if (begins(text, "ok joined ")) {
		take_welcome(session, text, now_ns);
	} else if (begins(text, "pong ")) {
		take_pong(session, text, now_ns);
	} else if (begins(text, "ok again ")) {
		uint32_t from = (uint32_t)strtoul(text + 9, NULL, 10);

		if (from > 1)
			count_lost(session, 1, from - 1);
	} else if (begins(text, "gone ")) {
		uint32_t number = (uint32_t)strtoul(text + 5, NULL, 10);

		count_lost(session, number, number);
	} else if (begins(text, "still there?")) {
		send(session, "ping");
	} else if (begins(text, "ok left") && session->phase == CHAT_LEAVING) {
		session->phase = CHAT_OVER;
	} else if (begins(text, "err ")) {
		take_refusal(session, text, now_ns);
	}
}

void chat_session_take(struct chat_session *session, const char *text, size_t len, uint64_t now_ns)
{
	char line[LINE_BYTES];

	if (len >= sizeof(line))
		return;
	while (len > 0 && text[len - 1] == '\n')
		len--;
	// A server may lie: nothing that moves a terminal's cursor gets through.
	for (size_t i = 0; i < len; i++)
		line[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
	line[len] = '\0';
	take_line(session, line, now_ns);
}

// --- what the user says -------------------------------------------------------------------------

bool chat_session_is_free(const struct chat_session *session)
{
	return session->phase == CHAT_JOINED && !session->has_request;
}

void chat_session_line(struct chat_session *session, const char *text, size_t len, uint64_t now_ns)
{
	bool is_command = len > 0 && text[0] == '/';
	char body[LINE_BYTES];

	if (len == 0)
		return;
	if (len >= sizeof(body))
		len = sizeof(body); // too long in any case, and found so below
	if (is_command && (len == 5 || len == 6) &&
	    (strncmp(text, "/quit", len) == 0 || strncmp(text, "/leave", len) == 0)) {
		chat_session_end(session, now_ns);
		return;
	}
	snprintf(body, sizeof(body), "%s%.*s", is_command ? "" : "say ", (int)len - is_command,
		 text + is_command);
	request(session, body, now_ns);
}

void chat_session_end(struct chat_session *session, uint64_t now_ns)
{
	if (session->phase == CHAT_JOINED)
		enter(session, CHAT_CHECKING, now_ns);
	else if (session->phase == CHAT_JOINING)
		session->phase = CHAT_OVER;
}

// --- time passes --------------------------------------------------------------------------------

static void give_up(struct chat_session *session, uint64_t now_ns)
{
	switch (session->phase) {
	case CHAT_JOINING:
		session->has_failed = true;
		note(session, "no answer; is there a `volley serve -H chat`?");
		session->phase = CHAT_OVER;
		break;
	case CHAT_JOINED:
		note(session, "not answered: %.*s", (int)session->request_len, session->request);
		session->has_request = false;
		break;
	case CHAT_CHECKING:
		enter(session, CHAT_LEAVING, now_ns);
		break;
	case CHAT_LEAVING:
	case CHAT_OVER:
		session->phase = CHAT_OVER;
		break;
	}
}

static bool waits_for_answer(const struct chat_session *session)
{
	return session->phase == CHAT_JOINED ? session->has_request : session->phase != CHAT_OVER;
}

static void ask_again(struct chat_session *session, uint64_t now_ns)
{
	uint32_t from = 0;
	uint32_t count = numbers_missing(&session->numbers, AGAIN_RUN, &from);

	if (count == 0) {
		session->again_ns = 0;
		if (session->phase == CHAT_CHECKING)
			enter(session, CHAT_LEAVING, now_ns);
		return;
	}
	if (session->again_tries == 0)
		note(session, "%" PRIu32 " message%s missing; asking again", count,
		     count == 1 ? " is" : "s are");
	if (session->again_tries++ == TRIES_MAX) {
		count_lost(session, from, from + count - 1);
		session->again_tries = 1;
	} else {
		send(session, "again %" PRIu32 " %" PRIu32, from, from + count - 1);
	}
	session->again_ns = now_ns + ms(FIRST_MS);
}

uint64_t chat_session_poll(struct chat_session *session, uint64_t now_ns)
{
	uint32_t tries_max = session->phase == CHAT_LEAVING ? LEAVE_TRIES_MAX : TRIES_MAX;
	uint64_t left_ns = ms(WAIT_MS);

	if (waits_for_answer(session) && now_ns >= session->next_ns) {
		if (session->tries == tries_max)
			give_up(session, now_ns);
		else
			speak(session, now_ns);
	}
	if (session->again_ns > 0 && now_ns >= session->again_ns)
		ask_again(session, now_ns);
	if (session->phase == CHAT_JOINED && now_ns >= session->ping_ns) {
		send(session, "ping");
		session->ping_ns = now_ns + ms(PING_MS);
	}
	if (waits_for_answer(session) && session->next_ns < now_ns + left_ns)
		left_ns = session->next_ns > now_ns ? session->next_ns - now_ns : 0;
	if (session->again_ns > 0 && session->again_ns < now_ns + left_ns)
		left_ns = session->again_ns > now_ns ? session->again_ns - now_ns : 0;
	return left_ns;
}
