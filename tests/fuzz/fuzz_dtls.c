// SPDX-License-Identifier: BSD-3-Clause
//
// Datagrams of any shape to a DTLS server, from an address that has an open session, one whose
// handshake is under way, and one that has nothing. The input is records of 4 bytes and a payload:
//
//     1 byte   from whom: 0 open, 1 opening, 2 nothing; 4: the cookie that this address was sent is
//              put into a hello, as a client would
//     1 byte   hundredths of a second that pass before
//     2 bytes  the payload's length, most significant first
//
// Whatever comes, the open session stays: it can be ended by who knows its key only.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <volley/kit.h>

#include "dtls_client.h"
#include "endings.h"

enum {
	RECORD_BYTES = 4,
	WHO_MASK = 3,
	WITH_COOKIE = 4,
	COOKIE_OFFSET = 60, // of a hello without a session identifier
	COOKIE_BYTES = 32,
	HUNDREDTH_NS = 10000000,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum verdict {
	PASSED,
	ANSWERED,
	CONSUMED,
	MALFORMED,
	UNAUTHORISED,
};

struct endings fuzz_endings = {
	.verdict_names =
		{
			[PASSED] = "passed",
			[ANSWERED] = "answered",
			[CONSUMED] = "consumed",
			[MALFORMED] = "malformed",
			[UNAUTHORISED] = "unauthorised",
		},
	.first_drop = VLY_DROP_COUNT, // they are verdicts here
	.last_drop = 0,
};

static const uint8_t key[16] = "0123456789abcde";
static const char *const peers[] = {"10.0.0.1:1000", "10.0.0.2:1000", "10.0.0.3:1000",
				    "10.0.0.3:1001"};

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

static struct vly_kit *kit_open(void)
{
	char path[] = "/tmp/volley-fuzz-XXXXXX";
	char text[100];
	struct vly_kit_config config = {
		.links = {{.text = text}, {.text = "echo"}},
	};
	struct vly_error error = {""};
	struct vly_kit *kit = NULL;
	int file = mkstemp(path);
	static const char psk[] = "alice:30313233343536373839616263646500\n";

	check(file >= 0 && write(file, psk, strlen(psk)) == (ssize_t)strlen(psk), "a file");
	close(file);
	snprintf(text, sizeof(text), "dtls,idle=24h,psk-file=%s", path);
	check(vly_kit_open(&kit, &config, &error) == 0, error.text);
	unlink(path);
	return kit;
}

// One step to the server, and back.
static bool step(struct vly_kit *kit, struct dtls_client *client, const char *peer)
{
	const struct vly_kit_outcome *answer;
	bool is_done = false;

	vly_kit_clear(kit);
	for (uint32_t i = 0; i < client->count; i++)
		vly_kit_receive(kit, peer, client->datagrams[i].bytes, client->datagrams[i].len);
	client->count = 0;
	vly_kit_run(kit);
	for (uint32_t i = 0; (answer = vly_kit_answer(kit, i)) != NULL; i++)
		is_done = dtls_client_shake(client, answer->data, answer->len);
	return is_done;
}

static void put_cookie(const struct vly_kit *kit, uint8_t *payload, size_t len)
{
	const struct vly_kit_outcome *answer = vly_kit_answer(kit, 0);

	if (answer && answer->len >= COOKIE_BYTES && len >= COOKIE_OFFSET + 1 + COOKIE_BYTES)
		memcpy(payload + COOKIE_OFFSET + 1, answer->data + answer->len - COOKIE_BYTES,
		       COOKIE_BYTES);
}

static void count(const struct vly_kit_outcome *outcome)
{
	switch (outcome->fate) {
	case VLY_FATE_REPLY:
		fuzz_endings.verdicts[ANSWERED]++;
		break;
	case VLY_FATE_RELEASE:
		fuzz_endings.verdicts[CONSUMED]++;
		break;
	case VLY_DROP_MALFORMED:
		fuzz_endings.verdicts[MALFORMED]++;
		break;
	case VLY_DROP_UNAUTHORISED:
		fuzz_endings.verdicts[UNAUTHORISED]++;
		break;
	default:
		check(false, "an ending that is expected");
	}
}

static void one_datagram(struct vly_kit *kit, const uint8_t *record, size_t len)
{
	static uint8_t payload[VLY_KIT_CAPACITY];
	const struct vly_kit_outcome *outcome;
	int number;

	if (len > sizeof(payload))
		return;
	memcpy(payload, record + RECORD_BYTES, len);
	if (record[0] & WITH_COOKIE)
		put_cookie(kit, payload, len);
	vly_kit_advance(kit, record[1] * (uint64_t)HUNDREDTH_NS);
	vly_kit_clear(kit);
	number = vly_kit_receive(kit, peers[record[0] & WHO_MASK], payload, len);
	check(number >= 0, "a buffer");
	vly_kit_run(kit);
	outcome = vly_kit_outcome_of(kit, (uint32_t)number);
	check(outcome != NULL, "a datagram has an end");
	count(outcome);
}

// The session that was open is so still.
static void hear_echo(struct vly_kit *kit, struct dtls_client *client)
{
	const struct vly_kit_outcome *answer;
	char text[16] = "";

	vly_kit_clear(kit);
	client->count = 0;
	dtls_client_tell(client, "hello", 5);
	vly_kit_receive(kit, peers[0], client->datagrams[0].bytes, client->datagrams[0].len);
	vly_kit_run(kit);
	answer = vly_kit_answer(kit, 0);
	check(answer != NULL, "the open session stays");
	check(dtls_client_hear(client, answer->data, answer->len, text, sizeof(text)) == 5 &&
		      memcmp(text, "hello", 5) == 0,
	      "and its answer is right");
	fuzz_endings.verdicts[PASSED]++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dtls_client open;
	struct dtls_client opening;
	struct vly_kit *kit = kit_open();
	int steps = 0;

	dtls_client_open(&open, "alice", key);
	dtls_client_shake(&open, NULL, 0);
	while (!step(kit, &open, peers[0]))
		check(++steps < 10, "a handshake");
	dtls_client_open(&opening, "alice", key);
	dtls_client_shake(&opening, NULL, 0);
	step(kit, &opening, peers[1]);
	step(kit, &opening, peers[1]);
	while (size >= RECORD_BYTES) {
		size_t len = (size_t)data[2] << 8 | data[3];

		if (len > size - RECORD_BYTES)
			len = size - RECORD_BYTES;
		one_datagram(kit, data, len);
		data += RECORD_BYTES + len;
		size -= RECORD_BYTES + len;
	}
	hear_echo(kit, &open);
	check(vly_kit_complaint(kit) == NULL, "the handler keeps the rules");
	check(vly_kit_held(kit) == 0, "no buffer is kept");
	dtls_client_close(&open);
	dtls_client_close(&opening);
	vly_kit_close(kit);
	return 0;
}
