// SPDX-License-Identifier: BSD-3-Clause
//
// A server that only counts: recvmmsg with UDP_GRO, and nothing else. At SIGINT or SIGTERM it says
// how many datagrams there were.
//
//     train_sink ADDRESS PORT
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "server.h"

enum {
	CONTROL_BYTES = 64,
	// Not a power of two: else the beginnings of all payloads fall on the same cache sets.
	SLOT_BYTES = SERVER_PAYLOAD_BYTES + 1 + 64,
};

struct batch {
	struct mmsghdr msgs[SERVER_BATCH];
	struct iovec iovs[SERVER_BATCH];
	_Alignas(struct cmsghdr) char controls[SERVER_BATCH][CONTROL_BYTES];
	char payloads[SERVER_BATCH][SLOT_BYTES];
};

// Set by the signal handler alone.
static atomic_bool is_over;

static void on_signal(int number)
{
	(void)number;
	atomic_store_explicit(&is_over, true, memory_order_relaxed);
}

static void prepare(struct batch *batch, int count)
{
	for (int i = 0; i < count; i++) {
		batch->iovs[i] = (struct iovec){.iov_base = batch->payloads[i],
						.iov_len = SERVER_PAYLOAD_BYTES};
		batch->msgs[i].msg_hdr = (struct msghdr){
			.msg_iov = &batch->iovs[i],
			.msg_iovlen = 1,
			.msg_control = batch->controls[i],
			.msg_controllen = CONTROL_BYTES,
		};
	}
}

static uint64_t count_datagrams(struct mmsghdr *msg)
{
	uint32_t segment = server_segment(&msg->msg_hdr);

	return segment ? (msg->msg_len + segment - 1) / segment : 1;
}

static uint64_t sink(const struct server *server)
{
	static struct batch batch;
	uint64_t datagrams = 0;
	int used = SERVER_BATCH;

	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
		int n;

		prepare(&batch, used);
		n = recvmmsg(server->fd, batch.msgs, SERVER_BATCH, MSG_WAITFORONE, NULL);
		used = n > 0 ? n : 0;
		for (int i = 0; i < used; i++)
			datagrams += count_datagrams(&batch.msgs[i]);
	}
	return datagrams;
}

int main(int argc, char **argv)
{
	struct server server = server_open(argc, argv);
	struct sigaction action = {.sa_handler = on_signal}; // ends a waiting receive

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	server_join_received(&server);
	server_ready(argv);
	printf("{\"received\": %" PRIu64 "}\n", sink(&server));
	return 0;
}
