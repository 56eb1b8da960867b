// SPDX-License-Identifier: BSD-3-Clause
//
// Opening and closing, and the dpdk backend's table.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "backend/backends.h"
#include "backend/dpdk_private.h"
#include "core/fail.h"

enum {
	NAMES_MAX = RTE_MAX_ETHPORTS,
	FOLDS_PER_SECOND = 1000,
	BUFFERS_MIN = 512,
	// The driver begins by giving the kernel 2048 of them.
	XDP_BUFFERS_MIN = 2560,
	DATA_ROOM_MIN = RTE_MBUF_DEFAULT_BUF_SIZE,
	WHOLES_SHARE = 8, // buffers for each one of a whole frame
	// Ethernet with two tags, and the header that virtio lets precede it in one buffer.
	FRAME_EXTRA = 64,
	// An XDP socket's frame with all that DPDK keeps beside it has to fit one page.
	XDP_MTU_MAX = 3300,
	// The packet socket's driver says so.
	PACKET_MTU_MAX = 1500,
};

// AF_XDP receives at the queues that it has sockets for, and at no other.
static void tell_deaf_queues(const struct vly_dpdk_plan *plan, uint32_t max,
			     const struct vly_log *log)
{
	const char *interface = plan->device.target;
	uint32_t all = vly_dpdk_device_rx_queues(&plan->device);

	if (all <= plan->queues)
		return;
	if (all > max)
		vly_log_line(log,
			     "dpdk: %s has %u queues to receive by, apart from those to send by, "
			     "and DPDK's driver takes the first: what arrives at the others is not "
			     "ours; run here and, for a veth, at its other end: ethtool -L %s rx 1 "
			     "tx 1",
			     interface, all, interface);
	else
		vly_log_line(log,
			     "dpdk: %s has %u queues, and what arrives at those after the first %u "
			     "is not ours; give -q %u, or run: ethtool -L %s combined %u",
			     interface, all, plan->queues, all, interface, plan->queues);
}

static void plan_queues(struct vly_dpdk_plan *plan, const struct vly_port_config *config,
			const struct vly_log *log)
{
	uint32_t max = vly_dpdk_device_queues(&plan->device);

	plan->queues = config->queues ? config->queues : 1;
	if (plan->queues > max) {
		vly_log_line(log,
			     "dpdk: %s has %u of the %u queues asked for; \"ethtool -L %s "
			     "combined %u\" may make more, where it has combined ones",
			     plan->device.target, max, plan->queues, plan->device.target,
			     plan->queues);
		plan->queues = max;
	}
	if (plan->device.id == VLY_DPDK_AF_XDP)
		tell_deaf_queues(plan, max, log);
	if (plan->queues > 1 && plan->device.id == VLY_DPDK_VIRTIO_USER)
		vly_log_line(log, "dpdk: the server of %s must have %u queues, too",
			     plan->device.target, plan->queues);
}

static int plan_sizes(struct vly_dpdk_plan *plan, const struct vly_port_config *config,
		      const struct vly_log *log, struct vly_error *error)
{
	uint32_t wire = vly_dpdk_device_mtu(&plan->device);
	uint32_t room;
	uint32_t least;

	plan_queues(plan, config, log);
	plan->mtu = config->mtu ? config->mtu : VLY_MTU_DEFAULT;
	plan->vlan = config->vlan;
	if (wire && (plan->mtu > wire || !config->mtu)) {
		if (config->mtu)
			vly_log_line(log, "dpdk: %s carries %u bytes, not an MTU of %u",
				     plan->device.target, wire, plan->mtu);
		plan->mtu = wire;
	}
	if (plan->device.id == VLY_DPDK_AF_XDP && plan->mtu > XDP_MTU_MAX)
		plan->mtu = XDP_MTU_MAX;
	if (plan->device.id == VLY_DPDK_AF_PACKET && plan->mtu > PACKET_MTU_MAX)
		plan->mtu = PACKET_MTU_MAX;
	if (plan->mtu < 576 || plan->mtu > VLY_DPDK_MTU_MAX)
		return vly_fail(error, -EINVAL, "dpdk: an MTU of %u; give 576 to %u", plan->mtu,
				VLY_DPDK_MTU_MAX);
	room = RTE_ALIGN_CEIL(VLY_DPDK_LEAD + plan->mtu + FRAME_EXTRA,
			      (uint32_t)RTE_CACHE_LINE_SIZE);
	plan->data_room = (uint16_t)RTE_MAX(room, (uint32_t)DATA_ROOM_MIN);
	if (plan->options.scatter == VLY_DPDK_ON && plan->data_room > DATA_ROOM_MIN) {
		plan->whole_room = plan->data_room;
		plan->data_room = DATA_ROOM_MIN;
	}
	plan->buffers = config->buffers ? config->buffers : VLY_DPDK_BUFFERS;
	least = plan->device.id == VLY_DPDK_AF_XDP ? XDP_BUFFERS_MIN : BUFFERS_MIN;
	if (plan->buffers < least)
		return vly_fail(error, -EINVAL,
				"dpdk: %u buffers are too few for receive and "
				"transmit rings; give at least %u",
				plan->buffers, least);
	plan->wholes = (plan->buffers + 1) / WHOLES_SHARE - 1;
	// Both rings may be full, and there must be something left to work with.
	while (plan->options.descriptors * 4u > plan->buffers + 1)
		plan->options.descriptors /= 2;
	return 0;
}

static int make_plan(struct vly_dpdk_plan *plan, const struct vly_port_config *config,
		     const union vly_value *values, struct vly_error *error)
{
	int rc = vly_dpdk_device_parse(&plan->device, config->device, error);

	if (!rc)
		rc = vly_dpdk_options_read(&plan->options, values, error);
	if (!rc)
		rc = vly_dpdk_device_check(&plan->device, &plan->options, error);
	if (!rc)
		rc = plan_sizes(plan, config, &config->log, error);
	if (!rc)
		rc = vly_dpdk_share_open(&plan->share, plan, config, error);
	if (rc)
		return rc;
	if (plan->device.kind->mac == VLY_DPDK_MAC_FIXED && plan->options.has_mac)
		return vly_fail(error, -EINVAL,
				"dpdk: %s:%s has the interface's MAC address; set "
				"it with: ip link set %s address MAC",
				plan->device.kind->word, plan->device.target, plan->device.target);
	if (!plan->options.has_mac)
		vly_dpdk_device_mac(&plan->device, plan->options.mac);
	return 0;
}

// A name that no device of this process has: the driver's and a number.
static int choose_name(struct vly_backend_port *port, struct vly_error *error)
{
	const struct vly_dpdk_device *device = &port->plan.device;
	uint16_t port_id;

	if (!device->kind->driver) {
		if (strlen(device->target) >= sizeof(port->name))
			return vly_fail(error, -EINVAL, "dpdk: \"%.60s\" is too long a name",
					device->target);
		strcpy(port->name, device->target);
		return 0;
	}
	for (uint32_t i = 0; i < NAMES_MAX; i++) {
		snprintf(port->name, sizeof(port->name), "%s%u", device->kind->driver, i);
		if (rte_eth_dev_get_port_by_name(port->name, &port_id))
			return 0;
	}
	return vly_fail(error, -ENFILE, "dpdk: %u devices are open; close some", NAMES_MAX);
}

static int plug(struct vly_backend_port *port, const struct vly_log *log, struct vly_error *error)
{
	const struct vly_dpdk_device *device = &port->plan.device;
	struct vly_dpdk_patience patience;
	struct vly_dpdk_capture capture;
	char args[VLY_DPDK_ARGS_BYTES];
	bool is_late;
	bool is_pci = device->id == VLY_DPDK_PCI;
	int rc = choose_name(port, error);

	if (!rc)
		rc = vly_dpdk_devargs(args, sizeof(args), &port->plan, error);
	if (rc)
		return rc;
	if (!is_pci && rte_eth_dev_get_port_by_name(port->name, &port->port_id) == 0)
		return vly_fail(error, -EBUSY, "dpdk: %s:%s is open in this process already",
				device->kind->word, device->target);
	if (device->id == VLY_DPDK_VIRTIO_USER && device->serves)
		vly_log_line(log, "dpdk: waiting for the first vhost client of %s", device->target);
	vly_dpdk_capture_begin(&capture, &port->eal->log);
	vly_dpdk_patience_begin(&patience, &port->plan);
	rc = rte_eal_hotplug_add(is_pci ? "pci" : "vdev", port->name, args);
	is_late = vly_dpdk_patience_end(&patience);
	vly_dpdk_capture_end(&capture);
	if (rc && is_late) {
		unlink(device->target);
		return vly_fail(error, -ETIMEDOUT,
				"dpdk: %s:%s: nobody came to this socket; start the other end, "
				"such as vhost-user:%s -o server=off, within -o wait=SECONDS",
				device->kind->word, device->target, device->target);
	}
	// What was allowed at DPDK's start is there already.
	if (rc && !(is_pci && rc == -EEXIST))
		return rc;
	if (rte_eth_dev_get_port_by_name(port->name, &port->port_id)) {
		rte_eal_hotplug_remove(is_pci ? "pci" : "vdev", port->name);
		return -ENODEV;
	}
	port->has_port = true;
	return 0;
}

static void init_queues(struct vly_backend_port *port, struct vly_ledger_block *const *ledgers)
{
	struct rte_mempool_cache *cache;

	for (uint32_t i = 0; i < port->queue_count; i++) {
		port->queues[i].port_id = port->port_id;
		port->queues[i].index = (uint16_t)i;
		port->queues[i].offloads = port->link.offloads_tx || port->link.tags;
		port->queues[i].vlan = port->plan.vlan;
		port->queues[i].tag_flags = port->link.tags ? RTE_MBUF_F_TX_VLAN : 0;
		port->queues[i].pool = port->pools[i];
		port->queues[i].wholes = port->wholes[i];
		port->queues[i].ledger = ledgers[i];
		port->queues[i].port = port;
		// Filling the rings left buffers in this thread's cache, where nobody looks.
		cache = rte_mempool_default_cache(port->pools[i], rte_lcore_id());
		rte_mempool_cache_flush(cache, port->pools[i]);
	}
	port->fold_cycles = rte_get_tsc_hz() / FOLDS_PER_SECOND;
	rte_eth_stats_get(port->port_id, &port->seen);
}

static void unplug(struct vly_backend_port *port)
{
	struct vly_dpdk_capture capture;

	if (port->has_port) {
		vly_dpdk_capture_begin(&capture, &port->eal->log);
		if (port->is_started)
			vly_dpdk_fold(port);
		vly_dpdk_shut(port);
		rte_eal_hotplug_remove(port->plan.device.id == VLY_DPDK_PCI ? "pci" : "vdev",
				       port->name);
		vly_dpdk_capture_end(&capture);
	}
	vly_dpdk_relay_close(&port->plan.relay);
	vly_dpdk_wait_close(port);
	for (uint32_t i = 0; i < VLY_QUEUES_MAX; i++) {
		rte_mempool_free(port->pools[i]);
		rte_mempool_free(port->wholes[i]);
	}
}

// The line of a failure that DPDK has the words for.
static int explain(const struct vly_backend_port *port, int rc, struct vly_error *error)
{
	char said[160];

	vly_dpdk_log_cause(&port->eal->log, said, sizeof(said));
	rc = vly_dpdk_device_explain(&port->plan.device, said, error);
	return rc;
}

static int dpdk_open(struct vly_backend_port **out, const struct vly_port_config *config,
		     const union vly_value *values, struct vly_ledger_block *const *ledgers,
		     struct vly_error *error)
{
	struct vly_backend_port *port =
		aligned_alloc(_Alignof(struct vly_backend_port), sizeof(struct vly_backend_port));
	struct vly_error line = {""};
	int rc;

	if (!port)
		return vly_fail(error, -ENOMEM, "out of memory");
	memset(port, 0, sizeof(*port));
	vly_dpdk_share_init(&port->plan.share);
	rc = make_plan(&port->plan, config, values, error);
	if (!rc)
		rc = vly_dpdk_eal_start(&port->eal, &port->plan, error);
	if (rc)
		goto err_free;
	vly_dpdk_sockets_before(&port->sockets, port->plan.device.id);
	rc = vly_dpdk_relay_open(&port->plan.relay, &port->plan, &line);
	if (!rc)
		rc = plug(port, &config->log, &line);
	if (!rc)
		rc = vly_dpdk_setup(port, &config->log, &line);
	if (vly_dpdk_relay_verify(&port->plan.relay, &line))
		rc = -EPROTO;
	if (!rc && port->plan.share.is_on)
		rc = vly_dpdk_share_start(&port->plan.share, &line);
	if (rc)
		goto err_unplug;
	vly_dpdk_sockets_after(&port->sockets);
	rc = vly_dpdk_wait_open(port, &line);
	if (rc)
		goto err_unplug;
	init_queues(port, ledgers);
	vly_dpdk_log_mark(&port->eal->log, port->plan.options.log_level);
	*out = port;
	return 0;

err_unplug:
	rc = line.text[0] ? vly_fail(error, rc, "%s", line.text) : explain(port, rc, error);
	unplug(port);
err_free:
	vly_dpdk_share_close(&port->plan.share);
	free(port);
	return rc;
}

static void dpdk_close(struct vly_backend_port *port)
{
	if (!port)
		return;
	unplug(port);
	vly_dpdk_share_close(&port->plan.share);
	free(port);
}

static uint32_t queue_count(const struct vly_backend_port *port)
{
	return port->queue_count;
}

static struct vly_backend_queue *queue(struct vly_backend_port *port, uint32_t index)
{
	return &port->queues[index];
}

static uint32_t buffer_count(const struct vly_backend_port *port)
{
	return port->plan.buffers;
}

static void link_info(const struct vly_backend_port *port, struct vly_link_info *info)
{
	const struct vly_dpdk_device *device = &port->plan.device;

	*info = port->link;
	// Nobody hears us in a capture, nor before the peer has come.
	info->is_alone = device->serves || device->id == VLY_DPDK_PCAP ||
			 strncmp(device->target, "net_pcap", strlen("net_pcap")) == 0 ||
			 strncmp(device->target, "net_null", strlen("net_null")) == 0;
}

static bool news(struct vly_backend_queue *queue, struct vly_link_news *out)
{
	return vly_dpdk_kernel_news(queue->port->plan.share.kernel, queue->index, out);
}

static void seek(struct vly_backend_queue *queue, const uint8_t *ip)
{
	vly_dpdk_kernel_seek(queue->port->plan.share.kernel, queue->index, ip);
}

static const char *detail(const struct vly_backend_port *port)
{
	return port->detail;
}

const struct vly_backend vly_backend_dpdk = {
	.name = "dpdk",
	.summary = "kernel bypass: poll-mode drivers, our own UDP/IP stack",
	.layer = VLY_LAYER_FRAME,
	.keys = vly_dpdk_keys,
	.probe = vly_dpdk_probe,
	.describe = vly_dpdk_describe,
	.open = dpdk_open,
	.close = dpdk_close,
	.queue_count = queue_count,
	.queue = queue,
	.buffer_count = buffer_count,
	.link_info = link_info,
	.detail = detail,
	.rx_burst = vly_dpdk_rx_burst,
	.tx_burst = vly_dpdk_tx_burst,
	.tx_own_burst = vly_dpdk_tx_own_burst,
	.alloc_burst = vly_dpdk_alloc_burst,
	.release_burst = vly_dpdk_release_burst,
	.wait = vly_dpdk_wait,
	.wake = vly_dpdk_wake,
	.leave = vly_dpdk_leave,
	.flush = vly_dpdk_flush,
	.news = news,
	.seek = seek,
	.watch = vly_dpdk_peer_watch,
};
