// SPDX-License-Identifier: BSD-3-Clause
//
// From a probed Ethernet device to one that runs: what the device can do is taken, what it cannot
// is left to software, and the log says which.
#include <errno.h>
#include <string.h>

#include <rte_errno.h>

#include "backend/dpdk_private.h"
#include "core/fail.h"

enum {
	RSS_KEY_MAX = 64,
	FRAME_OVERHEAD = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN,
	RX_CSUM = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM,
	TX_CSUM = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM,
};

// What is asked of the device, of what it has.
struct choice {
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;
	uint8_t rss_key[RSS_KEY_MAX];
	uint16_t rx_descriptors;
	uint16_t tx_descriptors;
};

static const char *device_name(const struct vly_backend_port *port)
{
	return port->plan.device.kind->word;
}

static void limit_queues(struct vly_backend_port *port, const struct choice *choice,
			 const struct vly_log *log)
{
	uint32_t max = choice->info.max_rx_queues;

	if (choice->info.max_tx_queues < max)
		max = choice->info.max_tx_queues;
	port->queue_count = port->plan.queues;
	if (max == 0 || port->queue_count <= max)
		return;
	vly_log_line(log, "dpdk: %s has %u of the %u queues asked for", device_name(port), max,
		     port->queue_count);
	port->queue_count = max;
}

// A driver tells of the largest frame, and some also how much of it is not the MTU's.
static void limit_mtu(struct vly_backend_port *port, const struct choice *choice,
		      const struct vly_log *log)
{
	uint32_t frame = choice->info.max_rx_pktlen;
	uint32_t max = choice->info.max_mtu;

	if (max == 0 || max == UINT16_MAX)
		max = frame > FRAME_OVERHEAD ? frame - FRAME_OVERHEAD : port->plan.mtu;
	if (port->plan.mtu <= max)
		return;
	vly_log_line(log, "dpdk: %s carries an MTU of %u, not %u", device_name(port), max,
		     port->plan.mtu);
	port->plan.mtu = max;
}

// For virtio, taking checksums from the device costs more than it saves: its fast receive path
// has none. A vhost peer may not have them either, which is not known before it connects, so
// there frames are sent complete.
static void choose_checksums(const struct vly_backend_port *port, struct choice *choice)
{
	uint64_t rx = choice->info.rx_offload_capa & RX_CSUM;
	uint64_t tx = choice->info.tx_offload_capa & TX_CSUM;
	enum vly_dpdk_choice asked = port->plan.options.checksum;
	enum vly_dpdk_kind_id id = port->plan.device.id;

	if (asked == VLY_DPDK_OFF || (asked == VLY_DPDK_AUTO && id == VLY_DPDK_VIRTIO_USER))
		rx = 0;
	if (asked == VLY_DPDK_OFF ||
	    (asked == VLY_DPDK_AUTO && (id == VLY_DPDK_VIRTIO_USER || id == VLY_DPDK_VHOST_USER)))
		tx = 0;
	choice->conf.rxmode.offloads |= rx;
	choice->conf.txmode.offloads |= tx;
}

// The tags of a VLAN: the device takes them off and puts them on, or our stack does both. For
// virtio DPDK would do it in software itself, on a slower path.
static void choose_tagging(const struct vly_backend_port *port, struct choice *choice)
{
	enum vly_dpdk_choice asked = port->plan.options.tagging;

	if (!port->plan.vlan || asked == VLY_DPDK_OFF ||
	    port->plan.device.id == VLY_DPDK_VIRTIO_USER ||
	    !(choice->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_STRIP) ||
	    !(choice->info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_VLAN_INSERT))
		return;
	choice->conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_VLAN_STRIP;
	choice->conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_VLAN_INSERT;
}

// A key of one 16-bit word, repeated, gives both directions of a flow the same hash (Woo and Park,
// "Scalable TCP session monitoring with symmetric receive-side scaling").
static void choose_rss(const struct vly_backend_port *port, struct choice *choice)
{
	uint64_t fields = choice->info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP);
	uint32_t len = choice->info.hash_key_size ? choice->info.hash_key_size : 40;

	if (port->queue_count == 1 || !fields)
		return;
	for (uint32_t i = 0; i < RSS_KEY_MAX; i++)
		choice->rss_key[i] = i % 2 ? 0x5a : 0x6d;
	choice->conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	choice->conf.rxmode.offloads |= choice->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
	choice->conf.rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){
		.rss_key = choice->rss_key,
		.rss_key_len = (uint8_t)RTE_MIN(len, (uint32_t)RSS_KEY_MAX),
		.rss_hf = fields,
	};
}

// A device without it gets buffers for whole frames, if there is memory for them.
static void choose_scatter(struct vly_backend_port *port, struct choice *choice,
			   const struct vly_log *log)
{
	if (!port->plan.whole_room)
		return;
	if (choice->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) {
		choice->conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
		return;
	}
	vly_log_line(log, "dpdk: %s does not receive in chains of buffers; they become larger",
		     device_name(port));
	port->plan.data_room = port->plan.whole_room;
	port->plan.whole_room = 0;
}

static int choose(struct vly_backend_port *port, struct choice *choice, const struct vly_log *log,
		  struct vly_error *error)
{
	int rc = rte_eth_dev_info_get(port->port_id, &choice->info);

	if (rc)
		return vly_fail(error, rc, "dpdk: %s tells nothing of itself: %s",
				device_name(port), rte_strerror(-rc));
	limit_mtu(port, choice, log);
	limit_queues(port, choice, log);
	choice->conf.rxmode.mtu = port->plan.mtu;
	choice->conf.intr_conf.rxq = port->plan.device.kind->interrupts;
	choose_checksums(port, choice);
	choose_tagging(port, choice);
	choose_rss(port, choice);
	choose_scatter(port, choice, log);
	// Holds here: one pool a queue, and no buffer is ever shared.
	if (!port->plan.whole_room)
		choice->conf.txmode.offloads |=
			choice->info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	choice->rx_descriptors = port->plan.options.descriptors;
	choice->tx_descriptors = port->plan.options.descriptors;
	return 0;
}

static int make_pools(struct vly_backend_port *port, uint16_t index, struct vly_error *error)
{
	const struct vly_dpdk_plan *plan = &port->plan;
	int socket = rte_eth_dev_socket_id(port->port_id);
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "vly_%u_%u", port->port_id, index);
	port->pools[index] = vly_dpdk_pool(name, plan, socket);
	snprintf(name, sizeof(name), "vly_whole_%u_%u", port->port_id, index);
	if (plan->whole_room)
		port->wholes[index] = rte_pktmbuf_pool_create(
			name, plan->wholes, RTE_MIN((uint32_t)VLY_DPDK_CACHE, plan->wholes / 4),
			sizeof(struct vly_dgram), plan->whole_room, socket);
	if (port->pools[index] && (port->wholes[index] || !plan->whole_room))
		return 0;
	return vly_fail(error, -ENOMEM,
			"dpdk: no memory for %u buffers of %u bytes in the %u MB "
			"that this process started DPDK with; give more with -o memory=%uM, or "
			"fewer buffers",
			port->plan.buffers, port->plan.data_room, port->eal->memory.megabytes,
			2 * port->eal->memory.megabytes);
}

static int setup_queue(struct vly_backend_port *port, uint16_t index, const struct choice *choice,
		       struct vly_error *error)
{
	struct rte_eth_rxconf rx = choice->info.default_rxconf;
	struct rte_eth_txconf tx = choice->info.default_txconf;
	unsigned int socket = (unsigned int)rte_eth_dev_socket_id(port->port_id);
	int rc = make_pools(port, index, error);

	if (rc)
		return rc;
	rx.offloads = choice->conf.rxmode.offloads;
	tx.offloads = choice->conf.txmode.offloads;
	rc = rte_eth_rx_queue_setup(port->port_id, index, choice->rx_descriptors, socket, &rx,
				    port->pools[index]);
	if (!rc)
		rc = rte_eth_tx_queue_setup(port->port_id, index, choice->tx_descriptors, socket,
					    &tx);
	return rc;
}

static void spread(const struct vly_backend_port *port, const struct choice *choice)
{
	struct rte_eth_rss_reta_entry64 table[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];
	uint16_t size = choice->info.reta_size;

	if (choice->conf.rxmode.mq_mode != RTE_ETH_MQ_RX_RSS || size == 0 ||
	    size > RTE_ETH_RSS_RETA_SIZE_512)
		return;
	memset(table, 0, sizeof(table));
	for (uint16_t i = 0; i < size; i++) {
		table[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
		table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
			(uint16_t)(i % port->queue_count);
	}
	// A device without it keeps its own table, which spreads as well.
	rte_eth_dev_rss_reta_update(port->port_id, table, size);
}

static enum vly_link_hash hash_of(const struct choice *choice, uint64_t with_ports)
{
	if (!(choice->conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH))
		return VLY_LINK_HASH_NONE;
	return choice->conf.rx_adv_conf.rss_conf.rss_hf & with_ports ? VLY_LINK_HASH_FLOW
								     : VLY_LINK_HASH_ADDRS;
}

static void read_link(struct vly_backend_port *port, const struct choice *choice)
{
	struct rte_ether_addr mac;
	uint64_t rx = choice->conf.rxmode.offloads;
	uint64_t tx = choice->conf.txmode.offloads;

	memcpy(port->link.mac, port->plan.options.mac, sizeof(port->link.mac));
	if (port->plan.device.kind->mac != VLY_DPDK_MAC_OURS && !port->plan.options.has_mac &&
	    rte_eth_macaddr_get(port->port_id, &mac) == 0)
		memcpy(port->link.mac, mac.addr_bytes, sizeof(port->link.mac));
	port->link.mtu = port->plan.mtu;
	port->link.hash[0] = hash_of(choice, RTE_ETH_RSS_NONFRAG_IPV4_UDP);
	port->link.hash[1] = hash_of(choice, RTE_ETH_RSS_NONFRAG_IPV6_UDP);
	port->link.partial_checksums = vly_dpdk_device_is_veth(&port->plan.device);
	port->link.tags = (tx & RTE_ETH_TX_OFFLOAD_VLAN_INSERT) != 0;
	port->link.kernel_hears =
		port->plan.share.is_on || port->plan.device.id == VLY_DPDK_AF_PACKET;
	port->link.frame_room = (uint32_t)port->plan.data_room - VLY_DPDK_LEAD;
	if (port->plan.share.is_on) {
		port->link.addrs = port->plan.share.addrs;
		port->link.addr_count = port->plan.share.addr_count;
		port->link.client_port = port->plan.share.client_port;
		port->link.news_version = vly_dpdk_kernel_version(port->plan.share.kernel);
	}
	port->link.offloads_rx = (rx & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM ? VLY_FRAME_IP_CSUM : 0) |
				 (rx & RTE_ETH_RX_OFFLOAD_UDP_CKSUM ? VLY_FRAME_UDP_CSUM : 0);
	port->link.offloads_tx = (tx & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM ? VLY_FRAME_IP_CSUM : 0) |
				 (tx & RTE_ETH_TX_OFFLOAD_UDP_CKSUM ? VLY_FRAME_UDP_CSUM : 0);
}

static const char *who(uint32_t offloads)
{
	if (offloads == (VLY_FRAME_IP_CSUM | VLY_FRAME_UDP_CSUM))
		return "device";
	if (offloads == 0)
		return "software";
	return offloads == VLY_FRAME_UDP_CSUM ? "device (UDP) and software (IP)"
					      : "device (IP) and software (UDP)";
}

static void tell_offloads(const struct vly_backend_port *port, const struct choice *choice,
			  const struct vly_log *log)
{
	uint64_t rx = choice->conf.rxmode.offloads;
	uint64_t tx = choice->conf.txmode.offloads;

	vly_log_line(log,
		     "dpdk: checksums: received by %s, sent by %s; VLAN tags: %s; flow hash: %s; "
		     "buffers freed: %s",
		     who(port->link.offloads_rx), who(port->link.offloads_tx),
		     !port->plan.vlan  ? "none"
		     : port->link.tags ? "by device"
				       : "by software",
		     rx & RTE_ETH_RX_OFFLOAD_RSS_HASH ? "by device" : "by software",
		     tx & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE ? "fast" : "one by one");
}

static void tell(struct vly_backend_port *port, const struct choice *choice,
		 const struct vly_log *log)
{
	const struct vly_dpdk_memory *memory = &port->eal->memory;
	const uint8_t *mac = port->link.mac;
	struct rte_eth_burst_mode mode;

	if (rte_eth_rx_burst_mode_get(port->port_id, 0, &mode))
		mode.info[0] = 0;
	vly_log_line(log,
		     "dpdk: %s, %u queue%s of %u descriptors, %u buffers each, MTU %u, MAC "
		     "%02x:%02x:%02x:%02x:%02x:%02x",
		     choice->info.driver_name, port->queue_count, port->queue_count == 1 ? "" : "s",
		     choice->rx_descriptors, port->plan.buffers, port->plan.mtu, mac[0], mac[1],
		     mac[2], mac[3], mac[4], mac[5]);
	vly_log_line(log, "dpdk: %u MB of %s%s%s%s; receive path: %.60s", memory->megabytes,
		     memory->huge ? "huge pages" : "normal pages", memory->reason[0] ? " (" : "",
		     memory->reason, memory->reason[0] ? ")" : "",
		     mode.info[0] ? mode.info : "not told by the driver");
	tell_offloads(port, choice, log);
	vly_dpdk_tell(port, log);
	snprintf(port->detail, sizeof(port->detail), "%s, %s%s%s%.60s", device_name(port),
		 memory->huge ? "huge pages" : "normal pages",
		 vly_dpdk_kind_is_polled(port->plan.device.kind) ? ", polled even when idle" : "",
		 mode.info[0] ? ", receive " : "", mode.info);
}

static int start(struct vly_backend_port *port, struct choice *choice, struct vly_error *error)
{
	struct rte_ether_addr mac;
	uint16_t queues = (uint16_t)port->queue_count;
	int rc = rte_eth_dev_configure(port->port_id, queues, queues, &choice->conf);

	if (!rc)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->port_id, &choice->rx_descriptors,
						      &choice->tx_descriptors);
	for (uint16_t i = 0; !rc && i < queues; i++)
		rc = setup_queue(port, i, choice, error);
	if (rc)
		return rc;
	if (port->plan.device.kind->mac == VLY_DPDK_MAC_DEVICE && port->plan.options.has_mac) {
		memcpy(mac.addr_bytes, port->plan.options.mac, sizeof(mac.addr_bytes));
		// What refuses it (many virtual devices) does not filter by it either.
		rte_eth_dev_default_mac_addr_set(port->port_id, &mac);
	}
	rc = rte_eth_dev_start(port->port_id);
	port->is_started = rc == 0;
	return rc;
}

int vly_dpdk_setup(struct vly_backend_port *port, const struct vly_log *log,
		   struct vly_error *error)
{
	struct vly_dpdk_capture capture;
	struct choice choice;
	int rc;

	memset(&choice, 0, sizeof(choice));
	rc = choose(port, &choice, log, error);
	if (rc)
		return rc;
	vly_dpdk_capture_begin(&capture, &port->eal->log);
	rc = start(port, &choice, error);
	vly_dpdk_capture_end(&capture);
	if (rc)
		return rc;
	// IPv6 neighbours ask by multicast (RFC 4861); what cannot filter lets it through anyway.
	rte_eth_allmulticast_enable(port->port_id);
	spread(port, &choice);
	read_link(port, &choice);
	tell(port, &choice, log);
	return 0;
}
