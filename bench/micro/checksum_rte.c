// SPDX-License-Identifier: BSD-3-Clause
//
// DPDK's checksums, of the same bytes.
#include <string.h>

#include <rte_ip.h>

#include "micro/checksum.h"
#include "stack/checksum.h"

static uint16_t raw(const uint8_t *bytes, size_t len)
{
	return rte_raw_cksum(bytes, len);
}

static uint16_t ours(const uint8_t *bytes, size_t len)
{
	return vly_sum_fold(vly_sum(0, bytes, len));
}

static void run_rte(struct bench_run *run)
{
	checksum_run(run, raw, ours);
}

static void run_ip4(struct bench_run *run)
{
	struct rte_ipv4_hdr header;
	uint64_t begin;

	memset(&header, 0, sizeof(header));
	header.version_ihl = RTE_IPV4_VHL_DEF;
	begin = vly_cycles();
	while (bench_goes_on(run, CHECKSUM_BATCH)) {
		for (int i = 0; i < CHECKSUM_BATCH; i++) {
			uint16_t sum = rte_ipv4_cksum(&header);

			bench_use(&header);
			bench_use(&sum);
		}
	}
	cycles_note(run, begin, bench_iterations(run));
}

extern const struct bench_entry bench_checksum_rte[];
const struct bench_entry bench_checksum_rte[] = {
	{.name = "checksum/rte",
	 .function = run_rte,
	 .arg_name = "bytes",
	 .args = {20, 64, 512, 1472, 8972}},
	{.name = "checksum-ip4/rte", .function = run_ip4},
	{.name = NULL},
};
