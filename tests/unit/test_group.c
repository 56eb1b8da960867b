// SPDX-License-Identifier: BSD-3-Clause
//
// Multicast groups as text, and those of a port's configuration.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <volley/volley.h>

#include "core/group.h"

static const uint8_t group_ip[16] = {[10] = 0xff, 0xff, 232, 1, 2, 3};
static const uint8_t source_ip[16] = {[10] = 0xff, 0xff, 10, 0, 0, 9};

static void parses_groups(void **state)
{
	struct vly_group group;
	struct vly_error error = {""};
	static const uint8_t none[16];

	(void)state;
	assert_int_equal(vly_group_parse(&group, "232.1.2.3", &error), 0);
	assert_memory_equal(group.ip, group_ip, 16);
	assert_memory_equal(group.source, none, 16);
	assert_int_equal(group.ifindex, 0);
	assert_int_equal(vly_group_parse(&group, "232.1.2.3,source=10.0.0.9,if=lo", &error), 0);
	assert_memory_equal(group.source, source_ip, 16);
	assert_true(group.ifindex > 0);
	assert_int_equal(vly_group_parse(&group, "ff15::7,if=lo", &error), 0);
	assert_int_equal(group.ip[0], 0xff);
	assert_int_equal(group.ip[15], 7);
}

static void refuses_what_is_no_group(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *words;
	} bad[] = {
		{"", -EINVAL, "is not a multicast group"},
		{"10.0.0.1", -EINVAL, "is not a multicast group"},
		{"240.0.0.1", -EINVAL, "is not a multicast group"},
		{"fe80::1", -EINVAL, "is not a multicast group"},
		{"::ffff:239.1.1.1.1", -EINVAL, "is not a multicast group"},
		{"239.1.1.1,source=ff02::1", -EINVAL, "not the address of a host"},
		{"239.1.1.1,source=239.1.1.2", -EINVAL, "not the address of a host"},
		{"239.1.1.1,source=", -EINVAL, "not the address of a host"},
		{"239.1.1.1,source=fd00::1", -EINVAL, "different families"},
		{"ff15::1,source=10.0.0.1", -EINVAL, "different families"},
		{"239.1.1.1,if=nosuch", -ENODEV, "no interface 'nosuch'"},
		{"239.1.1.1,", -EINVAL, "is nothing that a group has"},
		{"239.1.1.1,lo", -EINVAL, "'lo' is nothing that a group has"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vly_group group;
		struct vly_error error = {""};

		assert_int_equal(vly_group_parse(&group, bad[i].text, &error), bad[i].code);
		assert_non_null(strstr(error.text, bad[i].words));
	}
}

static struct vly_group group_of(const char *text)
{
	struct vly_group group;
	struct vly_error error = {""};

	assert_int_equal(vly_group_parse(&group, text, &error), 0);
	return group;
}

static int complete(const char *first, const char *second, struct vly_error *error)
{
	struct vly_group given[2] = {group_of(first), group_of(second)};
	struct vly_group groups[VLY_GROUPS_MAX];
	struct vly_port_config config = {.groups = given, .group_count = 2};

	return vly_groups_complete(&config, groups, error);
}

static void finds_contradictions(void **state)
{
	struct vly_error error = {""};

	(void)state;
	assert_int_equal(complete("239.1.1.1", "239.1.1.2", &error), 0);
	assert_int_equal(complete("239.1.1.1", "239.1.1.1,if=lo", &error), 0);
	assert_int_equal(complete("232.1.1.1,source=10.0.0.1", "232.1.1.1,source=10.0.0.2", &error),
			 0);
	assert_int_equal(complete("239.1.1.1", "239.1.1.1", &error), -EINVAL);
	assert_non_null(strstr(error.text, "group 239.1.1.1 is given twice"));
	assert_int_equal(complete("232.1.1.1", "232.1.1.1,source=10.0.0.2", &error), -EINVAL);
	assert_int_equal(complete("ff15::1", "ff15::1", &error), -EINVAL);
	assert_non_null(strstr(error.text, "group ff15::1 is given twice"));
}

static void listens_on_groups_join_them(void **state)
{
	struct vly_group given = group_of("232.1.2.3,source=10.0.0.9");
	struct vly_group groups[VLY_GROUPS_MAX];
	struct vly_endpoint listens[3];
	struct vly_port_config config = {.listens = listens, .listen_count = 3};
	struct vly_error error = {""};

	(void)state;
	assert_int_equal(vly_endpoint_resolve(&listens[0], 1, "239.5.5.5%lo:1", true, &error), 1);
	assert_int_equal(vly_endpoint_resolve(&listens[1], 1, "10.1.1.1:1", true, &error), 1);
	assert_int_equal(vly_endpoint_resolve(&listens[2], 1, "232.1.2.3:1", true, &error), 1);
	config.groups = &given;
	config.group_count = 1;
	assert_int_equal(vly_groups_complete(&config, groups, &error), 0);
	assert_int_equal(config.group_count, 2); // the third is joined already, as told
	assert_memory_equal(config.groups[0].source, source_ip, 16);
	assert_int_equal(config.groups[1].ip[12], 239);
	assert_true(config.groups[1].ifindex > 0);
}

// A port that speaks IP by itself, and one of the kernel's.
static void ports_say_what_they_cannot_join(void **state)
{
	struct vly_group groups[VLY_GROUPS_MAX + 1] = {{.ifindex = 0}};
	struct vly_port_config config = {
		.backend = "socket", .groups = groups, .group_count = VLY_GROUPS_MAX + 1};
	struct vly_error error = {""};
	struct vly_port *port;

	(void)state;
	assert_int_equal(vly_port_open(&port, &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, "65 groups are too many; give up to 64"));
	config.group_count = 1;
	assert_int_equal(vly_port_open(&port, &config, &error), -EINVAL);
	assert_non_null(strstr(error.text, ":: is not a multicast group"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_groups),
		cmocka_unit_test(refuses_what_is_no_group),
		cmocka_unit_test(finds_contradictions),
		cmocka_unit_test(listens_on_groups_join_them),
		cmocka_unit_test(ports_say_what_they_cannot_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
