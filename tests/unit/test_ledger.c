// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stats/ledger_block.h"

static void every_drop_has_its_own_name(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < VLY_DROP_COUNT; i++) {
		assert_non_null(vly_drop_name(i));
		assert_true(strlen(vly_drop_text(i)) > 0);
		assert_int_equal(strspn(vly_drop_name(i), "abcdefghijklmnopqrstuvwxyz_"),
				 strlen(vly_drop_name(i)));
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(vly_drop_name(i), vly_drop_name(k));
	}
	assert_string_equal(vly_drop_name(VLY_DROP_COUNT), "unknown");
}

static void balances_only_when_every_end_is_counted(void **state)
{
	static struct vly_ledger_block block;
	struct vly_ledger ledger = {.received = 0};

	(void)state;
	vly_count(&block.received, 10);
	vly_count(&block.sent, 4);
	vly_count(&block.released, 3);
	vly_count(&block.answered, 1);
	vly_count(&block.dropped[VLY_DROP_RING_FULL], 1);
	vly_ledger_block_read(&block, &ledger);
	assert_false(vly_ledger_is_balanced(&ledger));
	vly_count(&block.dropped[VLY_DROP_HANDLER], 1);
	vly_count_lost(&block, VLY_DROP_RX_MISSED, 5);
	memset(&ledger, 0, sizeof(ledger));
	vly_ledger_block_read(&block, &ledger);
	assert_true(vly_ledger_is_balanced(&ledger));
	assert_int_equal(ledger.received, 15);
	assert_int_equal(vly_ledger_handled(&ledger), 7);
	assert_int_equal(vly_ledger_dropped(&ledger), 7);
}

static void sums_ledgers(void **state)
{
	struct vly_ledger sum = {.received = 1, .dropped = {[VLY_DROP_ARP] = 1}};
	struct vly_ledger more = {.received = 2,
				  .originated = 3,
				  .sent = 4,
				  .released = 5,
				  .answered = 6,
				  .dropped = {[VLY_DROP_ARP] = 7}};

	(void)state;
	vly_ledger_add(&sum, &more);
	assert_int_equal(sum.received, 3);
	assert_int_equal(sum.originated, 3);
	assert_int_equal(sum.sent, 4);
	assert_int_equal(sum.released, 5);
	assert_int_equal(sum.answered, 6);
	assert_int_equal(sum.dropped[VLY_DROP_ARP], 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_drop_has_its_own_name),
		cmocka_unit_test(balances_only_when_every_end_is_counted),
		cmocka_unit_test(sums_ledgers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
