// SPDX-License-Identifier: BSD-3-Clause
//
// Keeping a window of datagrams under way. A peer's answers come in the order of its questions, so
// one that comes tells that all of its peer's before it are answered or lost: a loss costs no
// waiting, unless it is of a peer's last ones.
#include <string.h>

#include "echo.h"
#include "load.h"

enum {
	MESSAGES = 64,
	GIVE_UP_NS = 5000000, // after which what is under way counts as lost
};

struct answers {
	struct mmsghdr msgs[MESSAGES];
	struct iovec iovs[MESSAGES];
	uint8_t headers[MESSAGES][HEADER_BYTES + 2];
};

// Only the first bytes of a message are wanted; MSG_TRUNC tells the length of all.
static void prepare(struct answers *answers)
{
	for (uint32_t i = 0; i < MESSAGES; i++) {
		answers->iovs[i] = (struct iovec){
			.iov_base = answers->headers[i],
			.iov_len = sizeof(answers->headers[i]),
		};
		answers->msgs[i].msg_hdr = (struct msghdr){
			.msg_iov = &answers->iovs[i],
			.msg_iovlen = 1,
		};
	}
}

static void count(struct load *load, const struct mmsghdr *msg, const uint8_t *header)
{
	uint32_t datagrams = msg->msg_len / load->bytes;
	uint64_t first = load_sequence(header);
	uint64_t *due = &load->due[first % load->peers];

	if (msg->msg_len < load->bytes || first + datagrams > load->next)
		return; // not an answer to anything
	load->received += datagrams;
	if (first < *due)
		return; // it had been given up
	load->seen += (first - *due) / load->peers + datagrams;
	*due = first + datagrams * load->peers;
}

// What is under way counts as lost.
static void give_up(struct load *load)
{
	load->seen = load->next;
	for (uint64_t sequence = load->next; sequence < load->next + load->peers; sequence++)
		load->due[sequence % load->peers] = sequence;
}

static bool receive(struct load *load, struct answers *answers)
{
	uint32_t wanted = load_has_peers(load) ? MESSAGES : 1;
	int n = recvmmsg(load->fd, answers->msgs, wanted, MSG_DONTWAIT | MSG_TRUNC, NULL);

	for (int i = 0; i < n; i++)
		count(load, &answers->msgs[i], answers->headers[i]);
	return n > 0;
}

static void serve(const struct load *load)
{
	if (load->behind.fd < 0)
		return;
	while (load_has_peers(load) ? echo_batch(&load->behind) : echo_train(&load->behind))
		;
}

void load_run_window(struct load *load, double seconds)
{
	uint64_t start_ns = load_now_ns();
	uint64_t end_ns = start_ns + (uint64_t)(seconds * NS_PER_S);
	uint64_t heard_ns = start_ns;
	uint64_t now_ns = start_ns;
	struct answers answers;

	prepare(&answers);
	give_up(load);
	while (now_ns < end_ns) {
		while (load->next + load->batch <= load->seen + load->window && load_send(load))
			;
		serve(load);
		now_ns = load_now_ns();
		if (receive(load, &answers))
			heard_ns = now_ns;
		else if (now_ns - heard_ns > GIVE_UP_NS) {
			give_up(load);
			heard_ns = now_ns;
		}
	}
	load->passed_ns = now_ns - start_ns;
	// What comes late is not lost.
	while (load->seen < load->next && now_ns - heard_ns < GIVE_UP_NS) {
		serve(load);
		now_ns = load_now_ns();
		if (receive(load, &answers))
			heard_ns = now_ns;
	}
}

void load_run_flood(struct load *load, double seconds)
{
	uint64_t start_ns = load_now_ns();
	uint64_t end_ns = start_ns + (uint64_t)(seconds * NS_PER_S);

	do {
		load_send(load);
		load->passed_ns = load_now_ns() - start_ns;
	} while (start_ns + load->passed_ns < end_ns);
}
