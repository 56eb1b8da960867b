// SPDX-License-Identifier: BSD-3-Clause
//
// Private to the io_uring backend. One ring a queue: the sends of a burst go to the kernel in one
// call. Of several sockets, and with SQPOLL, a multishot recvmsg each fills the pool's blocks
// through a provided buffer ring; one socket alone is received from by plain calls, and the ring
// waits for it (uring_direct.c).
//
// Lifetime of what is sent. Without a kernel thread (SQPOLL) a send is made with MSG_DONTWAIT, so
// the kernel neither parks nor defers it: its payload is copied, or it has failed, before the
// submitting call returns. Only failures make a completion (CQE_SKIP_SUCCESS), and it lies in the
// queue by then. With SQPOLL a send ends with its completion, and its datagrams are kept till then.
// Of a send without a copy (zerocopy=on) the payload is the kernel's beyond that, until a second
// completion, the notification: its blocks are held until then.
#pragma once

#include <liburing.h>
#include <stdatomic.h>

#include "backend/backend.h"
#include "backend/kernel_batch.h"
#include "backend/kernel_receive.h"

enum vly_uring_limits {
	VLY_URING_NAME_BYTES = 32,
	VLY_URING_CONTROL_BYTES = 272, // with the kernel's header of 16 bytes, the pool's lead
	VLY_URING_PROVIDED = 128,      // blocks that the kernel has at a time, at most
	VLY_URING_PROVIDED_MIN = 8,    // and when few are used, which then stay in the cache
	VLY_URING_SQ_ENTRIES = 512,
	VLY_URING_CQ_ENTRIES = 2048, // what is not reaped may fill it: see uring_send.c
	VLY_URING_GROUP = 0,         // of the provided buffers
	VLY_URING_UNCOPIED = 64,     // messages sent without a copy that the kernel may still read
};

// What a ring is set up with: asked for, then what the kernel has.
struct vly_uring_features {
	bool sqpoll;
	bool defer_taskrun;
	bool fixed_files;
	bool shared;  // no thread owns the ring, whichever has the queue enters it
	bool send_to; // a send entry takes an address: no message to read for the kernel
	bool napi;
	bool multishot;           // one socket, too, is received from by the ring
	bool zero_copy;           // trains are sent without a copy
	uint32_t zero_copy_bytes; // those of at least so many bytes
};

// What a completion is for: kind, and an index, in user_data.
enum vly_uring_kind {
	VLY_URING_NONE, // dealt with already
	VLY_URING_RECV, // index: the socket
	VLY_URING_SEND, // index: the group
	VLY_URING_EVENT,
	VLY_URING_AWAITED,       // the one receive that a wait of the direct way leaves
	VLY_URING_UNCOPIED_SEND, // index: the group, and above SLOT_SHIFT its place in `uncopied`
	VLY_URING_SLOT_SHIFT = 16,
	VLY_URING_KIND_SHIFT = 32,
};

struct vly_backend_queue {
	struct vly_kernel_sockets sockets;
	struct vly_kernel_pool pool;
	struct vly_kernel_sender sender;
	struct vly_kernel_options options;
	struct vly_uring_features features;
	struct vly_ledger_block *ledger;
	struct io_uring ring;
	bool has_ring;
	bool is_enabled; // by the first call of the thread that owns the queue
	int end_fd;      // readable to its end once the kernel has let go of the ring; -1: none
	struct io_uring_buf_ring *buffers;
	uint32_t buffer_entries;
	uint32_t provided;      // blocks with the kernel
	uint32_t provided_goal; // as many as were of use of late
	uint32_t provided_max;
	uint32_t most_used; // at a time, since the goal was last looked at
	uint32_t reaps;     // since then
	uint32_t to_arm_count;
	bool event_is_armed;
	int event_fd;
	uint64_t event_count;   // read into by the kernel
	_Atomic bool sleeps;    // owner: rw, others: ro
	_Atomic bool is_woken;  // others: set, owner: taken
	uint64_t now_ns;        // of the last burst
	bool is_direct;         // receives by plain calls; what follows is of that way
	bool is_awaited;        // the ring has a receive into the receiver's first message
	bool finds_at_once;     // the last wait had nothing to wait for
	uint32_t skip_polls;    // bursts that need not ask the kernel
	uint64_t slept_from_ns; // when the last wait began, until the next burst; or 0
	struct vly_kernel_receiver receiver;
	struct msghdr recv_msg; // of multishot receives
	struct vly_kernel_trains trains;
	uint32_t in_flight; // messages of the batch that are with the kernel
	bool is_full;       // it has given one back, as it takes no more now
	struct vly_kernel_batch batch;
	uint16_t to_arm[VLY_LISTENS_MAX];      // sockets that have no receive under way
	uint64_t uncopied_used;                // bit i: uncopied[i] is
	uint16_t uncopied[VLY_URING_UNCOPIED]; // blocks of messages that the kernel may still read
};

// --- uring_ring.c: the ring's life; control thread, but for enable

// Sets up ring, registered files and provided buffers for the queue's sockets and pool, with what
// this kernel has of `asked`. Errors name the fix: -EPERM, -ENOSYS, -ENOTSUP (older than Linux
// 6.0), -ENOMEM, -EMFILE.
int vly_uring_ring_open(struct vly_backend_queue *queue, const struct vly_uring_features *asked,
			struct vly_error *error);
// Ends it, and waits until the kernel has let go of sockets and memory (at most a second).
void vly_uring_ring_close(struct vly_backend_queue *queue);
// The first call of the queue's thread: the ring is its own from now on.
void vly_uring_ring_enable(struct vly_backend_queue *queue);
// A setup of `ring` alone; updates *features. Returns 0 or a negative errno.
int vly_uring_setup(struct io_uring *ring, struct vly_uring_features *features);
// The line for a setup that failed; returns code.
int vly_uring_fail_setup(int code, struct vly_error *error);
// Whether a send entry takes an address, and may send without a copy (both Linux 6.1).
bool vly_uring_has_send_to(struct io_uring *ring);
// Whether the kernel polls devices for this ring; sets it up so for `us`.
bool vly_uring_napi(struct io_uring *ring, uint32_t us);

// --- uring_probe.c

int vly_uring_probe(struct vly_error *error);
void vly_uring_describe(const struct vly_log *log);

// --- uring_queue.c: receiving, completions, waiting

uint32_t vly_uring_rx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			    uint32_t count, uint64_t now_ns);
int vly_uring_wait(struct vly_backend_queue *queue, uint64_t timeout_ns);
void vly_uring_wake(struct vly_backend_queue *queue);
// Takes completions off the queue as long as there is room for what they bring.
void vly_uring_reap(struct vly_backend_queue *queue, uint64_t now_ns);
// An entry to fill, also when that means to submit first. Never NULL.
struct io_uring_sqe *vly_uring_sqe(struct vly_backend_queue *queue);
// Whether the kernel has put something off until it is called.
static inline bool vly_uring_has_work(const struct io_uring *ring)
{
	return IO_URING_READ_ONCE(*ring->sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

// Names the socket in an entry.
void vly_uring_sqe_set_socket(const struct vly_backend_queue *queue, struct io_uring_sqe *sqe,
			      const struct vly_kernel_socket *sock);

// --- uring_direct.c

// Chooses the way of a queue whose ring and sockets are open.
void vly_uring_direct_open(struct vly_backend_queue *queue);
// As rx_burst.
uint32_t vly_uring_direct_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
				uint32_t count, uint64_t now_ns);
// Before a wait: leaves a receive with the ring. False: something has been received meanwhile, or
// is likely to be by the next burst.
bool vly_uring_direct_prepare_wait(struct vly_backend_queue *queue);
// That receive has completed with `res`.
void vly_uring_awaited_completed(struct vly_backend_queue *queue, int res, uint64_t now_ns);

// --- uring_send.c

uint32_t vly_uring_tx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			    uint32_t count, uint64_t now_ns);
uint32_t vly_uring_flush(struct vly_backend_queue *queue);
// A send has completed: the group, and what came of it.
void vly_uring_sent(struct vly_backend_queue *queue, uint32_t group, int res);

// --- uring_zero_copy.c

// Whether the group is to be sent without a copy: long enough and in one piece, while fewer than
// VLY_URING_UNCOPIED are with the kernel.
bool vly_uring_wants_uncopied(const struct vly_backend_queue *queue, uint32_t group);
// Makes the entry for that.
void vly_uring_prepare_uncopied(struct vly_backend_queue *queue, uint32_t group);
// A completion of such a send: of the call, or the notification.
void vly_uring_uncopied_completed(struct vly_backend_queue *queue, const struct io_uring_cqe *cqe);
