// SPDX-License-Identifier: BSD-3-Clause
//
// Vhost-user messages on their way between two stream sockets. Private to the dpdk backend.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum vly_vhost_limits {
	VLY_VHOST_FDS = 32, // of a message; VHOST_USER_SET_MEM_TABLE, which has the most, has 8
	VLY_VHOST_BYTES = 4096,
};

// One direction, with as much of a message as has come. One at a time, because descriptors belong
// to one: a stream's read may begin in a message without and end in one with.
struct vly_vhost_way {
	int from;
	int to;
	uint32_t have; // bytes of the message
	uint32_t fd_count;
	int fds[VLY_VHOST_FDS];
	uint8_t bytes[VLY_VHOST_BYTES];
};

// Takes what there is to read: 1 when it is a whole message now, 0 when there has to come more,
// negative when `from` has hung up, or says what is no message. Never waits.
int vly_vhost_take(struct vly_vhost_way *way);

// Hands the whole message on, and forgets it. False when `to` has hung up or does not read.
bool vly_vhost_give(struct vly_vhost_way *way);

// Of a whole message: the request, if the one who sends it waits for an answer, else 0.
uint32_t vly_vhost_question(const struct vly_vhost_way *way);

// Of a whole message: whether it answers that question.
bool vly_vhost_is_answer(const struct vly_vhost_way *way, uint32_t question);

// Answers a question at `from` by zeros, in the place of who should.
bool vly_vhost_answer(const struct vly_vhost_way *way, uint32_t question);

// Closes descriptors that have come and not gone.
void vly_vhost_drop(struct vly_vhost_way *way);

// Whether a vhost-user server is at the other end and awake: 0, -ETIMEDOUT (timeout_ms of -1:
// never), -ECANCELED when stop_fd (-1: none) can be read, -EPROTO, -ECONNRESET.
int vly_vhost_ask(int server, int stop_fd, int timeout_ms);
