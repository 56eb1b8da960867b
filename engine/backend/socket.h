// SPDX-License-Identifier: BSD-3-Clause
//
// Private to the socket backend: recvmmsg and sendmmsg on the kernel's UDP. Every other backend is
// measured against it.
#pragma once

#include <stdatomic.h>

#include "backend/backend.h"
#include "backend/kernel_batch.h"
#include "backend/kernel_receive.h"

// Where the queue's thread sleeps, for those who want to wake it.
enum vly_socket_sleep {
	VLY_SOCKET_AWAKE,
	VLY_SOCKET_POLLING,   // in ppoll: the event descriptor ends it
	VLY_SOCKET_RECEIVING, // in recvmsg: only a datagram ends it
};

// What a lone datagram needs comes first and close together: after a sleep the caches are cold.
struct vly_backend_queue {
	struct vly_ledger_block *ledger;
	uint64_t slept_from_ns;      // when the last wait began that ended with a datagram; or 0
	uint64_t now_ns;             // of the last burst
	uint32_t skip_polls;         // bursts that need not ask the kernel: it had just run dry
	int waker_fd;                // sends an empty datagram to our one socket; -1: does not
	_Atomic int sleep;           // enum vly_socket_sleep; owner: rw, others: ro
	_Atomic bool is_woken;       // others: set, owner: taken
	_Atomic bool is_woken_often; // others wake us as a rule: sleep where it costs them least
	bool is_busy;                // the last wait ended with a datagram: the next one comes soon
	struct vly_kernel_receiver receiver;
	struct vly_kernel_pool pool;
	struct vly_kernel_sender sender;
	struct vly_kernel_trains trains;
	struct vly_kernel_sockets sockets;
	struct vly_kernel_batch batch;
	struct vly_kernel_options options;
	int event_fd;
	int epoll_fd; // of several sockets; -1: there is one
};

// Makes it possible to wait in the receive itself: opens waker_fd and tries it. If it does not
// work, waiting goes through ppoll.
void vly_socket_waker_open(struct vly_backend_queue *queue);

// The slots of the vtable.
uint32_t vly_socket_rx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			     uint32_t count, uint64_t now_ns);
uint32_t vly_socket_tx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			     uint32_t count, uint64_t now_ns);
uint32_t vly_socket_flush(struct vly_backend_queue *queue);
int vly_socket_wait(struct vly_backend_queue *queue, uint64_t timeout_ns);
void vly_socket_wake(struct vly_backend_queue *queue);
