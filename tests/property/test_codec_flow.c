// SPDX-License-Identifier: BSD-3-Clause
//
// The flow hash: symmetric, spread evenly, and each bit of it depends on every bit of both
// endpoints. VLY_TEST_SEED reproduces.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "chance.h"
#include "stack/flow.h"

enum {
	ROUNDS = 4000,
	WORKERS = 8,
};

static struct vly_addr random_addr(void)
{
	struct vly_addr addr = {.port = (uint16_t)prng_next(&prng)};

	prng_fill(&prng, addr.ip, sizeof(addr.ip));
	return addr;
}

static struct vly_addr ip4_addr(uint32_t ip, uint16_t port)
{
	struct vly_addr addr = {.ip = {[10] = 0xff, [11] = 0xff}, .port = port};

	vly_be32_put(addr.ip + 12, ip);
	return addr;
}

static void test_symmetric_and_never_zero(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct vly_addr a = random_addr();
		struct vly_addr b = prng_once_in(&prng, 8) ? a : random_addr();

		assert_int_equal(vly_flow_hash(&a, &b), vly_flow_hash(&b, &a));
		assert_int_not_equal(vly_flow_hash(&a, &b), 0);
	}
}

// One input bit changed flips each of the 32 bits about every other time.
static void test_avalanche(void **state)
{
	(void)state;
	for (int bit = 0; bit < 144; bit++) {
		uint32_t flips[32] = {0};

		for (int round = 0; round < ROUNDS; round++) {
			struct vly_addr a =
				ip4_addr((uint32_t)prng_next(&prng), (uint16_t)prng_next(&prng));
			struct vly_addr b = ip4_addr(0x0a000001, 9000);
			uint32_t before = vly_flow_hash(&a, &b);
			uint32_t change;

			if (bit < 128)
				a.ip[bit / 8] ^= (uint8_t)(1u << bit % 8);
			else
				a.port ^= (uint16_t)(1u << (bit - 128));
			change = before ^ vly_flow_hash(&a, &b);
			for (int i = 0; i < 32; i++)
				flips[i] += change >> i & 1;
		}
		for (int i = 0; i < 32; i++) // more than 10 standard deviations of a fair coin
			assert_in_range(flips[i], ROUNDS / 2 - 350, ROUNDS / 2 + 350);
	}
}

// Flows as load generators make them: one address and ports that follow each other, or addresses
// that follow each other. Every worker gets its share, by low and by high bits.
static void test_spread(void **state)
{
	(void)state;
	for (int by_port = 0; by_port < 2; by_port++) {
		uint32_t low[WORKERS] = {0};
		uint32_t high[WORKERS] = {0};

		for (uint32_t i = 0; i < ROUNDS; i++) {
			struct vly_addr a = by_port ? ip4_addr(0x0a000002, (uint16_t)(40000 + i))
						    : ip4_addr(0x0a000002 + i, 40000);
			struct vly_addr b = ip4_addr(0x0a000001, 9000);
			uint32_t hash = vly_flow_hash(&a, &b);

			low[hash % WORKERS]++;
			high[(uint64_t)hash * WORKERS >> 32]++;
		}
		for (int i = 0; i < WORKERS; i++) {
			assert_in_range(low[i], ROUNDS / WORKERS - 130, ROUNDS / WORKERS + 130);
			assert_in_range(high[i], ROUNDS / WORKERS - 130, ROUNDS / WORKERS + 130);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symmetric_and_never_zero),
		cmocka_unit_test(test_avalanche),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests(tests, open_chance, tell_seed);
}
