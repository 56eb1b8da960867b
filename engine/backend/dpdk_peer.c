// SPDX-License-Identifier: BSD-3-Clause
//
// The other side of a virtio or memif pair, which may die and come back. DPDK takes a new peer in
// by itself, or when it is asked for the link's state. While there is none, what is sent is given
// up and counted: it must neither stop the engine nor reach the next peer, minutes old.
#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_cycles.h>

#include "backend/dpdk_private.h"
#include "core/clock.h"
#include "core/fail.h"

enum {
	// Until a memif pair that was started again should be joined.
	RESTART_SECONDS = 1,
	// Asking virtio-user is a system call, and may take a connection in.
	ASKS_PER_SECOND = 50,
	TELL_EVERY_S = 1,
	NS_A_SECOND = 1000000000,
};

static bool may_lose_peer(const struct vly_backend_port *port)
{
	return port->plan.device.id == VLY_DPDK_VIRTIO_USER ||
	       port->plan.device.id == VLY_DPDK_VHOST_USER ||
	       port->plan.device.id == VLY_DPDK_MEMIF;
}

// --- a memif client whose server is back --------------------------------------------------------

// A memif client connects when it is started, and only then. So it is stopped and started, on the
// thread that DPDK has for memif's control messages (see vly_dpdk_shut()). Meanwhile no queue's
// thread may be in a burst: each says so when it next comes by idle or refused, as all do that
// have no peer, and comes in by the long way until it is over.
static void restart(void *arg)
{
	struct vly_backend_port *port = arg;

	rte_eth_dev_stop(port->port_id);
	port->is_started = rte_eth_dev_start(port->port_id) == 0;
	if (!port->is_started) { // gone again: the queues stay away, and queue 0 tries once more
		atomic_store_explicit(&port->pause, VLY_DPDK_PAUSE_WANTED, memory_order_release);
		return;
	}
	atomic_store_explicit(&port->pause, VLY_DPDK_PAUSE_NONE, memory_order_release);
}

static bool may_restart(const struct vly_backend_port *port)
{
	return port->plan.device.id == VLY_DPDK_MEMIF && !port->plan.device.serves &&
	       vly_dpdk_device_knock(port->plan.device.target) == -EPROTOTYPE;
}

static void begin_pause(struct vly_backend_port *port)
{
	atomic_store_explicit(&port->paused, 0, memory_order_relaxed);
	atomic_fetch_add_explicit(&port->pauses, 1, memory_order_relaxed);
	atomic_store_explicit(&port->pause, VLY_DPDK_PAUSE_WANTED, memory_order_release);
}

// Queue 0's thread, at times, while the queues pause.
static void begin_restart(struct vly_backend_port *port, uint64_t tsc)
{
	if (tsc < port->peer_tsc ||
	    atomic_load_explicit(&port->pause, memory_order_acquire) != VLY_DPDK_PAUSE_WANTED ||
	    atomic_load_explicit(&port->paused, memory_order_acquire) != port->queue_count)
		return;
	port->peer_tsc = tsc + rte_get_tsc_hz() / ASKS_PER_SECOND;
	if (!may_restart(port))
		return;
	port->peer_tsc = tsc + rte_get_tsc_hz() * RESTART_SECONDS;
	atomic_store_explicit(&port->pause, VLY_DPDK_PAUSE_RESTART, memory_order_release);
	if (rte_eal_alarm_set(1, restart, port))
		atomic_store_explicit(&port->pause, VLY_DPDK_PAUSE_WANTED, memory_order_release);
}

bool vly_dpdk_peer_pause(struct vly_backend_queue *queue)
{
	struct vly_backend_port *port = queue->port;
	uint32_t pauses;

	if (!vly_dpdk_peer_pauses(port))
		return false;
	pauses = atomic_load_explicit(&port->pauses, memory_order_relaxed);
	if (queue->pause != pauses)
		atomic_fetch_add_explicit(&port->paused, 1, memory_order_release);
	queue->pause = pauses;
	if (queue->index == 0)
		begin_restart(port, rte_rdtsc());
	return true;
}

// --- any peer -----------------------------------------------------------------------------------

void vly_dpdk_peer_look(struct vly_backend_queue *queue, uint64_t tsc)
{
	struct vly_backend_port *port = queue->port;
	struct rte_eth_link link = {.link_status = 0};

	if (queue->index != 0 || !may_lose_peer(port) || tsc < port->peer_tsc)
		return;
	port->peer_tsc = tsc + rte_get_tsc_hz() / ASKS_PER_SECOND;
	if (rte_eth_link_get_nowait(port->port_id, &link))
		return;
	if (link.link_status)
		atomic_store_explicit(&port->peer, VLY_DPDK_PEER_HERE, memory_order_relaxed);
	else if (atomic_load_explicit(&port->peer, memory_order_relaxed) == VLY_DPDK_PEER_HERE)
		atomic_store_explicit(&port->peer, VLY_DPDK_PEER_GONE, memory_order_relaxed);
	else if (atomic_load_explicit(&port->peer, memory_order_relaxed) == VLY_DPDK_PEER_GONE &&
		 may_restart(port))
		begin_pause(port);
}

uint32_t vly_dpdk_peer_refused(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			       uint32_t count)
{
	if (queue->is_open)
		vly_dpdk_peer_look(queue, rte_rdtsc());
	queue->is_open &= !vly_dpdk_peer_pauses(queue->port);
	if (atomic_load_explicit(&queue->port->peer, memory_order_relaxed) != VLY_DPDK_PEER_GONE)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		vly_count_frame_drop(queue->ledger, dgrams[i], VLY_DROP_TX_FULL);
	vly_dpdk_release_burst(queue, dgrams, count);
	return count;
}

void vly_dpdk_peer_watch(struct vly_backend_port *port, const struct vly_log *alerts)
{
	uint64_t tsc = rte_rdtsc();
	uint32_t errors;
	char said[160];

	if (port->plan.device.id != VLY_DPDK_VHOST_USER ||
	    tsc - port->told_tsc < rte_get_tsc_hz() * TELL_EVERY_S)
		return;
	errors = vly_dpdk_log_take(&port->eal->log, said, sizeof(said));
	if (!errors)
		return;
	port->told_tsc = tsc;
	vly_log_line(alerts,
		     "dpdk: vhost-user:%s has trouble with a peer: %s (%u errors since the last "
		     "line; -o log=error shows all)",
		     port->plan.device.target, said, errors);
}

// Who comes, says nothing and goes is no vhost peer: the driver gives up.
static void come_and_go(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, strnlen(path, sizeof(address.sun_path) - 1));
	if (fd < 0)
		return;
	(void)connect(fd, (const struct sockaddr *)&address, sizeof(address));
	close(fd);
}

static void *wait_for_peer(void *arg)
{
	struct vly_dpdk_patience *patience = arg;
	uint64_t end_ns = vly_clock_ns() + patience->plan->options.wait_ns;
	const struct timespec end = {
		.tv_sec = (time_t)(end_ns / NS_A_SECOND),
		.tv_nsec = (long)(end_ns % NS_A_SECOND),
	};
	int rc;

	do {
		rc = sem_clockwait(&patience->done, CLOCK_MONOTONIC, &end);
	} while (rc && errno == EINTR);
	patience->is_over = rc != 0;
	if (rc)
		come_and_go(patience->plan->device.target);
	return NULL;
}

void vly_dpdk_patience_begin(struct vly_dpdk_patience *patience, const struct vly_dpdk_plan *plan)
{
	*patience = (struct vly_dpdk_patience){.plan = plan};
	if (plan->device.id != VLY_DPDK_VIRTIO_USER || !plan->device.serves)
		return;
	sem_init(&patience->done, 0, 0);
	patience->is_waiting =
		pthread_create(&patience->thread, NULL, wait_for_peer, patience) == 0;
}

bool vly_dpdk_patience_end(struct vly_dpdk_patience *patience)
{
	if (!patience->is_waiting)
		return false;
	sem_post(&patience->done);
	pthread_join(patience->thread, NULL);
	sem_destroy(&patience->done);
	return patience->is_over;
}

static void shut(struct vly_backend_port *port)
{
	if (port->is_started)
		rte_eth_dev_stop(port->port_id);
	rte_eth_dev_close(port->port_id);
}

// What another thread does for us while we wait.
struct errand {
	struct vly_backend_port *port;
	sem_t done;
};

static void run_errand(void *arg)
{
	struct errand *errand = arg;

	shut(errand->port);
	sem_post(&errand->done);
}

void vly_dpdk_shut(struct vly_backend_port *port)
{
	struct errand errand = {.port = port};

	if (port->plan.device.id != VLY_DPDK_MEMIF) {
		shut(port);
		return;
	}
	rte_eal_alarm_cancel(restart, port);
	// memif takes a device down from DPDK's interrupt thread as well, when its peer goes, and
	// has no lock against itself: two ends that close at a time would free things twice.
	// Alarms run on that thread.
	sem_init(&errand.done, 0, 0);
	if (rte_eal_alarm_set(1, run_errand, &errand))
		shut(port);
	else
		while (sem_wait(&errand.done))
			;
	sem_destroy(&errand.done);
}
