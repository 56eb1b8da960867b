// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <volley/addr.h>

struct case_of_text {
	const char *text;
	bool passive;
	const char *expected; // NULL: refused
};

static void resolves_what_users_type(void **state)
{
	static const struct case_of_text cases[] = {
		{"127.0.0.1:9000", false, "127.0.0.1:9000"},
		{"[::1]:53", false, "[::1]:53"},
		{"[fd00::1]:65535", false, "[fd00::1]:65535"},
		{"9000", true, "[::]:9000"},
		{":9000", true, "[::]:9000"},
		{"0.0.0.0:7", true, "0.0.0.0:7"},
		{"127.0.0.1:domain", false, "127.0.0.1:53"},
		{":9000", false, NULL},
		{"", true, NULL},
		{":", true, NULL},
		{"127.0.0.1", false, NULL},
		{"127.0.0.1:", false, NULL},
		{"127.0.0.1:65536", false, NULL},
		{"127.0.0.1:-1", false, NULL},
		{"127.0.0.1:no-such-service", false, NULL},
		{"::1:53", false, NULL},
		{"[::1]", false, NULL},
		{"[::1:53", false, NULL},
		{"300.0.0.1:53", false, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vly_endpoint endpoint;
		struct vly_error error = {""};
		char text[VLY_ADDR_TEXT_BYTES];
		int rc =
			vly_endpoint_resolve(&endpoint, 1, cases[i].text, cases[i].passive, &error);

		if (!cases[i].expected) {
			assert_true(rc < 0);
			assert_true(strlen(error.text) > 0);
			continue;
		}
		assert_int_equal(rc, 1);
		assert_string_equal(vly_addr_format(&endpoint.addr, text, sizeof(text)),
				    cases[i].expected);
	}
}

static void resolves_a_range_of_ports(void **state)
{
	struct vly_endpoint endpoints[8];
	struct vly_error error = {""};
	char text[VLY_ADDR_TEXT_BYTES];
	int count = vly_endpoint_resolve(endpoints, 8, "127.0.0.1:9000-9007", true, &error);

	(void)state;
	assert_int_equal(count, 8);
	for (int i = 0; i < count; i++)
		assert_int_equal(endpoints[i].addr.port, 9000 + i);
	assert_string_equal(vly_addr_format(&endpoints[7].addr, text, sizeof(text)),
			    "127.0.0.1:9007");
	assert_int_equal(vly_endpoint_resolve(endpoints, 7, "127.0.0.1:9000-9007", true, &error),
			 -E2BIG);
	assert_int_equal(vly_endpoint_resolve(endpoints, 8, ":9001-9000", true, &error), -EINVAL);
	assert_int_equal(vly_endpoint_resolve(endpoints, 8, ":0-1", true, &error), -EINVAL);
	assert_int_equal(vly_endpoint_resolve(endpoints, 8, ":9-70000", true, &error), -EINVAL);
	assert_int_equal(vly_endpoint_resolve(endpoints, 8, "127.0.0.1:9-10", false, &error),
			 -EINVAL);
}

static void resolves_a_name_and_a_scope(void **state)
{
	struct vly_endpoint endpoints[4];
	struct vly_error error;
	int count = vly_endpoint_resolve(endpoints, 4, "localhost:1", false, &error);

	(void)state;
	assert_true(count >= 1);
	assert_int_equal(endpoints[0].addr.port, 1);
	assert_int_equal(vly_endpoint_resolve(endpoints, 4, "[fe80::1%lo]:1", false, &error), 1);
	assert_true(endpoints[0].ifindex > 0);
}

static void parses_prefixes(void **state)
{
	struct vly_prefix prefix;
	struct vly_error error;

	(void)state;
	assert_int_equal(vly_prefix_parse(&prefix, "10.1.2.3/24", &error), 0);
	assert_int_equal(prefix.bits, 120);
	assert_int_equal(prefix.ip[12], 10);
	assert_int_equal(prefix.ip[11], 0xff);
	assert_int_equal(vly_prefix_parse(&prefix, "fd00::7/64", &error), 0);
	assert_int_equal(prefix.bits, 64);
	assert_int_equal(prefix.ip[15], 7);
	assert_int_equal(vly_prefix_parse(&prefix, "10.1.2.3", &error), 0);
	assert_int_equal(prefix.bits, 128);
	assert_true(vly_prefix_parse(&prefix, "10.1.2.3/33", &error) < 0);
	assert_true(vly_prefix_parse(&prefix, "fd00::1/129", &error) < 0);
	assert_true(vly_prefix_parse(&prefix, "fd00::1/", &error) < 0);
	assert_true(vly_prefix_parse(&prefix, "10.1.2/24", &error) < 0);
	assert_true(vly_prefix_parse(&prefix, "eth0", &error) < 0);
}

static void parses_routes(void **state)
{
	static const char *const bad[] = {"10.1.0.0/16@",
					  "@10.0.0.1",
					  "10.1.0.0/16@10.0.0.1/24",
					  "10.1.0.0/16@fd00::1",
					  "fd00::/8@10.0.0.1",
					  "10.1.0.0/33@10.0.0.1",
					  "10.0.0.1/24",
					  "x"};
	struct vly_route route;
	struct vly_error error;
	char text[64];

	(void)state;
	assert_int_equal(vly_route_parse(&route, "10.1.0.0/16@10.0.0.254", &error), 0);
	assert_int_equal(route.prefix.bits, 96 + 16);
	assert_string_equal(vly_ip_format(route.next_hop, text, sizeof(text)), "10.0.0.254");
	assert_int_equal(vly_route_parse(&route, "10.0.0.254", &error), 0);
	assert_int_equal(route.prefix.bits, 96);
	assert_string_equal(vly_ip_format(route.prefix.ip, text, sizeof(text)), "0.0.0.0");
	assert_int_equal(vly_route_parse(&route, "fe80::1", &error), 0);
	assert_int_equal(route.prefix.bits, 0);
	assert_string_equal(vly_ip_format(route.next_hop, text, sizeof(text)), "fe80::1");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vly_route_parse(&route, bad[i], &error), -EINVAL);
}

static void parses_neighbours(void **state)
{
	static const char *const bad[] = {"10.0.0.9",
					  "10.0.0.9@",
					  "10.0.0.9@02:00:00:00:00",
					  "10.0.0.9@02:00:00:00:00:0",
					  "10.0.0.9@02:00:00:00:00:09:0a",
					  "10.0.0.9@02-00-00-00-00-09",
					  "10.0.0.9@01:00:00:00:00:09",
					  "10.0.0.9/24@02:00:00:00:00:09"};
	static const uint8_t mac[6] = {2, 0, 0xab, 0xCD, 0, 9};
	struct vly_neighbour neighbour;
	struct vly_error error;

	(void)state;
	assert_int_equal(vly_neighbour_parse(&neighbour, "fd00::9@02:00:ab:CD:00:09", &error), 0);
	assert_memory_equal(neighbour.mac, mac, 6);
	assert_int_equal(neighbour.ip[15], 9);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vly_neighbour_parse(&neighbour, bad[i], &error), -EINVAL);
}

static void knows_families(void **state)
{
	struct vly_addr addr = {.port = 1};

	(void)state;
	assert_true(vly_addr_is_wildcard(&addr));
	assert_false(vly_addr_is_ipv4(&addr));
	addr.ip[10] = addr.ip[11] = 0xff;
	assert_true(vly_addr_is_wildcard(&addr));
	assert_true(vly_addr_is_ipv4(&addr));
	addr.ip[15] = 1;
	assert_false(vly_addr_is_wildcard(&addr));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolves_what_users_type),
		cmocka_unit_test(resolves_a_range_of_ports),
		cmocka_unit_test(resolves_a_name_and_a_scope),
		cmocka_unit_test(parses_prefixes),
		cmocka_unit_test(parses_routes),
		cmocka_unit_test(parses_neighbours),
		cmocka_unit_test(knows_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
