// SPDX-License-Identifier: BSD-3-Clause
//
// The forward handler: a load balancer in front of other servers. A client's datagram goes on, in
// the buffer that it came in, to the server that the client has been given, from a port of ours
// that is this client's alone towards that server; so the answer, which comes back to that port,
// tells by itself whose it is.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/fail.h"
#include "handler/builtin.h"
#include "handler/forward/state.h"

enum key {
	KEY_SERVERS,
	KEY_VIA,
	KEY_MAX_SESSIONS,
	KEY_IDLE,
	KEY_FRESH,
	KEY_AFFINITY,
	KEY_CHECK,
	KEY_FALL,
	KEY_RISE,
	KEY_PAYLOAD,
};

static const struct vly_key keys[] = {
	[KEY_SERVERS] =
		{"servers", VLY_KEY_TEXT, NULL, 0, 0,
		 "the file that names the servers, read again when it changes: a line each, "
		 "HOST:PORT [weight=N] [drain]"},
	[KEY_VIA] = {"via", VLY_KEY_TEXT, NULL, 0, 0,
		     "the ports that servers are spoken to from, ADDR:FIRST-LAST; also to be given "
		     "with -l. All but the first carry one client each towards each server"},
	[KEY_MAX_SESSIONS] = {"max-sessions", VLY_KEY_NUMBER, "65536", 1, 1 << 22,
			      "clients that a worker remembers, 100 bytes each; more are refused"},
	[KEY_IDLE] = {"idle", VLY_KEY_DURATION, "60s", 1000000, 86400000000000,
		      "silence on both sides after which a client is forgotten"},
	[KEY_FRESH] = {"fresh", VLY_KEY_DURATION, "5s", 1000000, 86400000000000,
		       "the same, while the server has not answered it yet"},
	[KEY_AFFINITY] = {"affinity", VLY_KEY_TEXT, "flow", 0, 0,
			  "what chooses the server: flow (address and port) or address"},
	[KEY_CHECK] = {"check", VLY_KEY_DURATION, "1s", 0, 3600000000000,
		       "how often servers are asked whether they are well; 0s: never"},
	[KEY_FALL] = {"fall", VLY_KEY_NUMBER, "3", 1, 1000,
		      "unanswered checks in a row that take a server out"},
	[KEY_RISE] = {"rise", VLY_KEY_NUMBER, "2", 1, 1000,
		      "answered checks in a row that bring it back"},
	[KEY_PAYLOAD] = {"check-payload", VLY_KEY_TEXT, "ping", 0, 0,
			 "what a check says; any answer will do"},
	{0},
};

static const struct vly_metric metrics[] = {
	[VLY_FORWARD_SESSIONS] = {"sessions", VLY_METRIC_GAUGE, "clients that are remembered"},
	[VLY_FORWARD_OPENED] = {"opened", VLY_METRIC_COUNTER, "clients that were given a server"},
	[VLY_FORWARD_MOVED] = {"moved", VLY_METRIC_COUNTER, "clients whose server failed or went"},
	[VLY_FORWARD_EXPIRED] = {"expired", VLY_METRIC_COUNTER, "clients forgotten after silence"},
	[VLY_FORWARD_TO_SERVERS] = {"to_servers", VLY_METRIC_COUNTER, "datagrams sent on"},
	[VLY_FORWARD_TO_CLIENTS] = {"to_clients", VLY_METRIC_COUNTER, "answers sent back"},
	[VLY_FORWARD_NO_SERVER] = {"no_server", VLY_METRIC_COUNTER,
				   "dropped (handler): every server drains"},
	[VLY_FORWARD_NO_PORT] = {"no_port", VLY_METRIC_COUNTER,
				 "dropped (rate_limited): all ports towards the server are in use"},
	[VLY_FORWARD_NO_ROOM] = {"no_room", VLY_METRIC_COUNTER,
				 "dropped (rate_limited): max-sessions clients are remembered"},
	[VLY_FORWARD_NO_BUFFER] =
		{"no_buffer", VLY_METRIC_COUNTER,
		 "dropped (tx_no_buffer, tx_oversize): no buffer of the other port for it"},
	[VLY_FORWARD_NO_SESSION] = {"no_session", VLY_METRIC_COUNTER,
				    "dropped (handler): an answer to nobody, or too late"},
	[VLY_FORWARD_FOREIGN] =
		{"foreign", VLY_METRIC_COUNTER,
		 "dropped (unauthorised): to a port of ours, by none of the servers"},
	[VLY_FORWARD_SERVERS_UP] = {"servers_up", VLY_METRIC_GAUGE, "servers that answer checks"},
	[VLY_FORWARD_CHECKS] = {"checks", VLY_METRIC_COUNTER, "checks sent"},
	[VLY_FORWARD_CHECKS_LOST] = {"checks_lost", VLY_METRIC_COUNTER, "checks without an answer"},
	[VLY_FORWARD_FILES_REFUSED] = {"files_refused", VLY_METRIC_GAUGE,
				       "changed files of servers that could not be read"},
	{0},
};

enum {
	HOUSEKEEPING_NS = 100000000,
};

// --- timers -------------------------------------------------------------------------------------

static void keep_house(void *arg, struct vly_burst *burst, struct vly_timer *timer)
{
	struct vly_forward_state *state = arg;

	(void)timer;
	state->plan = vly_forward_plan(state->shared, state->worker, state->plan);
	vly_forward_expire(state, burst);
	vly_metric_set(burst, VLY_FORWARD_SESSIONS, state->sessions.count);
}

// What the planner has found wrong with the file.
static void pass_on_refusal(struct vly_forward *shared, struct vly_burst *burst)
{
	const char *why = vly_warning_text(&shared->refusal);
	char text[VLY_ERROR_BYTES];

	if (!why)
		return;
	snprintf(text, sizeof(text), "the servers before stay, as the file was changed but: %.300s",
		 why);
	vly_warn(burst, text);
	vly_warning_clear(&shared->refusal);
}

static void check_servers(void *arg, struct vly_burst *burst, struct vly_timer *timer)
{
	struct vly_forward_state *state = arg;
	struct vly_health *health = &state->health;
	uint64_t asked = health->asked;
	uint64_t lost = health->lost;

	(void)timer;
	state->plan = vly_forward_plan(state->shared, state->worker, state->plan);
	if (vly_health_check(health, state->shared, state->plan, burst, state->send_queue))
		vly_forward_tell_up(state->shared, health->up);
	vly_metric_add(burst, VLY_FORWARD_CHECKS, health->asked - asked);
	vly_metric_add(burst, VLY_FORWARD_CHECKS_LOST, health->lost - lost);
	vly_metric_set(burst, VLY_FORWARD_SERVERS_UP,
		       (uint64_t)__builtin_popcountll(health->up & vly_plan_present(state->plan)));
	vly_metric_set(burst, VLY_FORWARD_FILES_REFUSED,
		       atomic_load(&state->shared->refused_files));
	pass_on_refusal(state->shared, burst);
}

static void on_burst(void *arg, struct vly_burst *burst)
{
	vly_forward_burst(arg, burst);
}

static void on_start(void *arg, struct vly_burst *burst)
{
	struct vly_forward_state *state = arg;

	state->plan = vly_forward_plan(state->shared, state->worker, NULL);
	vly_timer_start(burst, &state->housekeeping, HOUSEKEEPING_NS, HOUSEKEEPING_NS);
	if (state->worker == 0 && state->check_ns) {
		check_servers(state, burst, &state->check);
		vly_timer_start(burst, &state->check, state->check_ns, state->check_ns);
	}
}

// --- opening ------------------------------------------------------------------------------------

static int read_affinity(struct vly_forward_state *state, const char *text, struct vly_error *error)
{
	state->by_address = strcmp(text, "address") == 0;
	if (state->by_address || strcmp(text, "flow") == 0)
		return 0;
	return vly_fail(error, -EINVAL, "affinity=%.100s is none of flow, address", text);
}

// The ports from the second one on, dealt out among the workers.
static int open_ports(struct vly_forward_state *state, const struct vly_handler_env *env,
		      struct vly_error *error)
{
	int rc = 0;

	for (uint32_t i = 0; !rc && i < VLY_MAGLEV_SERVERS_MAX; i++)
		rc = vly_free_ports_open(&state->ports[i], env->worker + 1, env->worker_count,
					 state->shared->port_count, error);
	if (!rc && !state->ports[0].size)
		return vly_fail(
			error, -EINVAL,
			"via has %u ports, too few for %u workers; give one for checks, and "
			"at least one for each worker",
			state->shared->port_count, env->worker_count);
	return rc;
}

static bool serves(const struct vly_served *served, const struct vly_addr *addr)
{
	return served->addr.port == addr->port &&
	       (vly_addr_is_wildcard(&served->addr) ||
		memcmp(served->addr.ip, addr->ip, sizeof(addr->ip)) == 0);
}

// The row of a port that servers are spoken to from; NULL: nobody listens there.
static const struct vly_served *find_served(const struct vly_handler_env *env,
					    const struct vly_forward *shared, uint32_t port)
{
	struct vly_addr addr = shared->via;

	addr.port = (uint16_t)(addr.port + port);
	for (uint32_t i = 0; i < env->served_count; i++) {
		if (serves(&env->served[i], &addr))
			return &env->served[i];
	}
	return NULL;
}

// Which queues servers are reached by. A test kit has but one.
static int find_queues(struct vly_forward_state *state, const struct vly_handler_env *env,
		       struct vly_error *error)
{
	const struct vly_served *via = NULL;

	if (!env->served_count)
		return 0;
	for (uint32_t i = 0; i < state->shared->port_count; i++) {
		via = find_served(env, state->shared, i);
		if (!via)
			return vly_fail(
				error, -EINVAL,
				"nobody listens at port %u of via; give the same ports with -l",
				state->shared->via.port + i);
	}
	state->via_queue = via->queue;
	state->via_queues = via->queue_count;
	for (uint32_t i = 0; i < env->served_count; i++)
		state->is_crossing |= env->served[i].queue != via->queue;
	if (env->on_worker) {
		state->send_queue = (uint8_t)(via->queue + env->worker % via->queue_count);
		return 0;
	}
	state->send_queue = (uint8_t)env->worker;
	return !state->is_crossing
		       ? 0
		       : vly_fail(error, -EINVAL,
				  "clients and servers are on different ports of the engine, which "
				  "only a worker reaches; run it on one: -w 1");
}

static void close_state(void *arg)
{
	struct vly_forward_state *state = arg;

	if (state->shared && --state->shared->users == 0)
		vly_forward_close(state->shared);
	for (uint32_t i = 0; i < VLY_MAGLEV_SERVERS_MAX; i++)
		vly_free_ports_close(&state->ports[i]);
	vly_sessions_close(&state->sessions);
	free(state);
}

static int fill_state(struct vly_forward_state *state, const struct vly_handler_env *env,
		      struct vly_error *error)
{
	const union vly_value *values = env->values;
	struct vly_forward *shared = *env->shared;
	uint64_t seed = 0;
	int rc = read_affinity(state, values[KEY_AFFINITY].text, error);

	if (rc)
		return rc;
	if (!shared)
		rc = vly_forward_open(&shared, values[KEY_SERVERS].text, values[KEY_VIA].text,
				      error);
	if (rc)
		return rc;
	state->shared = shared;
	shared->users++;
	rc = find_queues(state, env, error);
	if (!rc)
		rc = open_ports(state, env, error);
	if (rc)
		return rc;
	if (getrandom(&seed, sizeof(seed), 0) < 0)
		return vly_fail(error, -errno, "no random numbers: %s", strerror(errno));
	vly_health_init(&state->health, (uint32_t)values[KEY_FALL].number,
			(uint32_t)values[KEY_RISE].number, values[KEY_PAYLOAD].text);
	rc = vly_sessions_open(&state->sessions, (uint32_t)values[KEY_MAX_SESSIONS].number, seed,
			       error);
	if (!rc)
		*env->shared = shared;
	return rc;
}

static int open_state(void **out, const struct vly_handler_env *env, struct vly_error *error)
{
	struct vly_forward_state *state = calloc(1, sizeof(*state));
	int rc;

	if (!state)
		return vly_fail(error, -ENOMEM, "out of memory");
	state->worker = env->worker;
	state->idle_ns = env->values[KEY_IDLE].number;
	state->fresh_ns = env->values[KEY_FRESH].number;
	state->check_ns = env->values[KEY_CHECK].number;
	state->housekeeping.fire = keep_house;
	state->check.fire = check_servers;
	rc = fill_state(state, env, error);
	if (rc) {
		close_state(state);
		return rc;
	}
	*out = state;
	return 0;
}

const struct vly_handler_ops vly_handler_forward = {
	.abi = VLY_HANDLER_ABI,
	.name = "forward",
	.summary = "balances load over other servers, and brings their answers back",
	.keys = keys,
	.metrics = metrics,
	.open = open_state,
	.on_start = on_start,
	.on_burst = on_burst,
	.close = close_state,
	.ignores = VLY_IGNORE_CLASS,
};
