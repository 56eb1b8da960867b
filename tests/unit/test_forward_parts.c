// SPDX-License-Identifier: BSD-3-Clause
//
// What a forwarder is made of: the table of places, the plan, the file, sessions and paths.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handler/forward/path.h"
#include "handler/forward/plan.h"
#include "handler/forward/session.h"

static struct vly_addr addr(uint8_t host, uint16_t port)
{
	return (struct vly_addr){
		.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, host},
		.port = port,
	};
}

// --- places -------------------------------------------------------------------------------------

static void count_places(const uint8_t *places, uint32_t *counts)
{
	memset(counts, 0, VLY_MAGLEV_SERVERS_MAX * sizeof(counts[0]));
	for (uint32_t i = 0; i < VLY_MAGLEV_PLACES; i++) {
		assert_true(places[i] < VLY_MAGLEV_SERVERS_MAX);
		counts[places[i]]++;
	}
}

static void each_has_its_share(void **state)
{
	static uint8_t places[VLY_MAGLEV_PLACES];
	const struct vly_maglev_server servers[] = {{11, 1, 0}, {22, 2, 1}, {33, 5, 2}};
	uint32_t counts[VLY_MAGLEV_SERVERS_MAX];

	(void)state;
	vly_maglev_fill(places, servers, 3);
	count_places(places, counts);
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t fair = VLY_MAGLEV_PLACES * servers[i].weight / 8;

		assert_in_range(counts[i], fair - 8, fair + 8);
	}
	vly_maglev_fill(places, servers, 0);
	assert_int_equal(places[7], VLY_MAGLEV_NONE);
}

// Of ten servers one goes: its places are dealt out, and of the others' few move. The paper counts
// 2 % and less at this size.
static void most_places_stay(void **state)
{
	static uint8_t before[VLY_MAGLEV_PLACES];
	static uint8_t after[VLY_MAGLEV_PLACES];
	struct vly_maglev_server servers[10];
	uint32_t moved = 0;

	(void)state;
	for (uint8_t i = 0; i < 10; i++)
		servers[i] = (struct vly_maglev_server){1000u + i, 1, i};
	vly_maglev_fill(before, servers, 10);
	vly_maglev_fill(after, servers, 9);
	for (uint32_t i = 0; i < VLY_MAGLEV_PLACES; i++) {
		assert_int_not_equal(after[i], 9);
		moved += before[i] != 9 && before[i] != after[i];
	}
	assert_true(moved < VLY_MAGLEV_PLACES / 25);
}

// --- the file -----------------------------------------------------------------------------------

static int add(struct vly_forward_servers *servers, const char *text, struct vly_error *error)
{
	char line[256];

	snprintf(line, sizeof(line), "%s", text);
	return vly_forward_servers_add(servers, line, 7, error);
}

static void reads_lines(void **state)
{
	struct vly_forward_servers servers = {.count = 0};
	struct vly_error error = {""};

	(void)state;
	assert_int_equal(add(&servers, "  10.0.0.1:53 weight=3 # the old one\n", &error), 0);
	assert_int_equal(add(&servers, "[fd00::1]:53\tdrain", &error), 0);
	assert_int_equal(add(&servers, "", &error), 0);
	assert_int_equal(add(&servers, "# nothing", &error), 0);
	assert_int_equal(servers.count, 2);
	assert_int_equal(servers.list[0].weight, 3);
	assert_false(servers.list[0].drains);
	assert_int_equal(servers.list[1].weight, 1);
	assert_true(servers.list[1].drains);
}

static void refuses_lines(void **state)
{
	static const char *const lines[] = {
		"10.0.0.1",
		"10.0.0.1:0",
		"10.0.0.1:99999",
		"0.0.0.0:53",
		"239.1.1.1:53",
		"10.0.0.1:53 weight=0",
		"10.0.0.1:53 weight=x",
		"10.0.0.1:53 weight=101",
		"10.0.0.1:53 drian",
		"10.0.0.9:53",
		"no-such-host.invalid:53",
	};
	struct vly_forward_servers servers = {.count = 0};
	struct vly_error error;

	(void)state;
	assert_int_equal(add(&servers, "10.0.0.9:53", &error), 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		error.text[0] = 0;
		assert_true(add(&servers, lines[i], &error) < 0);
		assert_non_null(strstr(error.text, "line 7"));
	}
	assert_int_equal(servers.count, 1);
}

// --- the plan -----------------------------------------------------------------------------------

static struct vly_forward_servers some(uint32_t count)
{
	struct vly_forward_servers servers = {.count = count};

	for (uint32_t i = 0; i < count; i++)
		servers.list[i] = (struct vly_forward_server){addr((uint8_t)(i + 1), 53), 1, false};
	return servers;
}

static void servers_keep_their_numbers(void **state)
{
	static struct vly_plan first;
	static struct vly_plan second;
	struct vly_forward_servers servers = some(4);
	struct vly_addr gone = servers.list[1].addr;
	uint8_t number;

	(void)state;
	vly_plan_make(&first, NULL, &servers, UINT64_MAX);
	number = vly_plan_find(&first, &gone);
	servers.list[1].addr = addr(99, 53); // takes the free number
	vly_plan_make(&second, &first, &servers, UINT64_MAX);
	assert_int_equal(vly_plan_find(&second, &gone), VLY_MAGLEV_NONE);
	assert_int_equal(vly_plan_find(&second, &servers.list[1].addr), number);
	for (uint32_t i = 0; i < 4; i++) {
		if (i != 1)
			assert_int_equal(vly_plan_find(&second, &servers.list[i].addr),
					 vly_plan_find(&first, &servers.list[i].addr));
	}
}

static void who_drains_or_is_down_gets_nobody(void **state)
{
	static struct vly_plan plan;
	struct vly_forward_servers servers = some(3);
	uint32_t counts[VLY_MAGLEV_SERVERS_MAX];

	(void)state;
	servers.list[0].drains = true;
	vly_plan_make(&plan, NULL, &servers, ~UINT64_C(2));
	count_places(plan.places, counts);
	assert_int_equal(counts[2], VLY_MAGLEV_PLACES);
	assert_int_equal(plan.usable, 5); // the one that drains keeps its own
	vly_plan_deal(&plan, 0);          // none is well: the checks may be wrong
	count_places(plan.places, counts);
	assert_in_range(counts[1], VLY_MAGLEV_PLACES / 2 - 8, VLY_MAGLEV_PLACES / 2 + 8);
	assert_int_equal(plan.usable, 7);
}

// --- sessions and paths -------------------------------------------------------------------------

static struct vly_session *find(const struct vly_sessions *sessions, const struct vly_addr *client,
				const struct vly_addr *local)
{
	return vly_sessions_find(sessions, vly_sessions_seek(sessions, client, local), client,
				 local);
}

static struct vly_session *open_one(struct vly_sessions *sessions, const struct vly_addr *client,
				    const struct vly_addr *local, uint64_t now_ns)
{
	return vly_sessions_add(sessions, vly_sessions_seek(sessions, client, local), client, local,
				now_ns);
}

static void sessions_come_and_go(void **state)
{
	enum {
		MAX = 1000
	};
	struct vly_addr local = addr(1, 9000);
	struct vly_sessions sessions;
	struct vly_addr client;

	(void)state;
	assert_int_equal(vly_sessions_open(&sessions, MAX, 5, NULL), 0);
	for (uint32_t round = 0; round < 3; round++) {
		for (uint16_t i = 0; i < MAX; i++) {
			client = addr(2, i);
			assert_null(find(&sessions, &client, &local));
			assert_non_null(open_one(&sessions, &client, &local, i));
		}
		client = addr(3, 1);
		assert_null(open_one(&sessions, &client, &local, 0));
		vly_sessions_requeue_oldest(&sessions); // the first becomes the last
		for (uint16_t i = 1; i <= MAX; i++) {
			client = addr(2, i % MAX);
			assert_ptr_equal(vly_sessions_oldest(&sessions),
					 find(&sessions, &client, &local));
			vly_sessions_remove_oldest(&sessions);
			assert_null(find(&sessions, &client, &local));
		}
		assert_null(vly_sessions_oldest(&sessions));
		assert_int_equal(sessions.count, 0);
	}
	vly_sessions_close(&sessions);
}

static void a_path_is_somebodys(void **state)
{
	struct vly_path_owner owner = {addr(2, 3), addr(4, 5), 6};
	struct vly_path path = {.version = 0};
	struct vly_path_owner found;

	(void)state;
	assert_false(vly_path_get(&path, &found));
	vly_path_set(&path, &owner);
	assert_true(vly_path_get(&path, &found));
	assert_memory_equal(&found.client, &owner.client, sizeof(owner.client));
	assert_memory_equal(&found.local, &owner.local, sizeof(owner.local));
	assert_int_equal(found.queue, 6);
	path.version++; // as if its owner were writing
	assert_false(vly_path_get(&path, &found));
	path.version++;
	vly_path_set(&path, NULL);
	assert_false(vly_path_get(&path, &found));
}

static void freed_ports_wait_longest(void **state)
{
	struct vly_free_ports ports;

	(void)state;
	assert_int_equal(vly_free_ports_open(&ports, 2, 2, 9, NULL), 0);
	assert_int_equal(vly_free_ports_take(&ports), 2);
	assert_int_equal(vly_free_ports_take(&ports), 4);
	vly_free_ports_put(&ports, 2);
	assert_int_equal(vly_free_ports_take(&ports), 6);
	assert_int_equal(vly_free_ports_take(&ports), 8);
	assert_int_equal(vly_free_ports_take(&ports), 2);
	assert_int_equal(vly_free_ports_take(&ports), VLY_PATH_NONE);
	vly_free_ports_close(&ports);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_its_share),
		cmocka_unit_test(most_places_stay),
		cmocka_unit_test(reads_lines),
		cmocka_unit_test(refuses_lines),
		cmocka_unit_test(servers_keep_their_numbers),
		cmocka_unit_test(who_drains_or_is_down_gets_nobody),
		cmocka_unit_test(sessions_come_and_go),
		cmocka_unit_test(a_path_is_somebodys),
		cmocka_unit_test(freed_ports_wait_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
