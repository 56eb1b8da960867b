// SPDX-License-Identifier: BSD-3-Clause
//
// The routers' questions, of which groups anybody is a member.
#include "igmp.h"

static void test_general_questions(void **state)
{
	uint64_t at_ns;
	uint64_t first_ns = 0;
	bool is_varied = false;

	(void)state;
	open_with(any4, (struct vly_stack_config){0});
	begin();
	poll_at(S);
	for (uint64_t i = 1; i < 6; i++) {
		uint64_t now_ns = i * 20 * S;

		assert_int_equal(igmp("224.0.0.1", general4, now_ns), VLY_DROP_COUNT);
		poll_at(now_ns);
		at_ns = next_due(now_ns + 1, now_ns + 11 * (uint64_t)S);
		assert_true(at_ns <= now_ns + 10 * (uint64_t)S + S / 1000);
		is_varied |= i > 1 && at_ns - now_ns != first_ns;
		first_ns = at_ns - now_ns;
		assert_int_equal(poll_at(at_ns), 1);
		assert_igmp(0, routers4, "224.0.0.22", "22000000 00000001 02000000 ef010101");
		assert_int_equal(poll_at(at_ns + 9 * (uint64_t)S), 0);
	}
	assert_true(is_varied);
}

static void test_general_questions6(void **state)
{
	uint64_t now_ns = 20 * (uint64_t)S;

	(void)state;
	open_with(from6, (struct vly_stack_config){0});
	begin();
	poll_at(S);
	assert_int_equal(mld(general6, now_ns), VLY_DROP_COUNT);
	assert_int_equal(poll_at(now_ns + 11 * (uint64_t)S), 1);
	assert_mld(0, routers6, "ff02::16",
		   "8f000000 00000001 01000001 ff350000000000000000000000000001"
		   "fd000000000000000000000000000007");
}

static void test_specific_questions(void **state)
{
	uint64_t now_ns = 20 * (uint64_t)S;

	(void)state;
	open_with(from4, (struct vly_stack_config){0});
	begin();
	poll_at(S);
	// Of another group, and of a source that is not wanted.
	assert_int_equal(igmp("232.1.1.1", "110a0000 e8010102 027d0000", now_ns), VLY_DROP_COUNT);
	assert_int_equal(igmp("232.1.1.1", "110a0000 e8010101 027d0001 0a000009", now_ns),
			 VLY_DROP_COUNT);
	assert_int_equal(poll_at(now_ns + 2 * (uint64_t)S), 0);
	assert_int_equal(igmp("232.1.1.2", "110a0000 e8010102 027d0000", now_ns),
			 VLY_DROP_NOT_OUR_IP);
	now_ns += 5 * (uint64_t)S;
	assert_int_equal(igmp("232.1.1.1", "110a0000 e8010101 027d0001 0a000008", now_ns),
			 VLY_DROP_COUNT);
	assert_int_equal(poll_at(now_ns + 2 * (uint64_t)S), 1);
	assert_igmp(0, routers4, "224.0.0.22",
		    "22000000 00000001 01000002 e8010101 0a000007 0a000008");
}

// A code of 0x8f is (0xf | 0x10) << 3 tenths: 24.8 s.
static void test_long_delays(void **state)
{
	uint64_t latest = 0;

	(void)state;
	open_with(any4, (struct vly_stack_config){0});
	begin();
	poll_at(S);
	for (uint64_t i = 1; i < 20; i++) {
		uint64_t now_ns = i * 50 * S;
		uint64_t at_ns;

		igmp("224.0.0.1", "118f0000 00000000 027d0000", now_ns);
		poll_at(now_ns);
		at_ns = next_due(now_ns + 1, now_ns + 40 * (uint64_t)S);
		assert_int_equal(poll_at(at_ns), 1);
		latest = at_ns - now_ns > latest ? at_ns - now_ns : latest;
	}
	assert_true(latest > 13 * (uint64_t)S);
	assert_true(latest <= 25 * (uint64_t)S);
}

static void test_routers_of_igmp2_and_1(void **state)
{
	uint64_t now_ns = 20 * (uint64_t)S;

	(void)state;
	open_with(any4, (struct vly_stack_config){0});
	begin();
	poll_at(S);
	assert_int_equal(igmp("224.0.0.1", "11640000 00000000", now_ns), VLY_DROP_COUNT);
	assert_int_equal(poll_at(now_ns + 11 * (uint64_t)S), 1);
	assert_igmp(0, "01005e010101", "239.1.1.1", "16000000 ef010101");
	now_ns += 20 * (uint64_t)S;
	assert_int_equal(igmp("224.0.0.1", "11000000 00000000", now_ns), VLY_DROP_COUNT);
	// The older one decides, though another is heard.
	assert_int_equal(igmp("224.0.0.1", "11640000 00000000", now_ns + 1), VLY_DROP_COUNT);
	assert_int_equal(poll_at(now_ns + 11 * (uint64_t)S), 1);
	assert_igmp(0, "01005e010101", "239.1.1.1", "12000000 ef010101");
	// It is forgotten after a while.
	now_ns += 261 * (uint64_t)S;
	assert_int_equal(igmp("224.0.0.1", general4, now_ns), VLY_DROP_COUNT);
	assert_int_equal(poll_at(now_ns + 11 * (uint64_t)S), 1);
	assert_igmp(0, routers4, "224.0.0.22", "22000000 00000001 02000000 ef010101");
}

static void test_routers_of_mld1(void **state)
{
	uint64_t now_ns = 20 * (uint64_t)S;

	(void)state;
	open_with(any6, (struct vly_stack_config){0});
	begin();
	poll_at(S);
	assert_int_equal(mld("82000000 03e80000 00000000000000000000000000000000", now_ns),
			 VLY_DROP_COUNT);
	assert_int_equal(poll_at(now_ns + 2 * (uint64_t)S), 1);
	assert_mld(0, "333300000001", "ff15::1",
		   "83000000 00000000 ff150000000000000000000000000001");
	assert_true(vly_stack_leave(stack));
	assert_int_equal(poll_at(now_ns + 3 * (uint64_t)S), 1);
	assert_mld(0, "333300000002", "ff02::2",
		   "84000000 00000000 ff150000000000000000000000000001");
}

static void test_malformed(void **state)
{
	(void)state;
	open_with(any4, (struct vly_stack_config){0});
	begin();
	poll_at(S);
	assert_int_equal(igmp("224.0.0.1", "11640000", S), VLY_DROP_IGMP);
	assert_int_equal(igmp("224.0.0.1", "11641234 00000000", S), VLY_DROP_IGMP);
	assert_int_equal(igmp("224.0.0.1", "11640000 00000000 027d", S), VLY_DROP_IGMP);
	assert_int_equal(igmp("239.1.1.1", "11640000 ef010101 027d0002 0a000009", S),
			 VLY_DROP_IGMP);
	assert_int_equal(igmp("239.1.1.1", "11640000 ef010101 027dffff", S), VLY_DROP_IGMP);
	assert_int_equal(igmp("239.1.1.1", "16000000 ef010101", S), VLY_DROP_IGMP);
	assert_int_equal(igmp("10.0.0.1", general4, S), VLY_DROP_IGMP);
	assert_int_equal(mld("82000000 27100000 0000000000000000", S), VLY_DROP_IGMP);
	assert_int_equal(mld("82000000 27100000 00000000000000000000000000000000 027d", S),
			 VLY_DROP_IGMP);
	assert_int_equal(mld("82000000 27100000 00000000000000000000000000000000 027d0001", S),
			 VLY_DROP_IGMP);
	assert_int_equal(mld_from("fd00::9", 1, general6, S), VLY_DROP_IGMP);
	assert_int_equal(mld_from("fe80::9", 2, general6, S), VLY_DROP_IGMP);
	assert_int_equal(next_due(S + 1, 30 * (uint64_t)S), 30 * (uint64_t)S);
}

// The kernel beside us hears the question, too.
static void test_the_kernel_hears_it(void **state)
{
	(void)state;
	open_with(any4, (struct vly_stack_config){.has_kernel = true});
	begin();
	poll_at(S);
	assert_int_equal(igmp("224.0.0.1", general4, S), VLY_DROP_IGMP);
	assert_int_equal(poll_at(12 * (uint64_t)S), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_general_questions, close_stack),
		cmocka_unit_test_teardown(test_general_questions6, close_stack),
		cmocka_unit_test_teardown(test_specific_questions, close_stack),
		cmocka_unit_test_teardown(test_long_delays, close_stack),
		cmocka_unit_test_teardown(test_routers_of_igmp2_and_1, close_stack),
		cmocka_unit_test_teardown(test_routers_of_mld1, close_stack),
		cmocka_unit_test_teardown(test_malformed, close_stack),
		cmocka_unit_test_teardown(test_the_kernel_hears_it, close_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
