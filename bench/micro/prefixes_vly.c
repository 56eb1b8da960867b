// SPDX-License-Identifier: BSD-3-Clause
//
// The auth handler's table of prefixes.
#include <string.h>

#include "handler/auth/prefixes.h"
#include "micro/prefixes.h"

struct address {
	uint8_t ip[16];
};

static void put_ip(uint8_t *ip, uint32_t number)
{
	memset(ip, 0, 16);
	ip[10] = 0xff;
	ip[11] = 0xff;
	for (int i = 0; i < 4; i++)
		ip[12 + i] = (uint8_t)(number >> (24 - 8 * i));
}

static uint32_t find(const void *table, const void *addresses, uint32_t first)
{
	const struct address *address = addresses;
	const uint8_t *ips[PREFIX_BURST];
	uint8_t values[PREFIX_BURST];
	uint32_t found = 0;

	for (uint32_t i = 0; i < PREFIX_BURST; i++)
		ips[i] = address[first + i].ip;
	vly_prefixes_find(table, ips, PREFIX_BURST, values);
	for (uint32_t i = 0; i < PREFIX_BURST; i++)
		found += values[i] > 0;
	return found;
}

static struct vly_prefixes *make(const struct prefix_list *list)
{
	struct vly_prefix_value *values = malloc(list->count * sizeof(values[0]));
	struct vly_prefixes *prefixes = NULL;

	if (!values)
		return NULL;
	for (uint32_t i = 0; i < list->count; i++) {
		put_ip(values[i].prefix.ip, list->ips[i]);
		values[i].prefix.bits = (uint8_t)(VLY_PREFIX_IPV4_OFFSET + list->lengths[i]);
		values[i].value = (uint8_t)(1 + i % 2);
	}
	if (vly_prefixes_open(&prefixes, values, list->count) < 0)
		prefixes = NULL;
	free(values);
	return prefixes;
}

static void run_find(struct bench_run *run)
{
	struct address *addresses = malloc(PREFIX_ADDRESSES * sizeof(addresses[0]));
	struct vly_prefixes *prefixes = NULL;
	struct prefix_list list;

	if (!prefix_list_open(&list, run) || !addresses)
		goto close;
	for (uint32_t i = 0; i < PREFIX_ADDRESSES; i++)
		put_ip(addresses[i].ip, prefix_address(&list, i));
	prefixes = make(&list);
	if (prefixes)
		prefix_run(run, prefixes, addresses, find);
	else
		bench_skip(run, "no memory for so many");
close:
	vly_prefixes_close(prefixes);
	prefix_list_close(&list);
	free(addresses);
}

extern const struct bench_entry bench_prefixes_vly[];
const struct bench_entry bench_prefixes_vly[] = {
	{.name = "prefixes/vly",
	 .function = run_find,
	 .arg_name = "prefixes",
	 .args = {10, 1000, 100000, 1000000}},
	{.name = NULL},
};
