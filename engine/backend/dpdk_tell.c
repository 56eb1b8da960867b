// SPDX-License-Identifier: BSD-3-Clause
//
// What a user should know of a port that has been opened, by the kind of its device.
#include "backend/dpdk_private.h"
#include "core/fail.h"

static const char *device_name(const struct vly_backend_port *port)
{
	return port->plan.device.kind->word;
}

static void tell_jumbo(const struct vly_backend_port *port, const struct vly_log *log)
{
	if (port->plan.whole_room)
		vly_log_line(
			log,
			"dpdk: jumbo frames come in chains of %u bytes a buffer, copied together",
			port->plan.data_room - RTE_PKTMBUF_HEADROOM);
	else if (port->plan.data_room > RTE_MBUF_DEFAULT_BUF_SIZE)
		vly_log_line(log, "dpdk: jumbo frames have buffers of %u bytes, without a copy",
			     port->plan.data_room - RTE_PKTMBUF_HEADROOM);
}

static void tell_share(const struct vly_backend_port *port, const struct vly_log *log)
{
	const struct vly_dpdk_ways *ways;

	if (!port->plan.share.is_on)
		return;
	ways = vly_dpdk_kernel_ways(port->plan.share.kernel);
	vly_log_line(log,
		     "dpdk: %s stays the kernel's but for UDP to our ports: addresses, routes "
		     "and neighbours are its",
		     port->plan.device.target);
	if (ways->routes_left_out)
		vly_log_line(log,
			     "dpdk: %s has more than the %u routes that are followed: %u are not, "
			     "and what goes there takes a wider one or is dropped as tx_no_route; "
			     "sum them up, or use -b uring",
			     port->plan.device.target, VLY_ROUTES_MAX, ways->routes_left_out);
}

bool vly_dpdk_kind_is_polled(const struct vly_dpdk_kind *kind)
{
	return !kind->interrupts && !kind->has_interface;
}

static void tell_polling(const struct vly_backend_port *port, const struct vly_log *log)
{
	if (vly_dpdk_kind_is_polled(port->plan.device.kind))
		vly_log_line(log,
			     "dpdk: %s wakes nobody: an idle engine asks it ever more seldom, and "
			     "is late by a sixteenth of the silence before, at most 2 ms; --idle "
			     "busy is never late",
			     device_name(port));
}

static void tell_link(const struct vly_backend_port *port, const struct vly_log *log)
{
	struct rte_eth_link link = {.link_status = 0};

	if (port->link.partial_checksums)
		vly_log_line(log,
			     "dpdk: %s is a veth: UDP checksums that its peer has left to a card "
			     "are taken as good",
			     port->plan.device.target);
	if (rte_eth_link_get_nowait(port->port_id, &link) == 0 && !link.link_status)
		vly_log_line(log, "dpdk: %s: the link is down, waiting for the other side",
			     device_name(port));
}

static void tell_peer(const struct vly_backend_port *port, const struct vly_log *log)
{
	if (port->plan.device.id != VLY_DPDK_VIRTIO_USER || port->plan.device.serves)
		return;
	vly_log_line(log,
		     port->plan.relay.path[0]
			     ? "dpdk: if the server of %s ends, what is sent counts as tx_full "
			       "until it is back"
			     : "dpdk: if the server of %s ends, what is sent counts as tx_full "
			       "until this process is started again",
		     port->plan.device.target);
}

void vly_dpdk_tell(const struct vly_backend_port *port, const struct vly_log *log)
{
	tell_jumbo(port, log);
	tell_link(port, log);
	tell_share(port, log);
	tell_polling(port, log);
	tell_peer(port, log);
}
