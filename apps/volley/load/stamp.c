// SPDX-License-Identifier: BSD-3-Clause
#include "load/stamp.h"

#include <endian.h>
#include <string.h>
#include <sys/random.h>

#include "monotonic.h"

enum {
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

void stamp_write_sockperf(struct stamp stamp, uint8_t *payload, uint32_t len, uint64_t sequence)
{
	uint64_t number = htobe64(sequence);
	uint16_t flags = htobe16(FLAGS_PING);
	uint32_t length = htobe32(len);
	uint64_t sealed = stamp_seal(&stamp, sequence);

	memcpy(payload, &number, sizeof(number));
	memcpy(payload + SOCKPERF_FLAGS, &flags, sizeof(flags));
	memcpy(payload + SOCKPERF_LENGTH, &length, sizeof(length));
	if (len >= STAMP_SOCKPERF_CHECK_BYTES)
		memcpy(payload + STAMP_SOCKPERF_BYTES, &sealed, sizeof(sealed));
}

bool stamp_read_sockperf(struct stamp stamp, const uint8_t *payload, uint32_t len,
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
	return sealed == stamp_seal(&stamp, *sequence);
}
