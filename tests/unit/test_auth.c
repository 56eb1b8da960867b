// SPDX-License-Identifier: BSD-3-Clause
//
// The handler auth by the kit: lists, rates, and what may be answered. Tokens: test_auth_token.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <volley/kit.h>

#include "handler/auth/sources.h"

// Answers with three times what it got.
static void triple_burst(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++) {
		memset(vly_dgram_data(burst->in[i]), 'x', 3u * burst->in[i]->len);
		burst->in[i]->len = (uint16_t)(3 * burst->in[i]->len);
		vly_reply(burst->in[i]);
	}
}

static const struct vly_handler_ops triple = {
	.abi = VLY_HANDLER_ABI,
	.name = "triple",
	.summary = "answers with three times as much",
	.on_burst = triple_burst,
};

static void write_file(char *path, const char *text)
{
	int fd;

	strcpy(path, "/tmp/volley-auth-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static struct vly_kit *open_kit(const char *arguments, const struct vly_handler_ops *inner)
{
	const struct vly_kit_config config = {.links = {{NULL, arguments}, {inner, NULL}}};
	struct vly_error error = {""};
	struct vly_kit *kit;

	if (vly_kit_open(&kit, &config, &error) < 0)
		fail_msg("%s", error.text);
	return kit;
}

static uint32_t fate_of(struct vly_kit *kit, const char *peer, size_t len)
{
	static const char text[400];
	int number;

	vly_kit_clear(kit);
	number = vly_kit_receive(kit, peer, text, len);
	assert_true(number >= 0);
	vly_kit_run(kit);
	return vly_kit_outcome_of(kit, (uint32_t)number)->fate;
}

static void close_kit(struct vly_kit *kit)
{
	assert_null(vly_kit_complaint(kit));
	vly_kit_close(kit);
}

static void the_longest_prefix_of_both_lists_counts(void **state)
{
	char allow[32];
	char deny[32];
	char text[100];
	struct vly_kit *kit;

	(void)state;
	write_file(allow, "# ours\n10.0.0.0/8 the office\n\n10.1.2.0/24\nfd00::/8\n");
	write_file(deny, "10.1.0.0/16\n10.1.2.9\n");
	snprintf(text, sizeof(text), "auth,factor=0,allow=%s,deny=%s", allow, deny);
	kit = open_kit(text, &triple);
	assert_int_equal(fate_of(kit, "10.9.9.9:1", 1), VLY_FATE_REPLY);
	assert_int_equal(fate_of(kit, "10.1.9.9:1", 1), VLY_DROP_UNAUTHORISED);
	assert_int_equal(fate_of(kit, "10.1.2.8:1", 1), VLY_FATE_REPLY);
	assert_int_equal(fate_of(kit, "10.1.2.9:1", 1), VLY_DROP_UNAUTHORISED);
	assert_int_equal(fate_of(kit, "192.0.2.1:1", 1), VLY_DROP_UNAUTHORISED);
	assert_int_equal(fate_of(kit, "[fd00::1]:1", 1), VLY_FATE_REPLY);
	assert_int_equal(vly_kit_metric(kit, "denied"), 3);
	assert_int_equal(vly_kit_metric(kit, "prefixes"), 5);
	close_kit(kit);
	snprintf(text, sizeof(text), "auth,factor=0,deny=%s", deny);
	kit = open_kit(text, &triple);
	assert_int_equal(fate_of(kit, "192.0.2.1:1", 1), VLY_FATE_REPLY);
	assert_int_equal(fate_of(kit, "10.1.2.9:1", 1), VLY_DROP_UNAUTHORISED);
	close_kit(kit);
	unlink(allow);
	unlink(deny);
}

static void a_source_has_a_rate(void **state)
{
	struct vly_kit *kit = open_kit("auth,factor=0,rate=10,burst=3", &triple);

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(fate_of(kit, "10.0.0.1:1", 1), VLY_FATE_REPLY);
	assert_int_equal(fate_of(kit, "10.0.0.1:2", 1), VLY_DROP_RATE_LIMITED);
	assert_int_equal(fate_of(kit, "10.0.0.2:1", 1), VLY_FATE_REPLY);
	assert_int_equal(fate_of(kit, "[fd00:0:0:1::1]:1", 1), VLY_FATE_REPLY);
	for (int i = 0; i < 3; i++) // a host has many addresses of one network
		fate_of(kit, i % 2 ? "[fd00:0:0:1::2]:1" : "[fd00:0:0:1::3]:1", 1);
	assert_int_equal(vly_kit_metric(kit, "over_rate"), 2);
	vly_kit_advance(kit, VLY_KIT_SECOND / 10);
	assert_int_equal(fate_of(kit, "10.0.0.1:1", 1), VLY_FATE_REPLY);
	assert_int_equal(fate_of(kit, "10.0.0.1:1", 1), VLY_DROP_RATE_LIMITED);
	close_kit(kit);
}

static void answers_are_no_more_than_a_multiple(void **state)
{
	struct vly_kit *kit = open_kit("auth,factor=2", &triple);

	(void)state;
	assert_int_equal(fate_of(kit, "10.0.0.1:1", 100), VLY_DROP_RATE_LIMITED);
	assert_int_equal(fate_of(kit, "10.0.0.1:1", 100), VLY_FATE_REPLY); // 400 for 300
	assert_int_equal(fate_of(kit, "10.0.0.1:1", 100), VLY_FATE_REPLY); // 300 for 300
	assert_int_equal(fate_of(kit, "10.0.0.1:1", 100), VLY_DROP_RATE_LIMITED);
	assert_int_equal(vly_kit_metric(kit, "over_factor"), 2);
	close_kit(kit);
	kit = open_kit("auth", &triple); // three is the preset
	assert_int_equal(fate_of(kit, "10.0.0.1:1", 100), VLY_FATE_REPLY);
	close_kit(kit);
}

static void sources_are_bounded(void **state)
{
	struct vly_sources sources;
	uint8_t ip[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0};
	struct vly_source *source;

	(void)state;
	assert_int_equal(vly_sources_open(&sources, 8), 0);
	for (uint8_t i = 0; i < 8; i++) {
		ip[15] = i;
		source = vly_source_at(&sources, ip, 0);
		source->credit = i;
		for (uint8_t n = 0; n <= i; n++)
			assert_true(vly_source_may(source, 0, 100, 100));
	}
	assert_int_equal(sources.crowded, 0);
	ip[15] = 8;
	assert_int_equal(vly_source_at(&sources, ip, 150)->credit, 0); // 0 was free: it went
	assert_int_equal(sources.crowded, 0);
	ip[15] = 0;
	assert_null(vly_source_find(&sources, ip));
	ip[15] = 7;
	assert_int_equal(vly_source_find(&sources, ip)->credit, 7);
	for (uint8_t i = 0; i < 3; i++) {
		ip[15] = (uint8_t)(20 + i);
		assert_true(vly_source_may(vly_source_at(&sources, ip, 150), 150, 1000, 10));
	}
	assert_int_equal(sources.crowded, 2);
	vly_sources_close(&sources);
}

static void bad_files_are_named(void **state)
{
	static const char *const texts[] = {"auth,allow=%s", "auth,deny=%s", "auth,keys=%s"};
	char path[32];
	char text[100];

	(void)state;
	write_file(path, "10.0.0.0/8\n10.0.0.0/99\n");
	for (int i = 0; i < 6; i++) {
		struct vly_kit_config config = {.links = {{NULL, text}}};
		struct vly_error error = {""};
		struct vly_kit *kit;

		snprintf(text, sizeof(text), texts[i % 3], i < 3 ? path : "/nowhere");
		assert_true(vly_kit_open(&kit, &config, &error) < 0);
		assert_non_null(strstr(error.text, i < 3 ? path : "/nowhere"));
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_of_both_lists_counts),
		cmocka_unit_test(a_source_has_a_rate),
		cmocka_unit_test(answers_are_no_more_than_a_multiple),
		cmocka_unit_test(sources_are_bounded),
		cmocka_unit_test(bad_files_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
