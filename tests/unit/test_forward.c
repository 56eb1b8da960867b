// SPDX-License-Identifier: BSD-3-Clause
//
// The forward handler on arrays: clients on 10.0.0.x, two servers, and the test as both.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <volley/kit.h>

enum {
	VIA_FIRST = 20000,
	CLIENTS = 3, // ports for them towards each server
};

static const char via[] = "192.0.2.1:20000-20003";
static const char one_server[] = "10.9.0.1:53\n";
static const char two_servers[] = "10.9.0.1:53\n10.9.0.2:53\n";

struct setup {
	struct vly_kit *kit;
	char file[32];
};

static void write_file(const struct setup *setup, const char *text)
{
	FILE *file = fopen(setup->file, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void begin(struct setup *setup, const char *servers, const char *more)
{
	struct vly_error error = {""};
	char keys[256];
	struct vly_kit_config config = {.links = {{NULL, keys}}};

	snprintf(setup->file, sizeof(setup->file), "/tmp/forward-XXXXXX");
	close(mkstemp(setup->file));
	write_file(setup, servers);
	snprintf(keys, sizeof(keys), "forward,servers=%s,via=%s%s", setup->file, via, more);
	if (vly_kit_open(&setup->kit, &config, &error))
		fail_msg("%s", error.text);
	vly_kit_clear(setup->kit);
}

static void end(struct setup *setup)
{
	assert_null(vly_kit_complaint(setup->kit));
	assert_int_equal(vly_kit_held(setup->kit), 0);
	vly_kit_close(setup->kit);
	unlink(setup->file);
}

static struct vly_addr parse(const char *text)
{
	struct vly_endpoint endpoint;

	assert_int_equal(vly_endpoint_resolve(&endpoint, 1, text, false, NULL), 1);
	return endpoint.addr;
}

static uint32_t metric(const struct setup *setup, const char *name)
{
	return (uint32_t)vly_kit_metric(setup->kit, name);
}

// What a client's datagram became.
static struct vly_kit_outcome ask(struct setup *setup, const char *client)
{
	int number;

	vly_kit_clear(setup->kit);
	number = vly_kit_receive(setup->kit, client, "question", 8);
	vly_kit_run(setup->kit);
	return *vly_kit_outcome_of(setup->kit, (uint32_t)number);
}

static struct vly_kit_outcome answer(struct setup *setup, const struct vly_addr *server,
				     const struct vly_addr *to)
{
	int number;

	vly_kit_clear(setup->kit);
	number = vly_kit_receive_at(setup->kit, server, to, "answer", 6);
	vly_kit_run(setup->kit);
	return *vly_kit_outcome_of(setup->kit, (uint32_t)number);
}

static void there_and_back(void **state)
{
	const struct vly_addr served = parse("192.0.2.1:9000");
	const struct vly_addr client = parse("10.0.0.1:1000");
	struct vly_kit_outcome there;
	struct vly_kit_outcome again;
	struct vly_kit_outcome back;
	struct setup setup;

	(void)state;
	begin(&setup, two_servers, ",check=0s");
	there = ask(&setup, "10.0.0.1:1000");
	assert_int_equal(there.fate, VLY_FATE_SEND);
	assert_int_equal(there.peer.port, 53);
	assert_in_range(there.local.port, VIA_FIRST + 1, VIA_FIRST + CLIENTS);
	assert_memory_equal(there.local.ip, served.ip, sizeof(served.ip));
	again = ask(&setup, "10.0.0.1:1000");
	assert_memory_equal(&again.peer, &there.peer, sizeof(there.peer));
	assert_memory_equal(&again.local, &there.local, sizeof(there.local));
	back = answer(&setup, &there.peer, &there.local);
	assert_int_equal(back.fate, VLY_FATE_SEND);
	assert_memory_equal(&back.peer, &client, sizeof(client));
	assert_memory_equal(&back.local, &served, sizeof(served));
	assert_int_equal(metric(&setup, "opened"), 1);
	assert_int_equal(metric(&setup, "to_servers"), 2);
	assert_int_equal(metric(&setup, "to_clients"), 1);
	end(&setup);
}

static void who_is_no_server_gets_nowhere(void **state)
{
	const struct vly_addr stranger = parse("10.9.0.7:53");
	const struct vly_addr server = parse("10.9.0.1:53");
	struct vly_addr port = parse("192.0.2.1:20001");
	struct setup setup;

	(void)state;
	begin(&setup, one_server, ",check=0s");
	ask(&setup, "10.0.0.1:1000");
	assert_int_equal(answer(&setup, &stranger, &port).fate, VLY_DROP_UNAUTHORISED);
	port.port++; // nobody's
	assert_int_equal(answer(&setup, &server, &port).fate, VLY_DROP_HANDLER);
	assert_int_equal(metric(&setup, "foreign"), 1);
	assert_int_equal(metric(&setup, "no_session"), 1);
	end(&setup);
}

static void tables_are_bounded(void **state)
{
	struct setup setup;

	(void)state;
	begin(&setup, one_server, ",check=0s,fresh=1s");
	assert_int_equal(ask(&setup, "10.0.0.1:1").fate, VLY_FATE_SEND);
	assert_int_equal(ask(&setup, "10.0.0.1:2").fate, VLY_FATE_SEND);
	assert_int_equal(ask(&setup, "10.0.0.1:3").fate, VLY_FATE_SEND);
	assert_int_equal(ask(&setup, "10.0.0.1:4").fate, VLY_DROP_RATE_LIMITED);
	assert_int_equal(metric(&setup, "no_port"), 1);
	vly_kit_advance(setup.kit, 2 * (uint64_t)VLY_KIT_SECOND);
	assert_int_equal(metric(&setup, "expired"), 3);
	assert_int_equal(metric(&setup, "sessions"), 0);
	assert_int_equal(ask(&setup, "10.0.0.1:4").fate, VLY_FATE_SEND);
	end(&setup);
	begin(&setup, one_server, ",check=0s,max-sessions=1");
	assert_int_equal(ask(&setup, "10.0.0.1:1").fate, VLY_FATE_SEND);
	assert_int_equal(ask(&setup, "10.0.0.1:2").fate, VLY_DROP_RATE_LIMITED);
	assert_int_equal(metric(&setup, "no_room"), 1);
	end(&setup);
}

// Whom the server has answered is remembered for longer, from its own or the server's last word on.
static void answered_clients_stay(void **state)
{
	struct vly_kit_outcome there;
	struct setup setup;

	(void)state;
	begin(&setup, one_server, ",check=0s,fresh=1s,idle=10s");
	there = ask(&setup, "10.0.0.1:1");
	answer(&setup, &there.peer, &there.local);
	vly_kit_advance(setup.kit, 8 * (uint64_t)VLY_KIT_SECOND);
	assert_int_equal(answer(&setup, &there.peer, &there.local).fate, VLY_FATE_SEND);
	vly_kit_advance(setup.kit, 8 * (uint64_t)VLY_KIT_SECOND);
	assert_int_equal(metric(&setup, "sessions"), 1);
	vly_kit_advance(setup.kit, 3 * (uint64_t)VLY_KIT_SECOND);
	assert_int_equal(metric(&setup, "sessions"), 0);
	end(&setup);
}

// The planner is a thread of its own: it has done its work when the clients go elsewhere.
static bool goes_to(struct setup *setup, const char *client, const struct vly_addr *server)
{
	const struct timespec pause = {.tv_nsec = 5000000};

	for (uint32_t i = 0; i < 1000; i++) {
		struct vly_kit_outcome there = ask(setup, client);

		if (memcmp(&there.peer, server, sizeof(*server)) == 0)
			return true;
		vly_kit_advance(setup->kit, VLY_KIT_SECOND / 10); // the worker looks at the plan
		nanosleep(&pause, NULL);
	}
	return false;
}

static void a_server_that_fails_loses_its_clients(void **state)
{
	const struct vly_addr check = parse("192.0.2.1:20000");
	struct vly_addr servers[] = {parse("10.9.0.1:53"), parse("10.9.0.2:53")};
	struct vly_kit_outcome there;
	struct setup setup;
	uint32_t own;

	(void)state;
	begin(&setup, two_servers, ",check=1s,fall=2,rise=1,fresh=1h,check-payload=hello");
	there = ask(&setup, "10.0.0.1:1000");
	own = memcmp(&there.peer, &servers[1], sizeof(servers[1])) == 0;
	vly_kit_clear(setup.kit);
	for (uint32_t i = 0; i < 3; i++) { // only the other one answers
		answer(&setup, &servers[!own], &check);
		vly_kit_clear(setup.kit);
		vly_kit_advance(setup.kit, VLY_KIT_SECOND);
		assert_int_equal(vly_kit_answer(setup.kit, 0)->len, 5);
		assert_memory_equal(vly_kit_answer(setup.kit, 0)->data, "hello", 5);
	}
	assert_int_equal(metric(&setup, "servers_up"), 1);
	assert_int_equal(metric(&setup, "checks_lost"), 3);
	assert_true(goes_to(&setup, "10.0.0.1:1000", &servers[!own]));
	assert_int_equal(metric(&setup, "moved"), 1);
	end(&setup);
}

static void the_file_is_read_again(void **state)
{
	struct vly_addr first = parse("10.9.0.1:53");
	struct vly_addr second = parse("10.9.0.2:53");
	struct vly_kit_outcome there;
	struct setup setup;

	(void)state;
	begin(&setup, one_server, ",check=0s,fresh=50ms"); // so that who is not answered is new
	there = ask(&setup, "10.0.0.1:1");
	answer(&setup, &there.peer, &there.local);
	write_file(&setup, "nonsense\n");
	write_file(&setup, "10.9.0.1:53 drain\n10.9.0.2:53\n");
	assert_true(goes_to(&setup, "10.0.0.1:2", &second));
	assert_true(goes_to(&setup, "10.0.0.1:1", &first)); // keeps its server
	write_file(&setup, "10.9.0.2:53\n");
	assert_true(goes_to(&setup, "10.0.0.1:1", &second));
	end(&setup);
}

static void bad_keys_are_named(void **state)
{
	static const char *const keys[][2] = {
		{"forward,servers=/tmp/none,via=127.0.0.1:1-9", "servers=/tmp/none"},
		{"forward,servers=/dev/null,via=127.0.0.1:1-9", "names no server"},
		{"forward,servers=/dev/null,via=127.0.0.1:1", "ADDR:FIRST-LAST"},
		{"forward,servers=/dev/null,via=:9-1", "via=:9-1"},
		{"forward,servers=/dev/null,via=:1-9,affinity=moon", "flow, address"},
		{"forward,via=:1-9", "servers"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct vly_kit_config config = {.links = {{NULL, keys[i][0]}}};
		struct vly_error error = {""};
		struct vly_kit *kit;

		assert_true(vly_kit_open(&kit, &config, &error) < 0);
		if (!strstr(error.text, keys[i][1]))
			fail_msg("'%s' does not name '%s'", error.text, keys[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(who_is_no_server_gets_nowhere),
		cmocka_unit_test(tables_are_bounded),
		cmocka_unit_test(answered_clients_stay),
		cmocka_unit_test(a_server_that_fails_loses_its_clients),
		cmocka_unit_test(the_file_is_read_again),
		cmocka_unit_test(bad_keys_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
