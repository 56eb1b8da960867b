// SPDX-License-Identifier: BSD-3-Clause
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
		cmocka_unit_test(resolves_a_name_and_a_scope),
		cmocka_unit_test(parses_prefixes),
		cmocka_unit_test(knows_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
