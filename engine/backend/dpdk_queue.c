// SPDX-License-Identifier: BSD-3-Clause
//
// The bursts: mbuf <-> vly_dgram. A datagram lives in its mbuf's private area, so each is found
// from the other by adding a constant, and nothing is copied.
//
//     | rte_mbuf | vly_dgram | headroom | frame ... |
#include <string.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "backend/dpdk_private.h"
#include "core/compiler.h"

enum {
	// From the datagram to the start of the mbuf's buffer.
	BUFFER_OFFSET = sizeof(struct vly_dgram),
	AHEAD = 4, // frames fetched before they are looked at
	CSUM_SHIFT = 22,
};

static_assert(sizeof(struct rte_mbuf) % VLY_CACHE_LINE_BYTES == 0, "datagrams share no line");
static_assert(sizeof(struct vly_dgram) % RTE_MBUF_PRIV_ALIGN == 0, "mbufs want it so");
static_assert((int)VLY_DPDK_LEAD >= (int)VLY_BACKEND_HEADROOM, "room for our headers");
// One shift turns what an mbuf says of checksums into what a frame's link says. The bits are set
// for GOOD and for NONE: the latter means that the field is not filled in, but the data has not
// left this machine's memory.
static_assert((uint64_t)RTE_MBUF_F_RX_IP_CKSUM_GOOD << CSUM_SHIFT == VLY_FRAME_IP_CSUM, "shift");
static_assert((uint64_t)RTE_MBUF_F_RX_L4_CKSUM_GOOD << CSUM_SHIFT == VLY_FRAME_UDP_CSUM, "shift");

static inline struct vly_dgram *dgram_of(struct rte_mbuf *mbuf)
{
	return (struct vly_dgram *)(mbuf + 1);
}

static inline struct rte_mbuf *mbuf_of(struct vly_dgram *dgram)
{
	return (struct rte_mbuf *)(void *)dgram - 1;
}

// The first burst of a queue, on the thread that will own it.
static void join(struct vly_backend_queue *queue)
{
	vly_dpdk_eal_join(queue->port->eal);
	queue->cache = rte_mempool_default_cache(queue->pool, rte_lcore_id());
	queue->is_joined = true;
}

// The long way into a burst. False: the device must not be touched now.
static bool enter(struct vly_backend_queue *queue)
{
	if (!queue->is_joined)
		join(queue);
	queue->is_open = !vly_dpdk_peer_pause(queue);
	return queue->is_open;
}

void vly_dpdk_leave(struct vly_backend_queue *queue)
{
	if (queue->cache)
		rte_mempool_cache_flush(queue->cache, queue->pool);
	queue->cache = NULL;
	queue->is_joined = false;
	queue->is_open = false;
}

void vly_dpdk_fold(struct vly_backend_port *port)
{
	struct vly_ledger_block *ledger = port->queues[0].ledger;
	struct rte_eth_stats now;

	if (rte_eth_stats_get(port->port_id, &now))
		return;
	now.imissed += vly_dpdk_sockets_lost(&port->sockets);
	if (now.imissed > port->seen.imissed)
		vly_count_lost(ledger, VLY_DROP_RX_MISSED, now.imissed - port->seen.imissed);
	if (now.ierrors > port->seen.ierrors)
		vly_count_lost(ledger, VLY_DROP_RX_ERROR, now.ierrors - port->seen.ierrors);
	// rx_nombuf is not a number of frames: drivers count refills that found the pool empty and
	// leave the frames where they are; those that overflow there are in imissed.
	if (port->plan.device.kind->loses_on_send && now.oerrors > port->seen.oerrors) {
		vly_uncount(&ledger->sent, now.oerrors - port->seen.oerrors);
		vly_count(&ledger->dropped[VLY_DROP_TX_REFUSED], now.oerrors - port->seen.oerrors);
	}
	port->seen = now;
}

uint32_t vly_dpdk_flush(struct vly_backend_queue *queue)
{
	uint64_t tsc = rte_rdtsc();

	if (!queue->is_open && !enter(queue))
		return 0;
	if (queue->index == 0 && tsc - queue->fold_tsc >= queue->port->fold_cycles) {
		queue->fold_tsc = tsc;
		vly_dpdk_fold(queue->port);
		vly_dpdk_peer_look(queue, tsc);
	}
	queue->is_open &= !vly_dpdk_peer_pauses(queue->port);
	return 0;
}

// A frame that is not in one buffer of ours: copied into one, or lost. The engine asks drivers for
// such frames only with scatter=on, but some have a mind of their own.
static struct rte_mbuf *gather(struct vly_backend_queue *queue, struct rte_mbuf *chain)
{
	struct rte_mempool *pool = queue->wholes ? queue->wholes : queue->pool;
	uint32_t room = rte_pktmbuf_data_room_size(pool) - (uint32_t)RTE_PKTMBUF_HEADROOM;
	bool fits = chain->pkt_len <= room;
	struct rte_mbuf *whole = fits ? rte_pktmbuf_alloc(pool) : NULL;

	if (!whole) {
		vly_count(&queue->ledger
				   ->dropped[fits ? VLY_DROP_RX_NO_BUFFER : VLY_DROP_RX_TRUNCATED],
			  1);
		rte_pktmbuf_free(chain);
		return NULL;
	}
	for (const struct rte_mbuf *part = chain; part; part = part->next)
		memcpy(rte_pktmbuf_append(whole, part->data_len),
		       rte_pktmbuf_mtod(part, const void *), part->data_len);
	whole->ol_flags = chain->ol_flags & ~(RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT);
	whole->hash.rss = chain->hash.rss;
	whole->vlan_tci = chain->vlan_tci;
	rte_pktmbuf_free(chain);
	return whole;
}

static inline void fill(struct vly_dgram *dgram, const struct rte_mbuf *mbuf, uint64_t now_ns)
{
	uint64_t flags = mbuf->ol_flags;

	dgram->link =
		(uint32_t)((flags & (RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD))
			   << CSUM_SHIFT);
	dgram->rx_ns = now_ns;
	dgram->data_offset = BUFFER_OFFSET + mbuf->data_off;
	dgram->flow_hash = flags & RTE_MBUF_F_RX_RSS_HASH ? mbuf->hash.rss : 0;
	dgram->len = mbuf->data_len;
	dgram->capacity = (uint16_t)(mbuf->buf_len - mbuf->data_off);
}

static inline void fetch(struct rte_mbuf *mbuf)
{
	__builtin_prefetch(dgram_of(mbuf), 1);
	vly_prefetch(rte_pktmbuf_mtod(mbuf, const void *));
	// The payload's sum wants the next line soon; of a short frame it is the same one.
	vly_prefetch(rte_pktmbuf_mtod(mbuf, const uint8_t *) +
		     RTE_MIN(mbuf->data_len, (uint32_t)RTE_CACHE_LINE_SIZE));
}

// Whether the mbuf is anything but one buffer of its own; 0 if not.
static inline uint64_t oddity(const struct rte_mbuf *mbuf)
{
	return (mbuf->nb_segs ^ 1u) | (mbuf->ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL |
							 RTE_MBUF_F_RX_VLAN_STRIPPED));
}

// Whether it is so in another way than by a tag that was taken off.
static inline bool is_odd_buffer(const struct rte_mbuf *mbuf)
{
	return mbuf->nb_segs != 1 || (mbuf->ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL));
}

// Goes over a burst that has an odd mbuf in it. Returns how many frames are left.
static uint32_t gather_odd(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			   uint32_t count, uint64_t now_ns)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = mbuf_of(dgrams[i]);

		if (is_odd_buffer(mbuf)) {
			mbuf = gather(queue, mbuf);
			if (!mbuf)
				continue;
			fill(dgram_of(mbuf), mbuf, now_ns);
		}
		if (mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
			dgram_of(mbuf)->link |= VLY_FRAME_TAG | mbuf->vlan_tci;
		dgrams[kept++] = dgram_of(mbuf);
	}
	return kept;
}

// What came while the queue's thread fell asleep.
static uint32_t take_held(struct vly_backend_queue *queue, struct rte_mbuf **mbufs, uint32_t count)
{
	uint32_t taken = RTE_MIN(count, queue->held_count);

	queue->held_count -= taken;
	memcpy(mbufs, queue->held, taken * sizeof(mbufs[0]));
	memmove(queue->held, queue->held + taken, queue->held_count * sizeof(mbufs[0]));
	return taken;
}

uint32_t vly_dpdk_rx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			   uint32_t count, uint64_t now_ns)
{
	struct rte_mbuf *mbufs[VLY_BURST_MAX + AHEAD];
	uint64_t odd = 0;
	uint32_t got;

	if (VLY_UNLIKELY(!queue->is_open) && !enter(queue))
		return 0;
	count = RTE_MIN(count, (uint32_t)VLY_BURST_MAX);
	if (VLY_UNLIKELY(queue->held_count))
		got = take_held(queue, mbufs, count);
	else
		got = rte_eth_rx_burst(queue->port_id, queue->index, mbufs, (uint16_t)count);
	if (got == 0) { // a client's port has no loop that would flush
		vly_dpdk_flush(queue);
		return 0;
	}
	vly_count(&queue->ledger->received, got);
	for (uint32_t i = 0; i < AHEAD; i++)
		mbufs[got + i] = mbufs[got - 1]; // the loop looks ahead without asking for its end
	for (uint32_t i = 0; i < AHEAD; i++)
		fetch(mbufs[i]);
	for (uint32_t i = 0; i < got; i++) {
		fetch(mbufs[i + AHEAD]);
		odd |= oddity(mbufs[i]);
		fill(dgram_of(mbufs[i]), mbufs[i], now_ns);
		dgrams[i] = dgram_of(mbufs[i]);
	}
	return VLY_UNLIKELY(odd) ? gather_odd(queue, dgrams, got, now_ns) : got;
}

// What the stack wants the device to do (enum vly_frame_flag).
static inline void request(struct rte_mbuf *mbuf, uint32_t link)
{
	uint64_t flags = 0;

	if (link & (VLY_FRAME_IP_CSUM | VLY_FRAME_UDP_CSUM)) {
		flags = link & VLY_FRAME_IPV6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
		if (link & VLY_FRAME_IP_CSUM)
			flags |= RTE_MBUF_F_TX_IP_CKSUM;
		if (link & VLY_FRAME_UDP_CSUM)
			flags |= RTE_MBUF_F_TX_UDP_CKSUM;
		mbuf->tx_offload =
			rte_mbuf_tx_offload(link & 0xff, link >> VLY_FRAME_L3_SHIFT & 0xff,
					    sizeof(struct rte_udp_hdr), 0, 0, 0, 0);
	}
	mbuf->ol_flags = flags;
}

// As tx_burst, but that the caller counts what is sent.
static inline uint32_t transmit(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
				uint32_t count, uint32_t *sent)
{
	struct rte_mbuf *mbufs[VLY_BURST_MAX];

	*sent = 0;
	if (VLY_UNLIKELY(!queue->is_open) && !enter(queue))
		return vly_dpdk_peer_refused(queue, dgrams, count);
	count = RTE_MIN(count, (uint32_t)VLY_BURST_MAX);
	for (uint32_t i = 0; i < count; i++) {
		const struct vly_dgram *dgram = dgrams[i];
		struct rte_mbuf *mbuf = mbuf_of(dgrams[i]);

		mbuf->data_off = (uint16_t)(dgram->data_offset - BUFFER_OFFSET);
		mbuf->data_len = dgram->len;
		mbuf->pkt_len = dgram->len;
		if (queue->offloads) {
			request(mbuf, dgram->link);
			mbuf->ol_flags |= queue->tag_flags;
			mbuf->vlan_tci = queue->vlan;
		} else {
			mbuf->ol_flags = 0;
		}
		mbufs[i] = mbuf;
	}
	*sent = rte_eth_tx_burst(queue->port_id, queue->index, mbufs, (uint16_t)count);
	if (VLY_UNLIKELY(*sent < count))
		return *sent + vly_dpdk_peer_refused(queue, dgrams + *sent, count - *sent);
	return count;
}

uint32_t vly_dpdk_tx_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			   uint32_t count, uint64_t now_ns)
{
	uint32_t sent;
	uint32_t taken = transmit(queue, dgrams, count, &sent);

	(void)now_ns;
	vly_count(&queue->ledger->sent, sent);
	return taken;
}

uint32_t vly_dpdk_tx_own_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			       uint32_t count, uint64_t now_ns, uint32_t *sent)
{
	(void)now_ns;
	return transmit(queue, dgrams, count, sent);
}

uint32_t vly_dpdk_alloc_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			      uint32_t count)
{
	void *mbufs[VLY_BURST_MAX];

	if (VLY_UNLIKELY(!queue->is_joined))
		join(queue);
	count = RTE_MIN(count, (uint32_t)VLY_BURST_MAX);
	// All or none is the pool's way; near its end, take what is there.
	while (count && rte_mempool_generic_get(queue->pool, mbufs, count, queue->cache))
		count /= 2;
	for (uint32_t i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = mbufs[i];
		struct vly_dgram *dgram = dgram_of(mbuf);

		memset(dgram, 0, sizeof(*dgram));
		dgram->data_offset = BUFFER_OFFSET + VLY_DPDK_LEAD;
		dgram->capacity = (uint16_t)(mbuf->buf_len - VLY_DPDK_LEAD);
		dgrams[i] = dgram;
	}
	return count;
}

void vly_dpdk_release_burst(struct vly_backend_queue *queue, struct vly_dgram **dgrams,
			    uint32_t count)
{
	void *mbufs[VLY_BURST_MAX];

	while (count) {
		uint32_t some = RTE_MIN(count, (uint32_t)VLY_BURST_MAX);

		// Each is whole, unshared and clean of chains, as it has been since it was got.
		for (uint32_t i = 0; i < some; i++)
			mbufs[i] = mbuf_of(dgrams[i]);
		if (VLY_UNLIKELY(queue->wholes != NULL))
			rte_pktmbuf_free_bulk((struct rte_mbuf **)mbufs, some); // of two pools
		else
			rte_mempool_generic_put(queue->pool, mbufs, some, queue->cache);
		dgrams += some;
		count -= some;
	}
}
