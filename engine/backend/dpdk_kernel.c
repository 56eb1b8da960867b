// SPDX-License-Identifier: BSD-3-Clause
//
// The kernel's addresses, routes and neighbours, kept by a thread that waits for changes, and seen
// by the queues' threads, which wait for nothing: they look at a number, and only when it has
// changed try for the lock; who does not get it looks again a turn later.
#include "backend/dpdk_kernel.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/compiler.h"
#include "core/fail.h"
#include "core/thread.h"

enum {
	// Neighbours that a queue may be behind; what it missed it finds out when it asks again.
	HEARD_MAX = 1024,
	SEEKS_MAX = 64, // of a queue, that wait for the thread; a power of two
	// A router's table is long, and changes often: the first change is followed at once, the
	// next ones are gathered for so long.
	WAYS_EVERY_MS = 50,
	IP_BYTES = 16,
	NS_PER_MS = 1000000,
};

// What a queue asks for: it writes, the thread reads.
struct seeks {
	_Atomic uint32_t head; // queue: w
	_Atomic uint32_t tail; // thread: w
	uint8_t ips[SEEKS_MAX][IP_BYTES];
} VLY_ALIGNED(VLY_CACHE_LINE_BYTES);

// How far a queue has read.
struct reading {
	uint32_t ways_version;
	uint32_t heard;
} VLY_ALIGNED(VLY_CACHE_LINE_BYTES);

struct vly_dpdk_kernel {
	struct vly_dpdk_kernel_config config;
	struct vly_dpdk_netlink netlink;
	int wake_fd;
	bool is_running;
	pthread_t thread;
	_Atomic bool is_ending;
	_Atomic uint32_t version VLY_ALIGNED(VLY_CACHE_LINE_BYTES); // thread: w, queues: r
	pthread_mutex_t lock; // of what follows, for as long as copying takes
	uint32_t ways_version;
	struct vly_dpdk_ways ways;
	uint32_t heard_count; // running free; the last HEARD_MAX are in `heard`
	struct vly_link_neighbour heard[HEARD_MAX];
	struct reading readings[VLY_QUEUES_MAX];
	struct seeks seeks[VLY_QUEUES_MAX];
};

// --- the thread's side --------------------------------------------------------------------------

static void announce(struct vly_dpdk_kernel *kernel)
{
	atomic_fetch_add_explicit(&kernel->version, 1, memory_order_release);
}

static void take_neighbour(void *arg, const struct vly_link_neighbour *neighbour)
{
	struct vly_dpdk_kernel *kernel = arg;

	pthread_mutex_lock(&kernel->lock);
	kernel->heard[kernel->heard_count++ % HEARD_MAX] = *neighbour;
	pthread_mutex_unlock(&kernel->lock);
	announce(kernel);
}

static bool counts(const struct vly_dpdk_kernel_config *config, const uint8_t *ip)
{
	for (uint32_t i = 0; i < config->only_count; i++) {
		if (memcmp(config->only[i].ip, ip, IP_BYTES) == 0)
			return true;
	}
	return config->only_count == 0;
}

static void leave_out(const struct vly_dpdk_kernel_config *config, struct vly_dpdk_ways *ways)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < ways->addr_count; i++) {
		if (counts(config, ways->addrs[i].ip))
			ways->addrs[count++] = ways->addrs[i];
	}
	// The rest is compared with what is read the next time.
	memset(&ways->addrs[count], 0, (VLY_ADDRS_MAX - count) * sizeof(ways->addrs[0]));
	ways->addr_count = count;
}

// Reads addresses and routes anew, and says so if they are others.
static int read_ways(struct vly_dpdk_kernel *kernel)
{
	struct vly_dpdk_ways ways;
	int rc = vly_dpdk_netlink_ways(&kernel->netlink, &ways);

	leave_out(&kernel->config, &ways);
	if (rc || memcmp(&ways, &kernel->ways, sizeof(ways)) == 0)
		return rc;
	// The frames of a new address must come to us before anybody answers from it.
	if (kernel->is_running)
		kernel->config.changed(kernel->config.arg, ways.addrs, ways.addr_count);
	pthread_mutex_lock(&kernel->lock);
	kernel->ways = ways;
	kernel->ways_version++;
	pthread_mutex_unlock(&kernel->lock);
	announce(kernel);
	return 0;
}

static void look_for(struct vly_dpdk_kernel *kernel)
{
	eventfd_t count;

	eventfd_read(kernel->wake_fd, &count);
	for (uint32_t i = 0; i < VLY_QUEUES_MAX; i++) {
		struct seeks *seeks = &kernel->seeks[i];
		uint32_t tail = atomic_load_explicit(&seeks->tail, memory_order_relaxed);
		uint32_t head = atomic_load_explicit(&seeks->head, memory_order_acquire);

		for (; tail != head; tail++)
			vly_dpdk_netlink_seek(&kernel->netlink, seeks->ips[tail % SEEKS_MAX],
					      take_neighbour, kernel);
		atomic_store_explicit(&seeks->tail, tail, memory_order_release);
	}
}

static void look_again(struct vly_dpdk_kernel *kernel, uint32_t events)
{
	if (events & VLY_DPDK_EVENT_LOST)
		vly_dpdk_netlink_neighbours(&kernel->netlink, take_neighbour, kernel);
	read_ways(kernel);
}

static void *watch(void *arg)
{
	struct vly_dpdk_kernel *kernel = arg;
	struct pollfd fds[] = {
		{.fd = vly_dpdk_netlink_fd(&kernel->netlink), .events = POLLIN},
		{.fd = kernel->wake_fd, .events = POLLIN},
	};
	uint64_t next_ns = 0; // when addresses and routes may be read again
	uint32_t events = 0;

	while (!atomic_load_explicit(&kernel->is_ending, memory_order_relaxed)) {
		poll(fds, 2, events ? WAYS_EVERY_MS : -1);
		if (fds[1].revents)
			look_for(kernel);
		if (fds[0].revents)
			events |= vly_dpdk_netlink_events(&kernel->netlink, take_neighbour, kernel);
		if (events && vly_clock_ns() >= next_ns) {
			look_again(kernel, events);
			events = 0;
			next_ns = vly_clock_ns() + WAYS_EVERY_MS * NS_PER_MS;
		}
	}
	return NULL;
}

static void wake(struct vly_dpdk_kernel *kernel)
{
	eventfd_write(kernel->wake_fd, 1);
}

// --- open and close -----------------------------------------------------------------------------

int vly_dpdk_kernel_open(struct vly_dpdk_kernel **kernel,
			 const struct vly_dpdk_kernel_config *config, struct vly_error *error)
{
	size_t bytes = (sizeof(struct vly_dpdk_kernel) + VLY_CACHE_LINE_BYTES - 1) /
		       VLY_CACHE_LINE_BYTES * VLY_CACHE_LINE_BYTES;
	struct vly_dpdk_kernel *opened = aligned_alloc(VLY_CACHE_LINE_BYTES, bytes);
	int rc;

	*kernel = NULL;
	if (!opened)
		return vly_fail(error, -ENOMEM, "out of memory");
	memset(opened, 0, bytes);
	opened->config = *config;
	pthread_mutex_init(&opened->lock, NULL);
	opened->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = opened->wake_fd < 0 ? -errno : 0;
	if (!rc)
		rc = vly_dpdk_netlink_open(&opened->netlink, config->ifindex);
	if (!rc)
		rc = read_ways(opened);
	if (!rc)
		rc = vly_dpdk_netlink_neighbours(&opened->netlink, take_neighbour, opened);
	if (rc) {
		vly_dpdk_kernel_close(opened);
		return vly_fail(error, rc,
				"dpdk: the kernel does not tell its addresses and neighbours "
				"(%s); take the whole interface with -o share=off",
				strerror(-rc));
	}
	*kernel = opened;
	return 0;
}

int vly_dpdk_kernel_start(struct vly_dpdk_kernel *kernel, struct vly_error *error)
{
	int rc = vly_thread_start(&kernel->thread, watch, kernel);

	kernel->is_running = rc == 0;
	if (!rc)
		return 0;
	return vly_fail(error, rc, "a thread cannot be started (%s); see ulimit -u", strerror(-rc));
}

void vly_dpdk_kernel_close(struct vly_dpdk_kernel *kernel)
{
	if (!kernel)
		return;
	if (kernel->is_running) {
		atomic_store_explicit(&kernel->is_ending, true, memory_order_relaxed);
		wake(kernel);
		pthread_join(kernel->thread, NULL);
	}
	vly_dpdk_netlink_close(&kernel->netlink);
	if (kernel->wake_fd >= 0)
		close(kernel->wake_fd);
	pthread_mutex_destroy(&kernel->lock);
	free(kernel);
}

const struct vly_dpdk_ways *vly_dpdk_kernel_ways(const struct vly_dpdk_kernel *kernel)
{
	return &kernel->ways;
}

const _Atomic uint32_t *vly_dpdk_kernel_version(const struct vly_dpdk_kernel *kernel)
{
	return &kernel->version;
}

// --- the queues' side ---------------------------------------------------------------------------

static void copy_news(struct vly_dpdk_kernel *kernel, struct reading *reading,
		      struct vly_link_news *news)
{
	news->has_ways = reading->ways_version != kernel->ways_version;
	if (news->has_ways) {
		reading->ways_version = kernel->ways_version;
		news->addr_count = kernel->ways.addr_count;
		news->route_count = kernel->ways.route_count;
		memcpy(news->addrs, kernel->ways.addrs, sizeof(news->addrs));
		memcpy(news->routes, kernel->ways.routes, sizeof(news->routes));
	}
	if (kernel->heard_count - reading->heard > HEARD_MAX)
		reading->heard = kernel->heard_count - HEARD_MAX;
	news->neighbour_count = 0;
	while (reading->heard != kernel->heard_count &&
	       news->neighbour_count < VLY_LINK_NEIGHBOURS_MAX)
		news->neighbours[news->neighbour_count++] =
			kernel->heard[reading->heard++ % HEARD_MAX];
}

bool vly_dpdk_kernel_news(struct vly_dpdk_kernel *kernel, uint32_t queue,
			  struct vly_link_news *news)
{
	struct reading *reading = &kernel->readings[queue];

	if (pthread_mutex_trylock(&kernel->lock))
		return false;
	copy_news(kernel, reading, news);
	news->is_all = reading->heard == kernel->heard_count;
	pthread_mutex_unlock(&kernel->lock);
	return true;
}

void vly_dpdk_kernel_seek(struct vly_dpdk_kernel *kernel, uint32_t queue, const uint8_t *ip)
{
	struct seeks *seeks = &kernel->seeks[queue];
	uint32_t head = atomic_load_explicit(&seeks->head, memory_order_relaxed);

	// No room: the stack asks again in a second.
	if (head - atomic_load_explicit(&seeks->tail, memory_order_acquire) == SEEKS_MAX)
		return;
	memcpy(seeks->ips[head % SEEKS_MAX], ip, IP_BYTES);
	atomic_store_explicit(&seeks->head, head + 1, memory_order_release);
	wake(kernel);
}
