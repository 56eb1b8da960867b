// SPDX-License-Identifier: BSD-3-Clause
//
// What a client sends and receives that is no request: one datagram, many packed, or bursts.
#include "core/client.h"

#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "core/fail.h"

// --- sending ------------------------------------------------------------------------------------

// An empty datagram that `len` bytes fit, if there is one: of the usual buffers, or of the large.
static int take_empty(struct vly_client *client, uint32_t len, struct vly_dgram **dgram)
{
	if (!vly_alloc_burst(client->queue, dgram, 1))
		return -EAGAIN;
	if (len <= (*dgram)->capacity)
		return 0;
	vly_release_burst(client->queue, dgram, 1);
	if (!vly_alloc_large_burst(client->queue, dgram, 1))
		return -EAGAIN;
	if (len <= (*dgram)->capacity)
		return 0;
	vly_release_burst(client->queue, dgram, 1);
	return -EMSGSIZE;
}

// The reasons for which a datagram is taken, and cannot leave.
static const struct {
	enum vly_drop reason;
	int code;
	const char *fix;
} refusals[] = {
	{VLY_DROP_TX_NO_ROUTE, -ENETUNREACH,
	 "check it, and whether there are addresses and routes of its family here"},
	{VLY_DROP_TX_OVERSIZE, -EMSGSIZE, "send less at a time"},
	{VLY_DROP_TX_REFUSED, -EIO, "check the address, its interface, and the firewall"},
};

enum {
	REFUSALS = sizeof(refusals) / sizeof(refusals[0]),
};

static void count_refusals(const struct vly_client *client, uint64_t *counts)
{
	for (uint32_t i = 0; i < REFUSALS; i++)
		counts[i] = atomic_load_explicit(
			&client->queue->ledger->dropped[refusals[i].reason], memory_order_relaxed);
}

static int fail_refused(const struct vly_endpoint *peer, uint32_t refusal, struct vly_error *error)
{
	char text[VLY_ADDR_TEXT_BYTES];

	return vly_fail(error, refusals[refusal].code, "to %s: %s; %s",
			vly_addr_format(&peer->addr, text, sizeof(text)),
			vly_drop_text(refusals[refusal].reason), refusals[refusal].fix);
}

// Gives one datagram away. Returns 0, -EAGAIN (no room), or why it did not leave.
static int transmit(struct vly_client *client, struct vly_dgram *dgram,
		    const struct vly_endpoint *peer, uint64_t now_ns, struct vly_error *error)
{
	uint64_t before[REFUSALS], after[REFUSALS];

	count_refusals(client, before);
	if (!vly_tx_burst(client->queue, &dgram, 1, now_ns)) {
		vly_release_burst(client->queue, &dgram, 1);
		return -EAGAIN;
	}
	count_refusals(client, after);
	for (uint32_t i = 0; i < REFUSALS; i++) {
		if (after[i] != before[i])
			return fail_refused(peer, i, error);
	}
	return 0;
}

// Returns 0, -EAGAIN (no room), or why it cannot be sent.
static int try_send(struct vly_client *client, const struct vly_endpoint *peer, const void *bytes,
		    uint32_t len, uint64_t now_ns, struct vly_error *error)
{
	struct vly_dgram *dgram;
	int rc = len <= VLY_DGRAM_BYTES_MAX ? take_empty(client, len, &dgram) : -EMSGSIZE;

	if (rc == -EMSGSIZE)
		return vly_fail(error, rc, "%u bytes do not fit a datagram of this port", len);
	if (rc)
		return rc;
	dgram->peer = peer->addr;
	if (peer->ifindex)
		dgram->link = peer->ifindex;
	dgram->len = (uint16_t)len;
	memcpy(vly_dgram_data(dgram), bytes, len);
	return transmit(client, dgram, peer, now_ns, error);
}

// No room to send: moves on what holds it, and waits a little.
static void make_room(struct vly_client *client, uint64_t now_ns, uint64_t deadline_ns)
{
	vly_queue_flush(client->queue, now_ns);
	vly_client_rest(client, vly_client_fill(client, now_ns) ? 1 : 0, now_ns, deadline_ns);
}

int vly_client_send_until(struct vly_client *client, const struct vly_endpoint *peer,
			  const void *bytes, uint32_t len, uint64_t deadline_ns,
			  struct vly_error *error)
{
	for (;;) {
		uint64_t now_ns = vly_clock_ns();
		int rc = try_send(client, peer, bytes, len, now_ns, error);

		if (rc != -EAGAIN)
			return rc;
		if (now_ns >= deadline_ns)
			return vly_fail(error, -ETIMEDOUT,
					"no room to send: the transmit queue or the pool of "
					"buffers stayed full; send less at a time, or give more "
					"buffers");
		make_room(client, now_ns, deadline_ns);
	}
}

int vly_client_send(struct vly_client *client, const struct vly_endpoint *peer, const void *bytes,
		    uint32_t len, uint64_t timeout_ns, struct vly_error *error)
{
	int rc;

	vly_client_lock(client);
	rc = vly_client_send_until(client, peer, bytes, len,
				   vly_deadline_ns(vly_clock_ns(), timeout_ns), error);
	vly_client_mark(client);
	vly_client_unlock(client);
	return rc;
}

uint32_t vly_client_send_burst(struct vly_client *client, struct vly_dgram **dgrams, uint32_t count,
			       uint64_t timeout_ns)
{
	uint64_t now_ns = vly_clock_ns();
	uint64_t deadline_ns = vly_deadline_ns(now_ns, timeout_ns);
	uint32_t sent = vly_tx_burst(client->queue, dgrams, count, now_ns);

	while (sent < count && now_ns < deadline_ns) {
		make_room(client, now_ns, deadline_ns);
		now_ns = vly_clock_ns();
		sent += vly_tx_burst(client->queue, dgrams + sent, count - sent, now_ns);
	}
	vly_client_mark(client);
	return sent;
}

// As many of the next as there are buffers for, copied. Those that want a large one go by
// themselves.
static uint32_t pack_burst(struct vly_client *client, struct vly_dgram **dgrams,
			   const struct vly_packed *packed, uint32_t count, const uint8_t *bytes)
{
	uint32_t n = vly_alloc_burst(client->queue, dgrams,
				     count < VLY_BURST_MAX ? count : VLY_BURST_MAX);
	uint32_t used = 0;

	for (; used < n && packed[used].len <= dgrams[used]->capacity; used++) {
		struct vly_dgram *dgram = dgrams[used];

		dgram->peer = packed[used].peer;
		if (packed[used].ifindex)
			dgram->link = packed[used].ifindex;
		dgram->len = packed[used].len;
		memcpy(vly_dgram_data(dgram), bytes, dgram->len);
		bytes += dgram->len;
	}
	vly_release_burst(client->queue, dgrams + used, n - used);
	return used;
}

// Sends a burst in one go. Returns how many of them were taken.
static uint32_t send_some(struct vly_client *client, const struct vly_packed *packed,
			  uint32_t count, const uint8_t *bytes, uint64_t now_ns)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint32_t n = pack_burst(client, dgrams, packed, count, bytes);
	uint32_t sent = vly_tx_burst(client->queue, dgrams, n, now_ns);

	vly_release_burst(client->queue, dgrams + sent, n - sent);
	return sent;
}

static bool is_taken(int code)
{
	return code == 0 || code == -ENETUNREACH || code == -EIO;
}

int vly_client_send_packed(struct vly_client *client, const struct vly_packed *packed,
			   uint32_t count, const void *bytes, uint64_t timeout_ns,
			   struct vly_error *error)
{
	const uint8_t *at = bytes;
	uint64_t deadline_ns;
	uint32_t done = 0;
	int rc = 0;

	if (count > VLY_PACKED_MAX)
		return vly_fail(error, -EINVAL, "more than %d datagrams at a time", VLY_PACKED_MAX);
	vly_client_lock(client);
	deadline_ns = vly_deadline_ns(vly_clock_ns(), timeout_ns);
	while (done < count && !rc) {
		uint32_t n = send_some(client, packed + done, count - done, at, vly_clock_ns());

		if (!n) {
			struct vly_endpoint peer = {packed[done].peer, packed[done].ifindex};

			rc = vly_client_send_until(client, &peer, at, packed[done].len, deadline_ns,
						   error);
			rc = is_taken(rc) ? 0 : rc;
			n = rc ? 0 : 1;
		}
		for (; n; n--)
			at += packed[done++].len;
	}
	vly_client_mark(client);
	vly_client_unlock(client);
	return done || !rc ? (int)done : rc;
}

// --- receiving ----------------------------------------------------------------------------------

static bool is_link_local(const struct vly_addr *addr)
{
	return addr->ip[0] == 0xfe && (addr->ip[1] & 0xc0) == 0x80;
}

struct vly_endpoint vly_client_peer_of(const struct vly_client *client,
				       const struct vly_dgram *dgram)
{
	bool has_interface = !client->queue->stack && is_link_local(&dgram->peer);

	return (struct vly_endpoint){
		.addr = dgram->peer,
		.ifindex = has_interface ? dgram->link : 0,
	};
}

// Copies the first datagram that is held; it stays held.
static uint32_t copy_first(struct vly_client *client, struct vly_endpoint *peer, void *bytes,
			   uint32_t size)
{
	struct vly_dgram *dgram = client->held[client->held_first];

	if (peer)
		*peer = vly_client_peer_of(client, dgram);
	memcpy(bytes, vly_dgram_data(dgram), dgram->len < size ? dgram->len : size);
	return dgram->len;
}

// Gives back the first `count` that are held, which the caller has got.
static void release_first(struct vly_client *client, uint32_t count)
{
	struct vly_dgram **first = client->held + client->held_first;

	for (uint32_t i = 0; i < count; i++)
		first[i]->fate = VLY_FATE_RELEASE;
	vly_release_burst(client->queue, first, count);
	client->held_first += count;
	client->held_count -= count;
	client->counts.received += count;
}

int vly_client_recv(struct vly_client *client, struct vly_endpoint *peer, void *bytes,
		    uint32_t size, uint64_t timeout_ns)
{
	int rc = -ETIMEDOUT;

	vly_client_lock(client);
	if (vly_client_await(client, vly_deadline_ns(vly_clock_ns(), timeout_ns))) {
		rc = (int)copy_first(client, peer, bytes, size);
		release_first(client, 1);
	}
	vly_client_mark(client);
	vly_client_unlock(client);
	return rc;
}

// Copies out of what is held as much as fits. Returns how many; adds to *used.
static uint32_t unpack_held(struct vly_client *client, struct vly_packed *packed, uint32_t count,
			    uint8_t *bytes, uint32_t size, uint32_t *used)
{
	uint32_t n = 0;

	for (; n < count && n < client->held_count; n++) {
		struct vly_dgram *dgram = client->held[client->held_first + n];

		if (dgram->len > size - *used)
			break;
		packed[n] = (struct vly_packed){
			.peer = dgram->peer,
			.len = dgram->len,
			.ifindex = vly_client_peer_of(client, dgram).ifindex,
		};
		memcpy(bytes + *used, vly_dgram_data(dgram), dgram->len);
		*used += dgram->len;
	}
	release_first(client, n);
	return n;
}

int vly_client_recv_packed(struct vly_client *client, struct vly_packed *packed, uint32_t count,
			   void *bytes, uint32_t size, uint64_t timeout_ns)
{
	uint32_t done = 0;
	uint32_t used = 0;

	if (size < VLY_DGRAM_BYTES_MAX)
		return -EINVAL;
	vly_client_lock(client);
	if (vly_client_await(client, vly_deadline_ns(vly_clock_ns(), timeout_ns))) {
		do {
			done += unpack_held(client, packed + done, count - done, bytes, size,
					    &used);
		} while (done < count && !client->held_count &&
			 vly_client_fill(client, vly_clock_ns()));
	}
	vly_client_mark(client);
	vly_client_unlock(client);
	return (int)done;
}

uint32_t vly_client_recv_burst(struct vly_client *client, struct vly_dgram **dgrams, uint32_t count,
			       uint64_t timeout_ns)
{
	uint32_t n = 0;

	if (vly_client_await(client, vly_deadline_ns(vly_clock_ns(), timeout_ns))) {
		n = client->held_count < count ? client->held_count : count;
		memcpy(dgrams, client->held + client->held_first, n * sizeof(*dgrams));
		client->held_first += n;
		client->held_count -= n;
		client->counts.received += n;
	}
	vly_client_mark(client);
	return n;
}
