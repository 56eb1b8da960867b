// SPDX-License-Identifier: BSD-3-Clause
#include "load/stamp.h"

#include <endian.h>
#include <string.h>
#include <sys/random.h>

#include "monotonic.h"

enum {
	PLAIN_SEQUENCE = 8,
	SOCKPERF_FLAGS = 8,
	SOCKPERF_LENGTH = 10,
	FLAGS_PING = 3, // from a client, who wants an answer
	FLAGS_PONG = 2, // the answer
};

struct stamp stamp_make(bool is_sockperf)
{
	struct stamp stamp = {.is_sockperf = is_sockperf};
	uint64_t now_ns = monotonic_ns();

	if (getrandom(&stamp.session, sizeof(stamp.session), GRND_NONBLOCK) < 4)
		memcpy(&stamp.session, &now_ns, sizeof(stamp.session));
	return stamp;
}

uint32_t stamp_bytes(const struct stamp *stamp, uint32_t len)
{
	if (!stamp->is_sockperf)
		return STAMP_PLAIN_BYTES;
	return len < STAMP_SOCKPERF_CHECK_BYTES ? STAMP_SOCKPERF_BYTES : STAMP_SOCKPERF_CHECK_BYTES;
}

// Session and check as one word.
static uint64_t seal(const struct stamp *stamp, uint64_t sequence)
{
	uint64_t mixed = (sequence ^ (uint64_t)stamp->session << 32) * UINT64_C(0x9e3779b97f4a7c15);

	return htole64(stamp->session | (mixed & ~UINT64_C(0xffffffff)));
}

static void write_sockperf(const struct stamp *stamp, uint8_t *payload, uint32_t len,
			   uint64_t sequence)
{
	uint64_t number = htobe64(sequence);
	uint16_t flags = htobe16(FLAGS_PING);
	uint32_t length = htobe32(len);
	uint64_t sealed = seal(stamp, sequence);

	memcpy(payload, &number, sizeof(number));
	memcpy(payload + SOCKPERF_FLAGS, &flags, sizeof(flags));
	memcpy(payload + SOCKPERF_LENGTH, &length, sizeof(length));
	if (len >= STAMP_SOCKPERF_CHECK_BYTES)
		memcpy(payload + STAMP_SOCKPERF_BYTES, &sealed, sizeof(sealed));
}

void stamp_write(const struct stamp *stamp, uint8_t *payload, uint32_t len, uint64_t sequence)
{
	uint64_t number = htole64(sequence);
	uint64_t sealed;

	if (stamp->is_sockperf) {
		write_sockperf(stamp, payload, len, sequence);
		return;
	}
	sealed = seal(stamp, sequence);
	memcpy(payload, &sealed, sizeof(sealed));
	memcpy(payload + PLAIN_SEQUENCE, &number, sizeof(number));
}

static bool read_sockperf(const struct stamp *stamp, const uint8_t *payload, uint32_t len,
			  uint64_t *sequence)
{
	uint64_t number, sealed;
	uint16_t flags;
	uint32_t length;

	if (len < STAMP_SOCKPERF_BYTES)
		return false;
	memcpy(&number, payload, sizeof(number));
	memcpy(&flags, payload + SOCKPERF_FLAGS, sizeof(flags));
	memcpy(&length, payload + SOCKPERF_LENGTH, sizeof(length));
	*sequence = be64toh(number);
	// An echo of any other kind leaves the flags as they are.
	if (flags != htobe16(FLAGS_PONG) && flags != htobe16(FLAGS_PING))
		return false;
	if (be32toh(length) < STAMP_SOCKPERF_CHECK_BYTES)
		return true;
	if (len < STAMP_SOCKPERF_CHECK_BYTES)
		return false;
	memcpy(&sealed, payload + STAMP_SOCKPERF_BYTES, sizeof(sealed));
	return sealed == seal(stamp, *sequence);
}

bool stamp_read(const struct stamp *stamp, const uint8_t *payload, uint32_t len, uint64_t *sequence)
{
	uint64_t number, sealed;

	if (stamp->is_sockperf)
		return read_sockperf(stamp, payload, len, sequence);
	if (len < STAMP_PLAIN_BYTES)
		return false;
	memcpy(&sealed, payload, sizeof(sealed));
	memcpy(&number, payload + PLAIN_SEQUENCE, sizeof(number));
	*sequence = le64toh(number);
	return sealed == seal(stamp, *sequence);
}
