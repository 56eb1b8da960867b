// SPDX-License-Identifier: BSD-3-Clause
#include "payload.h"

#include <string.h>
#include <sys/random.h>

#include "monotonic.h"

static const char times_request[] = "volley ping time"; // as handler/echo.c answers it

// Bytes of the sequence number that are in the payload, and where.
static uint32_t sequence_bytes(const struct payload *payload)
{
	return payload->size_bytes < PAYLOAD_WORD_BYTES ? payload->size_bytes : PAYLOAD_WORD_BYTES;
}

static uint32_t sequence_offset(const struct payload *payload)
{
	return payload->size_bytes < PAYLOAD_HEADER_BYTES ? 0 : PAYLOAD_WORD_BYTES;
}

// Random, so that answers to an earlier run are told from those to this one; and not text, so that
// a handler for text leaves it alone.
static void make_session(struct payload *payload)
{
	uint64_t now_ns = monotonic_ns();

	if (getrandom(payload->session, PAYLOAD_WORD_BYTES, GRND_NONBLOCK) < PAYLOAD_WORD_BYTES)
		memcpy(payload->session, &now_ns, PAYLOAD_WORD_BYTES);
	for (uint32_t i = 0; i < PAYLOAD_WORD_BYTES; i++)
		payload->session[i] |= 0x80;
}

void payload_begin(struct payload *payload, uint32_t size_bytes, bool asks_times)
{
	uint32_t session_at = size_bytes < PAYLOAD_HEADER_BYTES ? PAYLOAD_WORD_BYTES : 0;

	payload->size_bytes = size_bytes;
	payload->asks_times = asks_times;
	make_session(payload);
	for (uint32_t i = 0; i < VLY_DGRAM_BYTES_MAX; i++)
		payload->bytes[i] = (uint8_t)(i * 167 + (i >> 8));
	memcpy(payload->bytes + session_at, payload->session, PAYLOAD_WORD_BYTES);
	if (asks_times)
		memcpy(payload->bytes + PAYLOAD_HEADER_BYTES, times_request, PAYLOAD_TIMES_BYTES);
}

void payload_number(struct payload *payload, uint64_t sequence)
{
	uint8_t *at = payload->bytes + sequence_offset(payload);

	for (uint32_t i = 0; i < sequence_bytes(payload); i++)
		at[i] = (uint8_t)(sequence >> (8 * i));
}

bool payload_has_sequence(const struct payload *payload, const struct vly_dgram *dgram)
{
	return dgram->len >= sequence_offset(payload) + sequence_bytes(payload);
}

static uint64_t read_bytes(const uint8_t *at, uint32_t count)
{
	uint64_t word = 0;

	for (uint32_t i = 0; i < count; i++)
		word |= (uint64_t)at[i] << (8 * i);
	return word;
}

uint64_t payload_sequence(const struct payload *payload, const struct vly_dgram *dgram,
			  uint64_t newest)
{
	uint32_t count = sequence_bytes(payload);
	uint64_t mask = count < PAYLOAD_WORD_BYTES ? (UINT64_C(1) << (8 * count)) - 1 : UINT64_MAX;

	return newest -
	       ((newest - read_bytes(vly_dgram_data(dgram) + sequence_offset(payload), count)) &
		mask);
}

bool payload_is_of_session(const struct payload *payload, const struct vly_dgram *dgram)
{
	if (payload->size_bytes < PAYLOAD_HEADER_BYTES)
		return true;
	return memcmp(vly_dgram_data(dgram), payload->session, PAYLOAD_WORD_BYTES) == 0;
}

struct payload_times payload_take_times(const struct payload *payload,
					const struct vly_dgram *dgram)
{
	uint8_t *at = vly_dgram_data(dgram) + PAYLOAD_HEADER_BYTES;
	struct payload_times times = {.told = false};

	if (!payload->asks_times || dgram->len < PAYLOAD_HEADER_BYTES + PAYLOAD_TIMES_BYTES ||
	    memcmp(at, times_request, PAYLOAD_TIMES_BYTES) == 0)
		return times;
	times = (struct payload_times){
		.told = true,
		.kernel_ns = read_bytes(at, PAYLOAD_WORD_BYTES),
		.handler_ns = read_bytes(at + PAYLOAD_WORD_BYTES, PAYLOAD_WORD_BYTES),
	};
	memcpy(at, times_request, PAYLOAD_TIMES_BYTES);
	return times;
}

bool payload_is_same(const struct payload *payload, const struct vly_dgram *dgram)
{
	return dgram->len == payload->size_bytes &&
	       memcmp(vly_dgram_data(dgram), payload->bytes, dgram->len) == 0;
}
