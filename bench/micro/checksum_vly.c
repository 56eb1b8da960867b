// SPDX-License-Identifier: BSD-3-Clause
//
// The stack's checksums: the one that may be fed in pieces, and the one in words of 64 bits that
// the straight way uses; and the one of an IPv4 header from its values.
#include "micro/checksum.h"
#include "stack/checksum.h"
#include "stack/ip4.h"

// As RFC 1071 tells it, a word of 16 bits at a time: slow and plain.
static uint16_t plainly(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += vly_raw16(bytes + i);
	if (len & 1)
		sum += bytes[len - 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t in_pieces(const uint8_t *bytes, size_t len)
{
	return vly_sum_fold(vly_sum(0, bytes, len));
}

static uint16_t in_wide_words(const uint8_t *bytes, size_t len)
{
	return vly_wide_fold(vly_wide_sum(0, bytes, len));
}

static void run_plain(struct bench_run *run)
{
	checksum_run(run, plainly, in_pieces);
}

static void run_vly(struct bench_run *run)
{
	checksum_run(run, in_pieces, plainly);
}

static void run_wide(struct bench_run *run)
{
	checksum_run(run, in_wide_words, plainly);
}

static void run_ip4(struct bench_run *run)
{
	struct vly_ip4 ip = {.header_len = VLY_IP4_BYTES, .ttl = VLY_IP_TTL, .total_len = 92};
	uint64_t begin = vly_cycles();

	while (bench_goes_on(run, CHECKSUM_BATCH)) {
		for (int i = 0; i < CHECKSUM_BATCH; i++) {
			uint16_t sum = vly_ip4_checksum(&ip);

			bench_use(&ip);
			bench_use(&sum);
		}
	}
	cycles_note(run, begin, bench_iterations(run));
}

extern const struct bench_entry bench_checksum_vly[];
const struct bench_entry bench_checksum_vly[] = {
	{.name = "checksum/vly",
	 .function = run_vly,
	 .arg_name = "bytes",
	 .args = {20, 64, 512, 1472, 8972}},
	{.name = "checksum/wide",
	 .function = run_wide,
	 .arg_name = "bytes",
	 .args = {20, 64, 512, 1472, 8972}},
	{.name = "checksum/plain", .function = run_plain, .arg_name = "bytes", .args = {64, 1472}},
	{.name = "checksum-ip4/vly", .function = run_ip4},
	{.name = NULL},
};
