// SPDX-License-Identifier: BSD-3-Clause
//
// A forwarder, and what clients and servers may send to it, in which order and how often. The input
// is text, an action a line:
//
//     aTEXT     client a (any letter) sends TEXT
//     0P, 1P    server 0 or 1 sends to port P (a letter) of those that servers are spoken to from
//     9P        somebody else does
//     +N        N (a digit) seconds pass
//
// Whoever the model says has a path must get what comes by it, and nobody else.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <volley/kit.h>

#include "endings.h"

enum {
	PORTS = 4, // the first is for checks
	SERVERS = 2,
	STRANGER = 9,
	FIRST_PORT = 20000,
	SERVER_PORT = 53,
	MAX_SESSIONS = 5,
};

enum verdict {
	VERDICT_TO_SERVER,
	VERDICT_TO_CLIENT,
	VERDICT_CHECK,
	VERDICT_NO_SESSION,
	VERDICT_FOREIGN,
	VERDICT_EXPIRED,
};

struct endings fuzz_endings = {
	.verdict_names = {"to server", "to client", "check", "no session", "foreign", "expired"},
	.first_drop = VLY_DROP_RATE_LIMITED,
	.last_drop = VLY_DROP_UNAUTHORISED,
};

struct run {
	struct vly_kit *kit;
	struct vly_addr owners[SERVERS][PORTS]; // who had the path last
};

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_forward: not so: %s\n", what);
	abort();
}

static bool is_same(const struct vly_addr *a, const struct vly_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static struct vly_addr address(uint8_t net, uint8_t host, uint32_t port)
{
	return (struct vly_addr){
		.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, net, 0, host},
		.port = (uint16_t)port,
	};
}

static struct vly_addr our_port(uint32_t port)
{
	return (struct vly_addr){
		.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1},
		.port = (uint16_t)(FIRST_PORT + port),
	};
}

static const struct vly_kit_outcome *outcome(struct run *run, int number)
{
	check(number >= 0, "there is a buffer");
	vly_kit_run(run->kit);
	return vly_kit_outcome_of(run->kit, (uint32_t)number);
}

static void client_sends(struct run *run, uint8_t letter, const uint8_t *text, size_t len)
{
	struct vly_addr client = address(0, letter, 1000);
	const struct vly_kit_outcome *out =
		outcome(run, vly_kit_receive_from(run->kit, &client, text, len));
	uint32_t server;
	uint32_t port;

	if (out->fate == VLY_DROP_RATE_LIMITED) {
		fuzz_endings.drops[out->fate]++;
		return;
	}
	check(out->fate == VLY_FATE_SEND, "what is not refused goes on");
	check(out->len == len && memcmp(out->data, text, len) == 0, "as it came");
	server = out->peer.ip[15] - 1u;
	port = (uint32_t)out->local.port - FIRST_PORT;
	check(server < SERVERS && out->peer.port == SERVER_PORT, "it goes to a server");
	check(port >= 1 && port < PORTS, "from a port for clients");
	run->owners[server][port] = client;
	fuzz_endings.verdicts[VERDICT_TO_SERVER]++;
}

static void server_sends(struct run *run, uint32_t server, uint32_t port)
{
	struct vly_addr from = address(9, (uint8_t)(server + 1), SERVER_PORT);
	struct vly_addr to = our_port(port);
	const struct vly_kit_outcome *out =
		outcome(run, vly_kit_receive_at(run->kit, &from, &to, "answer", 6));

	switch (out->fate) {
	case VLY_FATE_SEND:
		check(server < SERVERS && port >= 1, "only a server is heard");
		check(is_same(&out->peer, &run->owners[server][port]),
		      "an answer goes to who asked");
		check(out->local.port == 9000, "from where it was asked");
		fuzz_endings.verdicts[VERDICT_TO_CLIENT]++;
		break;
	case VLY_FATE_RELEASE:
		check(server < SERVERS && port == 0, "the first port is for checks");
		fuzz_endings.verdicts[VERDICT_CHECK]++;
		break;
	case VLY_DROP_UNAUTHORISED:
		check(server >= SERVERS, "who is refused is no server");
		fuzz_endings.drops[out->fate]++;
		fuzz_endings.verdicts[VERDICT_FOREIGN]++;
		break;
	default:
		check(out->fate == VLY_DROP_HANDLER, "there is no other end");
		fuzz_endings.verdicts[VERDICT_NO_SESSION]++;
		break;
	}
}

static void act(struct run *run, const uint8_t *line, size_t len)
{
	uint32_t port = len > 1 && line[1] >= 'a' && line[1] < 'a' + PORTS ? line[1] - 'a' : 1;

	if (line[0] >= 'a' && line[0] <= 'z')
		client_sends(run, line[0], line + 1, len - 1);
	else if (line[0] == '0' || line[0] == '1' || line[0] == '9')
		server_sends(run, line[0] == '9' ? (uint32_t)STRANGER : line[0] - (uint32_t)'0',
			     port);
	else if (line[0] == '+' && len > 1 && line[1] >= '0' && line[1] <= '9')
		vly_kit_advance(run->kit, (line[1] - (uint64_t)'0') * VLY_KIT_SECOND);
	check(!vly_kit_complaint(run->kit), "the handler keeps the rules");
	check(vly_kit_held(run->kit) == 0, "nothing is kept");
	check(vly_kit_metric(run->kit, "opened") - vly_kit_metric(run->kit, "expired") <=
		      MAX_SESSIONS,
	      "no more are remembered than may be");
	vly_kit_clear(run->kit);
}

// A file that has no name.
static int servers_file(void)
{
	static const char text[] = "10.9.0.1:53\n10.9.0.2:53\n";
	int fd = memfd_create("servers", 0);

	check(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1,
	      "a file can be made");
	return fd;
}

static struct vly_kit *open_kit(int file)
{
	char keys[256];
	const struct vly_kit_config config = {
		.links = {{NULL, keys}},
		.capacity = VLY_KIT_CAPACITY,
	};
	struct vly_error error = {""};
	struct vly_kit *kit = NULL;

	snprintf(keys, sizeof(keys),
		 "forward,servers=/proc/self/fd/%d,via=192.0.2.1:%d-%d,max-sessions=%d,check=0s,"
		 "fresh=2s,idle=5s",
		 file, FIRST_PORT, FIRST_PORT + PORTS - 1, MAX_SESSIONS);
	if (vly_kit_open(&kit, &config, &error))
		check(false, error.text);
	vly_kit_clear(kit);
	return kit;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int file = servers_file();
	struct run run = {.kit = open_kit(file)};

	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;

		if (len > 0 && len < VLY_KIT_CAPACITY)
			act(&run, data, len);
		len += end != NULL;
		data += len;
		size -= len;
	}
	fuzz_endings.verdicts[VERDICT_EXPIRED] += vly_kit_metric(run.kit, "expired");
	vly_kit_close(run.kit);
	close(file);
	return 0;
}
