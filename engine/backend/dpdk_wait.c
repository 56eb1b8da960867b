// SPDX-License-Identifier: BSD-3-Clause
//
// Waiting for frames instead of polling for them, where a driver lets one:
//
// - af_xdp and af_packet stand on sockets of the kernel, which can be waited for as any other;
// - both ends of a virtio pair have a file descriptor for each queue, and write to it if the other
//   side has asked to be told (DPDK's receive interrupts, rte_eth_dev_rx_intr_enable()). What came
//   between the last poll and the asking would not be told of: so one polls again after it, and
//   holds what was there for the next burst.
//
// The others (memif, pcap, cards) can only be polled, and so can a pair without a peer.
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "backend/dpdk_private.h"
#include "core/fail.h"

enum {
	NS_A_SECOND = 1000000000,
	NEWS_WAIT_NS = 5000000, // what another thread learns of neighbours wakes nobody
	ASKS_PER_SECOND = 50,   // for the descriptor of a pair: DPDK logs each time there is none
};

int vly_dpdk_wait_open(struct vly_backend_port *port, struct vly_error *error)
{
	for (uint32_t i = 0; i < port->queue_count; i++) {
		port->queues[i].wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (port->queues[i].wake_fd < 0)
			return vly_fail(error, -errno,
					"dpdk: no more file descriptors; raise: ulimit -n");
	}
	return 0;
}

void vly_dpdk_wait_close(struct vly_backend_port *port)
{
	for (uint32_t i = 0; i < port->queue_count; i++) {
		if (port->queues[i].wake_fd > 0)
			close(port->queues[i].wake_fd);
	}
}

void vly_dpdk_wake(struct vly_backend_queue *queue)
{
	uint64_t one = 1;

	if (write(queue->wake_fd, &one, sizeof(one)) < 0)
		return; // it is full of wakes already
}

static void empty(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return; // another has been quicker
}

// Waits for input on fd, or a wake.
static void sleep_on(const struct vly_backend_queue *queue, int fd, bool is_event,
		     uint64_t timeout_ns)
{
	const struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / NS_A_SECOND),
					 .tv_nsec = (long)(timeout_ns % NS_A_SECOND)};
	struct pollfd fds[] = {{.fd = queue->wake_fd, .events = POLLIN},
			       {.fd = fd, .events = POLLIN}};

	if (ppoll(fds, RTE_DIM(fds), &timeout, NULL) <= 0)
		return;
	if (fds[0].revents)
		empty(fds[0].fd);
	if (fds[1].revents && is_event)
		empty(fds[1].fd);
}

// The descriptor of a pair's queue; -1 while there is none.
static int interrupt_fd(struct vly_backend_queue *queue)
{
	uint64_t tsc = rte_rdtsc();
	int fd;

	if (tsc < queue->wait_tsc)
		return -1;
	fd = rte_eth_dev_rx_intr_ctl_q_get_fd(queue->port_id, queue->index);
	if (fd < 0)
		queue->wait_tsc = tsc + rte_get_tsc_hz() / ASKS_PER_SECOND;
	return fd;
}

static int wait_for_interrupt(struct vly_backend_queue *queue, uint64_t timeout_ns)
{
	int fd = interrupt_fd(queue);

	if (fd < 0 || rte_eth_dev_rx_intr_enable(queue->port_id, queue->index))
		return -ENOTSUP;
	queue->held_count = rte_eth_rx_burst(queue->port_id, queue->index, queue->held,
					     (uint16_t)RTE_DIM(queue->held));
	if (!queue->held_count)
		sleep_on(queue, fd, true, timeout_ns);
	rte_eth_dev_rx_intr_disable(queue->port_id, queue->index);
	return 0;
}

int vly_dpdk_wait(struct vly_backend_queue *queue, uint64_t timeout_ns)
{
	const struct vly_dpdk_sockets *sockets = &queue->port->sockets;

	if (queue->held_count)
		return 0;
	if (queue->port->plan.share.kernel || queue->port->queue_count > 1)
		timeout_ns = RTE_MIN(timeout_ns, (uint64_t)NEWS_WAIT_NS);
	if (queue->port->plan.device.kind->interrupts)
		return wait_for_interrupt(queue, timeout_ns);
	if (!sockets->count || sockets->count != queue->port->queue_count)
		return -ENOTSUP;
	sleep_on(queue, sockets->fds[queue->index], false, timeout_ns); // in the queues' order
	return 0;
}
