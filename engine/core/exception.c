// SPDX-License-Identifier: BSD-3-Clause
//
// The kernel's side of the exception path: a thread that writes to the TAP device and reads from
// it.
#include "core/exception.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/exception_device.h"
#include "core/fail.h"
#include "core/thread.h"

enum {
	SLEEP_MS = 100,
};

struct vly_exception {
	int tap;
	int event; // eventfd(2): somebody has something for the thread
	pthread_t thread;
	bool has_thread;
	_Atomic bool stops;
	_Atomic bool is_asleep;
	uint32_t lane_count;
	struct vly_exception_lane lanes[VLY_QUEUES_MAX];
};

// --- the thread ---------------------------------------------------------------------------------

// Of a datagram in several frames, the kernel can use none without the others.
static bool write_frame(struct vly_exception *self, struct vly_exception_lane *lane,
			const struct vly_dgram *frame)
{
	bool is_written = !lane->has_lost_part &&
			  write(self->tap, vly_dgram_data(frame), frame->len) == frame->len;

	lane->has_lost_part = !is_written && vly_exception_is_part(frame);
	return is_written;
}

// What the kernel does not take (its queue is full, the interface is down) goes back with a reason.
static uint32_t write_lane(struct vly_exception *self, struct vly_exception_lane *lane)
{
	struct vly_dgram *frames[VLY_EXCEPTION_BURST];
	uint32_t n = vly_ring_pop(lane->to_kernel, (void **)frames, VLY_EXCEPTION_BURST);

	for (uint32_t i = 0; i < n; i++)
		frames[i]->fate = write_frame(self, lane, frames[i]) ? VLY_FATE_RELEASE
								     : VLY_DROP_KERNEL_FULL;
	vly_ring_push(lane->to_io, (void *const *)frames, n);
	return n;
}

// The kernel's frames leave by one queue, so that they stay in order.
static uint32_t read_tap(struct vly_exception *self, struct vly_exception_lane *lane)
{
	void *const *spare;
	struct vly_dgram *frame;
	uint32_t n = 0;
	ssize_t len;

	while (n < VLY_EXCEPTION_BURST && vly_ring_peek(lane->spare, &spare, 1)) {
		frame = *spare;
		len = read(self->tap, vly_dgram_data(frame), frame->capacity);
		if (len <= 0)
			break;
		vly_ring_consume(lane->spare, 1);
		frame->len = (uint16_t)len;
		frame->link = 0; // nothing is left to the device: the kernel has filled in all
		frame->fate = VLY_FATE_SEND;
		vly_ring_push(lane->to_io, (void *const *)&frame, 1);
		n++;
	}
	if (n)
		vly_queue_wake(lane->queue); // it need not come to look by itself
	return n;
}

static bool has_work(const struct vly_exception *self)
{
	for (uint32_t i = 0; i < self->lane_count; i++) {
		if (vly_ring_count(self->lanes[i].to_kernel))
			return true;
	}
	return atomic_load_explicit(&self->stops, memory_order_relaxed);
}

// Announces itself, looks once more, then waits (core/idle.h). Without a spare buffer it need not
// know that the kernel has a frame.
static void sleep_until_work(struct vly_exception *self)
{
	struct pollfd fds[] = {
		{.fd = self->event, .events = POLLIN},
		{.fd = self->tap, .events = POLLIN},
	};
	uint64_t events;

	atomic_store_explicit(&self->is_asleep, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst); // pairs with the one in vly_exception_wake
	if (!has_work(self))
		poll(fds, vly_ring_count(self->lanes[0].spare) ? 2 : 1, SLEEP_MS);
	atomic_store_explicit(&self->is_asleep, false, memory_order_relaxed);
	(void)!read(self->event, &events, sizeof(events));
}

void vly_exception_wake(struct vly_exception *self)
{
	uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst); // pairs with the one in sleep_until_work
	if (atomic_load_explicit(&self->is_asleep, memory_order_relaxed) &&
	    atomic_exchange_explicit(&self->is_asleep, false, memory_order_relaxed))
		(void)!write(self->event, &one, sizeof(one));
}

static void *run(void *arg)
{
	struct vly_exception *self = arg;

	while (!atomic_load_explicit(&self->stops, memory_order_relaxed)) {
		uint32_t work = read_tap(self, &self->lanes[0]);

		for (uint32_t i = 0; i < self->lane_count; i++)
			work += write_lane(self, &self->lanes[i]);
		if (!work)
			sleep_until_work(self);
	}
	return NULL;
}

// --- opening and closing ------------------------------------------------------------------------

static int open_lanes(struct vly_exception *self, struct vly_queue *queues, struct vly_error *error)
{
	// Room for all that can be out, so that giving back never fails.
	uint32_t back = VLY_EXCEPTION_OUT_MAX + VLY_EXCEPTION_SPARES;
	int rc = 0;

	for (uint32_t i = 0; i < self->lane_count && !rc; i++) {
		struct vly_exception_lane *lane = &self->lanes[i];

		lane->exception = self;
		lane->queue = &queues[i];
		lane->spares_max = i == 0 ? VLY_EXCEPTION_SPARES : 0;
		rc = vly_ring_open(&lane->to_kernel, VLY_EXCEPTION_OUT_MAX, error);
		if (!rc)
			rc = vly_ring_open(&lane->to_io, back, error);
		if (!rc)
			rc = vly_ring_open(&lane->spare, VLY_EXCEPTION_SPARES, error);
	}
	return rc;
}

static int start(struct vly_exception *self, struct vly_error *error)
{
	int rc = vly_thread_start(&self->thread, run, self);

	self->has_thread = rc == 0;
	if (rc)
		return vly_fail(error, rc, "exception: no thread: %s; see: ulimit -u",
				strerror(-rc));
	return 0;
}

int vly_exception_open(struct vly_exception **exception, const char *text,
		       const struct vly_link_info *link, const struct vly_port_config *config,
		       struct vly_queue *queues, uint32_t queue_count, struct vly_error *error)
{
	static const char kind[] = "tap:";
	struct vly_exception *self;
	int rc;

	if (strncmp(text, kind, strlen(kind)) != 0)
		return vly_fail(error, -EINVAL,
				"exception: \"%.40s\" is no way to the kernel; give tap:NAME, such "
				"as tap:volley0",
				text);
	self = calloc(1, sizeof(*self));
	if (!self)
		return vly_fail(error, -ENOMEM, "out of memory");
	self->tap = -1;
	self->event = -1;
	self->lane_count = queue_count;
	rc = open_lanes(self, queues, error);
	if (!rc) {
		self->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		rc = self->tap = vly_exception_device_open(text + strlen(kind), link, config->addrs,
							   config->addr_count, error);
	}
	if (rc >= 0)
		rc = start(self, error);
	if (rc >= 0) {
		for (uint32_t i = 0; i < queue_count; i++)
			queues[i].exception = &self->lanes[i];
		*exception = self;
		return 0;
	}
	vly_exception_close(self);
	return rc;
}

void vly_exception_close(struct vly_exception *self)
{
	if (!self)
		return;
	if (self->has_thread) {
		atomic_store_explicit(&self->stops, true, memory_order_relaxed);
		vly_exception_wake(self);
		pthread_join(self->thread, NULL);
	}
	if (self->tap >= 0)
		close(self->tap);
	if (self->event >= 0)
		close(self->event);
	for (uint32_t i = 0; i < self->lane_count; i++) {
		vly_ring_close(self->lanes[i].to_kernel);
		vly_ring_close(self->lanes[i].to_io);
		vly_ring_close(self->lanes[i].spare);
	}
	free(self);
}
