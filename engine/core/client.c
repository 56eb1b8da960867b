// SPDX-License-Identifier: BSD-3-Clause
//
// A client's life, and its waiting.
#include "core/client_match.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fail.h"

enum {
	WAIT_MOST_NS = 50000000,  // one sleep: the stack has timers of its own
	SHARED_MOST_NS = 1000000, // and another thread may have taken what this one waits for
	LINGER_NS = 100000000,    // for what still waits inside when a client closes
	NS_OF_S = 1000000000,
	FDS_MAX = VLY_LISTENS_MAX + 1,
	NS_OF_MS = 1000000,
};

// --- opening and closing ------------------------------------------------------------------------

// The ring of uring belongs to one thread, if it is not told otherwise, which only its own name can
// say: so `auto` takes none.
static int open_port(struct vly_client *client, const struct vly_client_config *config,
		     struct vly_error *error)
{
	const char *options[VLY_KEYS_MAX];
	struct vly_port_config port = config->port;

	port.queues = 1;
	if (config->shared && (!port.backend || strcmp(port.backend, "auto") == 0))
		port.backend = port.device ? "dpdk" : "socket";
	if (config->shared && port.backend && strcmp(port.backend, "uring") == 0) {
		if (port.option_count == VLY_KEYS_MAX)
			return vly_fail(error, -EINVAL, "more than %d options", VLY_KEYS_MAX - 1);
		for (uint32_t i = 0; i < port.option_count; i++)
			options[i] = port.options[i];
		options[port.option_count++] = "shared=on";
		port.options = options;
	}
	return vly_port_open(&client->port, &port, error);
}

int vly_client_open(struct vly_client **client, const struct vly_client_config *config,
		    struct vly_error *error)
{
	struct vly_client *opened;
	int rc = vly_match_check(&config->match, error);

	if (rc)
		return rc;
	opened = calloc(1, sizeof(*opened));
	if (!opened)
		return vly_fail(error, -ENOMEM, "out of memory");
	rc = open_port(opened, config, error);
	if (rc) {
		free(opened);
		return rc;
	}
	opened->queue = vly_port_queue(opened->port, 0);
	opened->shared = config->shared;
	opened->match = config->match;
	opened->idler.mode = config->idle;
	opened->due_ns = UINT64_MAX;
	opened->epoll_fd = -1;
	opened->held_fd = -1;
	pthread_mutex_init(&opened->lock, NULL);
	*client = opened;
	return 0;
}

static void release_held(struct vly_client *client)
{
	for (uint32_t i = 0; i < client->held_count; i++)
		client->held[client->held_first + i]->fate = VLY_FATE_RELEASE;
	vly_release_burst(client->queue, client->held + client->held_first, client->held_count);
	client->held_count = 0;
}

// What was sent last may wait for the wire, or for a neighbour that has to be asked for.
static void linger(struct vly_client *client)
{
	uint64_t now_ns = vly_clock_ns();
	uint64_t end_ns = now_ns + LINGER_NS;

	release_held(client);
	while (vly_queue_flush(client->queue, now_ns) > 0 && now_ns < end_ns) {
		vly_client_rest(client, vly_client_fill(client, now_ns), now_ns, end_ns);
		release_held(client);
		now_ns = vly_clock_ns();
	}
	vly_queue_abandon(client->queue, now_ns);
}

void vly_client_close(struct vly_client *client)
{
	if (!client)
		return;
	vly_client_cancel_all(client);
	linger(client);
	vly_port_close(client->port);
	if (client->epoll_fd >= 0)
		close(client->epoll_fd);
	if (client->held_fd >= 0)
		close(client->held_fd);
	pthread_mutex_destroy(&client->lock);
	free(client);
}

const struct vly_port *vly_client_port(const struct vly_client *client)
{
	return client->port;
}

struct vly_queue *vly_client_queue(struct vly_client *client)
{
	return client->queue;
}

void vly_client_read_counts(struct vly_client *client, struct vly_client_counts *counts)
{
	vly_client_lock(client);
	*counts = client->counts;
	counts->refused = atomic_load_explicit(&client->queue->ledger->dropped[VLY_DROP_RX_REFUSED],
					       memory_order_relaxed);
	vly_client_unlock(client);
}

// --- the descriptor -----------------------------------------------------------------------------

static int watch(int epoll_fd, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int make_fd(struct vly_client *client)
{
	int fds[FDS_MAX];
	uint32_t count;

	if (!client->queue->backend->fds)
		return -ENOTSUP;
	client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	client->held_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (client->epoll_fd < 0 || client->held_fd < 0)
		return -EMFILE;
	count = client->queue->backend->fds(client->queue->inner, fds, FDS_MAX);
	for (uint32_t i = 0; i < count; i++) {
		int rc = watch(client->epoll_fd, fds[i]);

		if (rc)
			return rc;
	}
	return watch(client->epoll_fd, client->held_fd);
}

int vly_client_fd(struct vly_client *client)
{
	int fd;

	vly_client_lock(client);
	fd = client->epoll_fd;
	if (fd < 0) {
		int rc;

		vly_client_fill(client, vly_clock_ns());
		rc = make_fd(client);

		fd = rc ? rc : client->epoll_fd;
		if (rc && client->epoll_fd >= 0) {
			close(client->epoll_fd);
			client->epoll_fd = -1;
		}
		client->is_dry = false;
		vly_client_mark(client);
	}
	vly_client_unlock(client);
	return fd;
}

void vly_client_mark(struct vly_client *client)
{
	uint64_t count = 1;
	bool has_more;

	if (client->epoll_fd < 0)
		return;
	// The backend's descriptors tell only of what comes after a burst that found nothing.
	if (!client->is_dry)
		vly_client_fill(client, vly_clock_ns());
	has_more = client->held_count > 0;
	if (has_more == client->is_marked)
		return;
	if (has_more ? write(client->held_fd, &count, sizeof(count)) > 0
		     : read(client->held_fd, &count, sizeof(count)) > 0)
		client->is_marked = has_more;
}

// --- waiting ------------------------------------------------------------------------------------

uint32_t vly_client_fill(struct vly_client *client, uint64_t now_ns)
{
	if (client->held_count)
		return client->held_count;
	client->held_first = 0;
	client->held_count = vly_rx_burst(client->queue, client->held, VLY_BURST_MAX, now_ns);
	client->is_dry = client->held_count == 0;
	return client->held_count;
}

static void nap(uint64_t ns)
{
	struct timespec time = {.tv_sec = (time_t)(ns / NS_OF_S), .tv_nsec = (long)(ns % NS_OF_S)};

	nanosleep(&time, NULL);
}

// Without the lock: others may send meanwhile, or take what comes.
static void sleep_shared(struct vly_client *client, uint64_t now_ns, uint64_t left_ns)
{
	struct pollfd fds[FDS_MAX];
	int list[FDS_MAX];
	uint64_t nap_ns = vly_idler_nap_ns(&client->idler, now_ns);
	uint64_t most_ns = client->flying_count ? SHARED_MOST_NS : WAIT_MOST_NS;
	uint32_t count = 0;

	if (client->queue->backend->fds)
		count = client->queue->backend->fds(client->queue->inner, list, FDS_MAX);
	for (uint32_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){.fd = list[i], .events = POLLIN};
	left_ns = left_ns < most_ns ? left_ns : most_ns;
	vly_client_unlock(client);
	if (count)
		poll(fds, count, (int)((left_ns + NS_OF_MS - 1) / NS_OF_MS));
	else
		nap(left_ns < nap_ns ? left_ns : nap_ns);
	vly_client_lock(client);
}

static void sleep_alone(struct vly_client *client, uint64_t now_ns, uint64_t left_ns)
{
	uint64_t nap_ns = vly_idler_nap_ns(&client->idler, now_ns);

	left_ns = left_ns < WAIT_MOST_NS ? left_ns : WAIT_MOST_NS;
	if (vly_queue_wait(client->queue, left_ns) == -ENOTSUP)
		nap(left_ns < nap_ns ? left_ns : nap_ns);
}

void vly_client_rest(struct vly_client *client, uint32_t work, uint64_t now_ns, uint64_t until_ns)
{
	switch (vly_idler_next(&client->idler, work, VLY_BURST_MAX, now_ns)) {
	case VLY_IDLE_STEP_NONE:
		break;
	case VLY_IDLE_STEP_SPIN:
		vly_pause();
		break;
	case VLY_IDLE_STEP_YIELD:
		vly_idler_yield(&client->idler);
		break;
	case VLY_IDLE_STEP_SLEEP:
		if (vly_queue_flush(client->queue, now_ns) > 0 && until_ns > now_ns + NS_OF_MS)
			until_ns = now_ns + NS_OF_MS;
		if (client->shared)
			sleep_shared(client, now_ns, until_ns - now_ns);
		else
			sleep_alone(client, now_ns, until_ns - now_ns);
		break;
	}
	if (client->shared && atomic_load_explicit(&client->waiting, memory_order_relaxed)) {
		vly_client_unlock(client);
		sched_yield();
		vly_client_lock(client);
	}
}

bool vly_client_await(struct vly_client *client, uint64_t deadline_ns)
{
	for (;;) {
		uint64_t now_ns = vly_clock_ns();

		if (vly_client_fill(client, now_ns))
			return true;
		if (now_ns >= deadline_ns)
			return false;
		vly_client_rest(client, 0, now_ns, deadline_ns);
	}
}
