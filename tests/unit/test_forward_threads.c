// SPDX-License-Identifier: BSD-3-Clause
//
// The forward handler on several workers over the kernel's sockets, with all that its threads share
// changing at once: clients come and go, a server falls silent and answers again, the file drains
// servers and is broken, and the handlers are loaded anew. For ThreadSanitizer as much as for the
// counts.
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <volley/volley.h>

enum {
	WAIT_LIMIT_MS = 20000,
	ROUNDS = 2,
	SERVERS = 3,
	CLIENTS = 12, // of a thread
	CLIENT_THREADS = 2,
	WORKERS = 3,
	FIRST_SERVER_PORT = 7001,
	PORT = 9000,
	ENOUGH = 100, // answers
	PAUSE_NS = 1000000,
	SERVER_WAIT_MS = 10,
};

struct world {
	char ip[INET_ADDRSTRLEN]; // of this process alone, so that no port is in use
	char file[32];
	int servers[SERVERS];
	struct vly_engine *engine;
	atomic_bool stops;
	atomic_bool is_mute; // the last server
	atomic_uint answered;
};

static struct sockaddr_in address(const struct world *world, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, world->ip, &address.sin_addr);
	return address;
}

static void pause_a_moment(void)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	nanosleep(&pause, NULL);
}

// --- who talks ----------------------------------------------------------------------------------

static void answer(const struct world *world, uint32_t index)
{
	struct sockaddr_in peer;
	socklen_t bytes = sizeof(peer);
	char data[64];
	ssize_t n = recvfrom(world->servers[index], data, sizeof(data), MSG_DONTWAIT,
			     (struct sockaddr *)&peer, &bytes);

	if (n > 0 && !(index == SERVERS - 1 && atomic_load(&world->is_mute)))
		sendto(world->servers[index], data, (size_t)n, 0, (struct sockaddr *)&peer, bytes);
}

static void *run_servers(void *arg)
{
	struct world *world = arg;

	while (!atomic_load(&world->stops)) {
		struct pollfd ready[SERVERS];

		for (uint32_t i = 0; i < SERVERS; i++)
			ready[i] = (struct pollfd){.fd = world->servers[i], .events = POLLIN};
		if (poll(ready, SERVERS, SERVER_WAIT_MS) <= 0)
			continue;
		for (uint32_t i = 0; i < SERVERS; i++) {
			if (ready[i].revents)
				answer(world, i);
		}
	}
	return NULL;
}

static int open_client(const struct world *world)
{
	const struct sockaddr_in server = address(world, PORT);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&server, sizeof(server)))
		perror("connect");
	return fd;
}

// Each turn another one of the clients is a new one.
static void *run_clients(void *arg)
{
	struct world *world = arg;
	int fds[CLIENTS];
	char data[64];

	for (uint32_t i = 0; i < CLIENTS; i++)
		fds[i] = open_client(world);
	for (uint32_t turn = 0; !atomic_load(&world->stops); turn++) {
		close(fds[turn % CLIENTS]);
		fds[turn % CLIENTS] = open_client(world);
		for (uint32_t i = 0; i < CLIENTS; i++)
			send(fds[i], "question", 8, 0);
		pause_a_moment();
		for (uint32_t i = 0; i < CLIENTS; i++) {
			while (recv(fds[i], data, sizeof(data), MSG_DONTWAIT) > 0)
				atomic_fetch_add(&world->answered, 1);
		}
	}
	for (uint32_t i = 0; i < CLIENTS; i++)
		close(fds[i]);
	return NULL;
}

// --- the engine between them --------------------------------------------------------------------

static void write_file(const struct world *world, const char *second, const char *more)
{
	FILE *file = fopen(world->file, "w");

	assert_non_null(file);
	for (uint32_t i = 0; i < SERVERS; i++)
		fprintf(file, "%s:%u%s\n", world->ip, FIRST_SERVER_PORT + i, i == 1 ? second : "");
	fputs(more, file);
	fclose(file);
}

static uint64_t metric(const struct world *world, const char *name)
{
	struct vly_handler_metric metric;

	for (uint32_t i = 0; vly_engine_handler_metric(world->engine, i, &metric); i++) {
		if (strcmp(metric.name, name) == 0)
			return metric.value;
	}
	fail_msg("no metric %s", name);
	return 0;
}

static void await(const struct world *world, const char *name, uint64_t least, uint64_t most)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < WAIT_LIMIT_MS; i++) {
		value = metric(world, name);
		if (value >= least && value <= most)
			return;
		pause_a_moment();
	}
	fail_msg("%s is %lu, not %lu to %lu", name, value, least, most);
}

static void await_answers(struct world *world)
{
	uint32_t before = atomic_load(&world->answered);

	for (uint32_t i = 0; i < WAIT_LIMIT_MS; i++) {
		if (atomic_load(&world->answered) - before >= ENOUGH)
			return;
		pause_a_moment();
	}
	fail_msg("no answers any more");
}

static void start_engine(struct world *world)
{
	static struct vly_endpoint listens[VLY_LISTENS_MAX];
	char text[64];
	char keys[256];
	const char *handler = keys;
	struct vly_error error = {""};
	struct vly_port_config port = {.backend = "socket", .listens = listens, .queues = 1};
	struct vly_engine_config config = {
		.ports = &port,
		.port_count = 1,
		.handlers = &handler,
		.handler_count = 1,
		.workers = WORKERS,
	};

	snprintf(text, sizeof(text), "%s:20000-20063", world->ip);
	snprintf(keys, sizeof(keys),
		 "forward,servers=%s,via=%s,check=10ms,fall=2,rise=1,fresh=50ms,idle=100ms",
		 world->file, text);
	port.listen_count =
		(uint32_t)vly_endpoint_resolve(listens, VLY_LISTENS_MAX - 1, text, true, &error);
	snprintf(text, sizeof(text), "%s:%u", world->ip, PORT);
	assert_int_equal(vly_endpoint_resolve(&listens[port.listen_count++], 1, text, true, &error),
			 1);
	if (vly_engine_open(&world->engine, &config, &error) ||
	    vly_engine_start(world->engine, &error))
		fail_msg("%s", error.text);
}

static void begin(struct world *world)
{
	unsigned pid = (unsigned)getpid();

	*world = (struct world){.file = "/tmp/forward-XXXXXX"};
	snprintf(world->ip, sizeof(world->ip), "127.%u.%u.%u", 64 + (pid >> 16 & 63),
		 pid >> 8 & 255, 1 + pid % 254);
	close(mkstemp(world->file));
	write_file(world, "", "");
	for (uint32_t i = 0; i < SERVERS; i++) {
		const struct sockaddr_in own = address(world, (uint16_t)(FIRST_SERVER_PORT + i));

		world->servers[i] = socket(AF_INET, SOCK_DGRAM, 0);
		assert_int_equal(
			bind(world->servers[i], (const struct sockaddr *)&own, sizeof(own)), 0);
	}
	start_engine(world);
}

static void end(struct world *world)
{
	struct vly_ledger ledger;

	vly_engine_stop(world->engine);
	vly_engine_ledger(world->engine, &ledger);
	assert_true(vly_ledger_is_balanced(&ledger));
	assert_int_equal(ledger.dropped[VLY_DROP_UNAUTHORISED], 0);
	vly_engine_close(world->engine);
	for (uint32_t i = 0; i < SERVERS; i++)
		close(world->servers[i]);
	unlink(world->file);
}

// --- and what changes ---------------------------------------------------------------------------

static void change_all(struct world *world, uint32_t round)
{
	struct vly_error error = {""};
	uint64_t moved = metric(world, "moved");

	atomic_store(&world->is_mute, true);
	await(world, "servers_up", SERVERS - 1, SERVERS - 1);
	await(world, "moved", moved + 1, UINT64_MAX);
	write_file(world, round % 2 ? "" : " drain", "");
	atomic_store(&world->is_mute, false);
	await(world, "servers_up", SERVERS, SERVERS);
	await_answers(world);
	write_file(world, "", "not a server\n");
	await(world, "files_refused", 1, UINT64_MAX);
	write_file(world, "", "");
	if (vly_engine_reload(world->engine, &error))
		fail_msg("%s", error.text);
	await_answers(world);
}

static void nothing_is_lost_between_threads(void **state)
{
	pthread_t threads[1 + CLIENT_THREADS];
	struct world world;

	(void)state;
	begin(&world);
	assert_int_equal(pthread_create(&threads[0], NULL, run_servers, &world), 0);
	for (uint32_t i = 1; i <= CLIENT_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_clients, &world), 0);
	await_answers(&world);
	for (uint32_t round = 0; round < ROUNDS; round++)
		change_all(&world, round);
	await(&world, "expired", 1, UINT64_MAX);
	atomic_store(&world.stops, true);
	for (uint32_t i = 0; i <= CLIENT_THREADS; i++)
		pthread_join(threads[i], NULL);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
