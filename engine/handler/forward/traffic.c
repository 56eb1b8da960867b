// SPDX-License-Identifier: BSD-3-Clause
//
// The way of datagrams through a forwarder, there and back.
#include <string.h>

#include "core/compiler.h"
#include "handler/forward/hash.h"
#include "handler/forward/state.h"

enum {
	LOOKS = 1024,       // sessions looked at in one housekeeping
	NOTE_NS = 50000000, // answers closer than this are not all noted
};

// --- sessions -----------------------------------------------------------------------------------

static uint8_t choose_server(const struct vly_forward_state *state, const struct vly_addr *client)
{
	uint16_t port = state->by_address ? 0 : client->port;

	return vly_maglev_find(state->plan->places, vly_forward_hash(0, client->ip, port));
}

static void refuse(struct vly_burst *burst, struct vly_dgram *dgram, enum vly_forward_metric why,
		   enum vly_drop reason)
{
	vly_metric_add(burst, why, 1);
	vly_drop(dgram, reason);
}

// A path for the client of `dgram` to the server that its address chooses. False: there is none,
// and the datagram has its fate.
static bool take_path(struct vly_forward_state *state, struct vly_burst *burst,
		      struct vly_dgram *dgram, uint8_t *server, uint32_t *port)
{
	*server = choose_server(state, &dgram->peer);
	if (*server == VLY_MAGLEV_NONE) {
		refuse(burst, dgram, VLY_FORWARD_NO_SERVER, VLY_DROP_HANDLER);
		return false;
	}
	*port = vly_free_ports_take(&state->ports[*server]);
	if (*port == VLY_PATH_NONE) {
		refuse(burst, dgram, VLY_FORWARD_NO_PORT, VLY_DROP_RATE_LIMITED);
		return false;
	}
	return true;
}

static void use_path(struct vly_forward_state *state, struct vly_session *session, uint8_t server,
		     uint32_t port)
{
	session->server = server;
	session->port = (uint16_t)port;
	vly_path_set(vly_forward_path(state->shared, server, port),
		     &(struct vly_path_owner){session->client, session->local, session->queue});
}

static void give_path_back(struct vly_forward_state *state, const struct vly_session *session)
{
	vly_path_set(vly_forward_path(state->shared, session->server, session->port), NULL);
	vly_free_ports_put(&state->ports[session->server], session->port);
}

static struct vly_session *open_session(struct vly_forward_state *state, struct vly_burst *burst,
					struct vly_dgram *dgram, uint32_t bucket)
{
	struct vly_session *session;
	uint8_t server;
	uint32_t port;

	if (!take_path(state, burst, dgram, &server, &port))
		return NULL;
	session = vly_sessions_add(&state->sessions, bucket, &dgram->peer, &dgram->local,
				   burst->now_ns);
	if (!session) {
		vly_free_ports_put(&state->ports[server], port);
		refuse(burst, dgram, VLY_FORWARD_NO_ROOM, VLY_DROP_RATE_LIMITED);
		return NULL;
	}
	session->queue = dgram->queue;
	use_path(state, session, server, port);
	vly_metric_add(burst, VLY_FORWARD_OPENED, 1);
	return session;
}

// To another server, since its own has gone or does not answer any more.
static bool move_session(struct vly_forward_state *state, struct vly_burst *burst,
			 struct vly_dgram *dgram, struct vly_session *session)
{
	uint8_t server;
	uint32_t port;

	if (!take_path(state, burst, dgram, &server, &port))
		return false;
	give_path_back(state, session);
	use_path(state, session, server, port);
	vly_metric_add(burst, VLY_FORWARD_MOVED, 1);
	return true;
}

// The oldest ones of the queue.
void vly_forward_expire(struct vly_forward_state *state, struct vly_burst *burst)
{
	uint32_t looks = state->sessions.count < LOOKS ? state->sessions.count : LOOKS;
	uint64_t expired = 0;

	while (looks--) {
		struct vly_session *session = vly_sessions_oldest(&state->sessions);
		const struct vly_path *path =
			vly_forward_path(state->shared, session->server, session->port);
		uint64_t answered_ns =
			atomic_load_explicit(&path->answered_ns, memory_order_relaxed);
		uint64_t seen_ns = session->seen_ns > answered_ns ? session->seen_ns : answered_ns;

		if (burst->now_ns < seen_ns + (answered_ns ? state->idle_ns : state->fresh_ns)) {
			vly_sessions_requeue_oldest(&state->sessions);
			continue;
		}
		give_path_back(state, session);
		vly_sessions_remove_oldest(&state->sessions);
		expired++;
	}
	vly_metric_add(burst, VLY_FORWARD_EXPIRED, expired);
}

// --- datagrams ----------------------------------------------------------------------------------

// To a port of the engine that has other buffers: the one place where a payload is copied.
static void send_across(struct vly_burst *burst, struct vly_dgram *dgram, uint8_t queue)
{
	struct vly_dgram *copy;

	if (!vly_alloc_at(burst, queue, &copy, 1)) {
		refuse(burst, dgram, VLY_FORWARD_NO_BUFFER, VLY_DROP_TX_NO_BUFFER);
		return;
	}
	if (dgram->len > copy->capacity) {
		vly_release(burst, copy);
		refuse(burst, dgram, VLY_FORWARD_NO_BUFFER, VLY_DROP_TX_OVERSIZE);
		return;
	}
	memcpy(vly_dgram_data(copy), vly_dgram_data(dgram), dgram->len);
	copy->len = dgram->len;
	copy->peer = dgram->peer;
	copy->local = dgram->local;
	vly_send(burst, copy);
	vly_consume(dgram);
}

static bool is_of_via(const struct vly_forward_state *state, uint8_t queue)
{
	return (uint8_t)(queue - state->via_queue) < state->via_queues;
}

static void send_on(const struct vly_forward_state *state, struct vly_burst *burst,
		    struct vly_dgram *dgram, uint8_t queue)
{
	if (VLY_UNLIKELY(state->is_crossing) &&
	    is_of_via(state, dgram->queue) != is_of_via(state, queue)) {
		send_across(burst, dgram, queue);
		return;
	}
	dgram->ttl = 0; // as received, these would go on to the other side
	dgram->tos = 0;
	vly_send(burst, dgram);
}

// Returns whether it goes on.
static bool from_client(struct vly_forward_state *state, struct vly_burst *burst,
			struct vly_dgram *dgram, uint32_t bucket)
{
	struct vly_session *session =
		vly_sessions_find(&state->sessions, bucket, &dgram->peer, &dgram->local);

	if (!session)
		session = open_session(state, burst, dgram, bucket);
	else if (!(state->plan->usable >> session->server & 1) &&
		 !move_session(state, burst, dgram, session))
		return false;
	if (!session)
		return false;
	session->seen_ns = burst->now_ns;
	dgram->peer = state->plan->addr[session->server];
	dgram->local = state->shared->via;
	dgram->local.port = (uint16_t)(dgram->local.port + session->port);
	send_on(state, burst, dgram, state->send_queue);
	return true;
}

// Not each time: it is a line that other workers read.
static void note(_Atomic uint64_t *when_ns, uint64_t now_ns)
{
	uint64_t before_ns = atomic_load_explicit(when_ns, memory_order_relaxed);

	if (now_ns > before_ns + NOTE_NS)
		atomic_store_explicit(when_ns, now_ns, memory_order_relaxed);
}

// What is known of a datagram before it is looked at closely.
struct sight {
	bool is_to_via;  // it came to one of the ports that we speak to servers from,
	uint8_t server;  // from this one, or VLY_MAGLEV_NONE,
	uint32_t port;   // to this port;
	uint32_t bucket; // else of its session
};

// Returns whether it goes back to a client.
static bool from_server(struct vly_forward_state *state, struct vly_burst *burst,
			struct vly_dgram *dgram, const struct sight *sight)
{
	struct vly_path_owner owner;
	struct vly_path *path;

	if (sight->server == VLY_MAGLEV_NONE) {
		refuse(burst, dgram, VLY_FORWARD_FOREIGN, VLY_DROP_UNAUTHORISED);
		return false;
	}
	if (sight->port == 0) { // a check's
		atomic_store_explicit(&state->shared->answered_ns[sight->server], burst->now_ns,
				      memory_order_relaxed);
		vly_consume(dgram);
		return false;
	}
	path = vly_forward_path(state->shared, sight->server, sight->port);
	if (!vly_path_get(path, &owner)) {
		refuse(burst, dgram, VLY_FORWARD_NO_SESSION, VLY_DROP_HANDLER);
		return false;
	}
	note(&path->answered_ns, burst->now_ns);
	note(&state->shared->answered_ns[sight->server], burst->now_ns);
	dgram->peer = owner.client;
	dgram->local = owner.local;
	send_on(state, burst, dgram, owner.queue);
	return true;
}

// Which of the ports that we speak to servers from it came to; those are theirs alone.
static inline bool is_to_via(const struct vly_addr *via, uint32_t port_count,
			     const struct vly_dgram *dgram, uint32_t *port)
{
	*port = (uint32_t)dgram->local.port - via->port;
	return *port < port_count && (vly_addr_is_wildcard(via) ||
				      memcmp(via->ip, dgram->local.ip, sizeof(via->ip)) == 0);
}

// Asks memory for what each datagram will be looked up in: for all of them, before the first is.
static void look_ahead(const struct vly_forward_state *state, struct vly_dgram *const *in,
		       uint32_t count, struct sight *sights)
{
	struct vly_forward *shared = state->shared;

	for (uint32_t i = 0; i < count; i++) {
		const struct vly_dgram *dgram = in[i];
		struct sight *sight = &sights[i];

		sight->is_to_via = is_to_via(&shared->via, shared->port_count, dgram, &sight->port);
		if (!sight->is_to_via) {
			sight->bucket =
				vly_sessions_seek(&state->sessions, &dgram->peer, &dgram->local);
			continue;
		}
		sight->server = vly_plan_find(state->plan, &dgram->peer);
		if (sight->server != VLY_MAGLEV_NONE)
			vly_prefetch(vly_forward_path(shared, sight->server, sight->port));
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!sights[i].is_to_via)
			vly_sessions_prefetch(&state->sessions, sights[i].bucket);
	}
}

void vly_forward_burst(struct vly_forward_state *state, struct vly_burst *burst)
{
	const uint32_t count = burst->count;
	struct sight sights[VLY_BURST_MAX];
	uint64_t to_servers = 0;
	uint64_t to_clients = 0;

	state->plan = vly_forward_plan(state->shared, state->worker, state->plan);
	look_ahead(state, burst->in, count, sights);
	for (uint32_t i = 0; i < count; i++) {
		struct vly_dgram *dgram = burst->in[i];

		if (sights[i].is_to_via)
			to_clients += from_server(state, burst, dgram, &sights[i]);
		else
			to_servers += from_client(state, burst, dgram, sights[i].bucket);
	}
	vly_metric_add(burst, VLY_FORWARD_TO_SERVERS, to_servers);
	vly_metric_add(burst, VLY_FORWARD_TO_CLIENTS, to_clients);
}
