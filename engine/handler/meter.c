// SPDX-License-Identifier: BSD-3-Clause
#include "handler/meter.h"

#include "stats/ledger_block.h"

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

uint32_t vly_meter_bucket(uint64_t ns)
{
	uint32_t exponent;

	if (ns < VLY_METER_LINEAR)
		return (uint32_t)ns;
	exponent = 63 - (uint32_t)__builtin_clzll(ns);
	if (exponent > VLY_METER_EXPONENT_MAX)
		return VLY_METER_BUCKETS - 1;
	return VLY_METER_LINEAR + (exponent - 4) * VLY_METER_STEPS +
	       (uint32_t)(ns >> (exponent - 3)) % VLY_METER_STEPS;
}

uint64_t vly_meter_bucket_end(uint32_t bucket)
{
	uint32_t step;
	uint32_t shift;

	if (bucket < VLY_METER_LINEAR)
		return bucket;
	step = (bucket - VLY_METER_LINEAR) % VLY_METER_STEPS;
	shift = (bucket - VLY_METER_LINEAR) / VLY_METER_STEPS + 1;
	return ((uint64_t)(VLY_METER_STEPS + step + 1) << shift) - 1;
}

void vly_meter_add(struct vly_meter *meter, uint64_t ns, uint64_t budget_ns)
{
	vly_count(&meter->bursts, 1);
	vly_count(&meter->total_ns, ns);
	vly_count(&meter->buckets[vly_meter_bucket(ns)], 1);
	if (ns > get(&meter->max_ns))
		atomic_store_explicit(&meter->max_ns, ns, memory_order_relaxed);
	if (ns <= budget_ns)
		return;
	vly_count(&meter->overruns, 1);
	// The report may set it back at this very moment: then it names this one a second later.
	if (ns > get(&meter->worst_ns))
		atomic_store_explicit(&meter->worst_ns, ns, memory_order_relaxed);
}

static uint64_t percentile(const uint64_t *buckets, uint64_t bursts, uint32_t per_cent)
{
	uint64_t rank = (bursts * per_cent + 99) / 100;
	uint64_t seen = 0;
	uint32_t i = 0;

	while (i < VLY_METER_BUCKETS - 1 && (seen += buckets[i]) < rank)
		i++;
	return vly_meter_bucket_end(i);
}

void vly_meter_read(const struct vly_meter *meter, struct vly_handler_times *times)
{
	uint64_t buckets[VLY_METER_BUCKETS];
	uint64_t bursts = 0;

	for (uint32_t i = 0; i < VLY_METER_BUCKETS; i++)
		bursts += buckets[i] = get(&meter->buckets[i]);
	times->bursts = bursts;
	times->overruns = get(&meter->overruns);
	times->max_ns = get(&meter->max_ns);
	times->mean_ns = bursts ? get(&meter->total_ns) / bursts : 0;
	times->p50_ns = bursts ? percentile(buckets, bursts, 50) : 0;
	times->p99_ns = bursts ? percentile(buckets, bursts, 99) : 0;
	// A bucket ends above what fell into it.
	if (times->p50_ns > times->max_ns)
		times->p50_ns = times->max_ns;
	if (times->p99_ns > times->max_ns)
		times->p99_ns = times->max_ns;
}
