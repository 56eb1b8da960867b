// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handler/auth/prefixes.h"
#include "prng.h"

enum {
	PREFIXES = 300,
	ROUNDS = 60,
	LOOKUPS = 60, // of up to so many addresses at once:
	TOGETHER = 70,
};

static struct vly_prefix_value value_of(const char *text, uint8_t value)
{
	struct vly_prefix_value made = {.value = value};

	assert_int_equal(vly_prefix_parse(&made.prefix, text, NULL), 0);
	return made;
}

static uint8_t find(const struct vly_prefixes *prefixes, const char *ip)
{
	struct vly_prefix_value sought = value_of(ip, 1);
	const uint8_t *ips = sought.prefix.ip;
	uint8_t value;

	vly_prefixes_find(prefixes, &ips, 1, &value);
	return value;
}

static void the_longest_counts(void **state)
{
	const struct vly_prefix_value list[] = {
		value_of("10.1.2.0/24", 3),     value_of("10.0.0.0/8", 1),
		value_of("10.1.0.0/16", 2),     value_of("10.1.2.3", 1),
		value_of("10.1.2.3", 2),        value_of("fd00::/8", 3),
		value_of("fd00:1:2:3::/64", 2), value_of("fd00:1:2:3::4", 1),
		value_of("192.0.2.128/25", 3),
	};
	struct vly_prefixes *prefixes;

	(void)state;
	assert_int_equal(vly_prefixes_open(&prefixes, list, sizeof(list) / sizeof(list[0])), 0);
	assert_int_equal(find(prefixes, "10.255.0.1"), 1);
	assert_int_equal(find(prefixes, "10.1.0.1"), 2);
	assert_int_equal(find(prefixes, "10.1.2.4"), 3);
	assert_int_equal(find(prefixes, "10.1.2.3"), 2);
	assert_int_equal(find(prefixes, "11.0.0.0"), 0);
	assert_int_equal(find(prefixes, "192.0.2.127"), 0);
	assert_int_equal(find(prefixes, "192.0.2.128"), 3);
	assert_int_equal(find(prefixes, "fdff::1"), 3);
	assert_int_equal(find(prefixes, "fd00:1:2:3::5"), 2);
	assert_int_equal(find(prefixes, "fd00:1:2:3::4"), 1);
	assert_int_equal(find(prefixes, "fc00::1"), 0);
	vly_prefixes_close(prefixes);
}

static void one_may_hold_everything(void **state)
{
	const struct vly_prefix_value list[] = {value_of("0.0.0.0/0", 1), value_of("::/0", 2)};
	struct vly_prefixes *prefixes;

	(void)state;
	assert_int_equal(vly_prefixes_open(&prefixes, list, 1), 0);
	assert_int_equal(find(prefixes, "203.0.113.9"), 1);
	assert_int_equal(find(prefixes, "2001:db8::1"), 0);
	vly_prefixes_close(prefixes);
	assert_int_equal(vly_prefixes_open(&prefixes, list, 2), 0);
	assert_int_equal(find(prefixes, "2001:db8::1"), 2);
	vly_prefixes_close(prefixes);
	assert_int_equal(vly_prefixes_open(&prefixes, NULL, 0), 0);
	assert_int_equal(find(prefixes, "2001:db8::1"), 0);
	vly_prefixes_close(prefixes);
}

// --- beside a search through all of them --------------------------------------------------------

static bool lies_in(const uint8_t *ip, const struct vly_prefix *prefix)
{
	for (uint32_t bit = 0; bit < prefix->bits; bit++) {
		if ((ip[bit / 8] ^ prefix->ip[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	}
	return true;
}

// IPv4 addresses lie in IPv4's prefixes only.
static uint8_t search(const struct vly_prefix_value *list, const uint8_t *ip)
{
	struct vly_addr addr = {.port = 0};
	int longest = -1;
	uint8_t value = 0;

	memcpy(addr.ip, ip, 16);
	for (uint32_t i = 0; i < PREFIXES; i++) {
		const struct vly_prefix *prefix = &list[i].prefix;

		if (vly_addr_is_ipv4(&addr) && prefix->bits < VLY_PREFIX_IPV4_OFFSET)
			continue;
		if (!lies_in(ip, prefix) || prefix->bits < longest ||
		    (prefix->bits == longest && list[i].value < value))
			continue;
		longest = prefix->bits;
		value = list[i].value;
	}
	return value;
}

// Few different bytes, so that prefixes lie in one another.
static void random_ip(struct prng *prng, uint8_t *ip)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	for (int i = 0; i < 16; i++)
		ip[i] = (uint8_t)(prng_below(prng, 3) * 0x41);
	if (prng_once_in(prng, 2))
		memcpy(ip, mapped, sizeof(mapped));
}

static void look_up_some(struct prng *prng, const struct vly_prefixes *prefixes,
			 const struct vly_prefix_value *list)
{
	uint32_t count = (uint32_t)prng_between(prng, 0, TOGETHER);
	uint8_t bytes[TOGETHER][16];
	const uint8_t *ips[TOGETHER];
	uint8_t values[TOGETHER];

	for (uint32_t i = 0; i < count; i++) {
		random_ip(prng, bytes[i]);
		ips[i] = bytes[i];
	}
	vly_prefixes_find(prefixes, ips, count, values);
	for (uint32_t i = 0; i < count; i++) {
		if (values[i] != search(list, ips[i]))
			fail_msg("VLY_TEST_SEED=%llu", (unsigned long long)prng->seed);
	}
}

static void it_finds_what_a_search_finds(void **state)
{
	struct prng prng = prng_open();
	struct vly_prefix_value list[PREFIXES];

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct vly_prefixes *prefixes;

		for (uint32_t i = 0; i < PREFIXES; i++) {
			struct vly_addr addr = {.port = 0};

			random_ip(&prng, list[i].prefix.ip);
			memcpy(addr.ip, list[i].prefix.ip, 16);
			list[i].prefix.bits =
				(uint8_t)prng_between(&prng, vly_addr_is_ipv4(&addr) ? 96 : 0, 128);
			list[i].value = (uint8_t)prng_between(&prng, 1, VLY_PREFIX_VALUE_MAX);
		}
		assert_int_equal(vly_prefixes_open(&prefixes, list, PREFIXES), 0);
		for (int i = 0; i < LOOKUPS; i++)
			look_up_some(&prng, prefixes, list);
		vly_prefixes_close(prefixes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_counts),
		cmocka_unit_test(one_may_hold_everything),
		cmocka_unit_test(it_finds_what_a_search_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
