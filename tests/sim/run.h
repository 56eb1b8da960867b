// SPDX-License-Identifier: BSD-3-Clause
//
// For the tests of this folder: one run of an engine on the simulated wire, from a setup to what
// the ledger and the peers say.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "backend/sim.h"
#include "core/clock.h"
#include "core/engine.h"

enum {
	WAIT_LIMIT_S = 20,
	OPTIONS_MAX = 12,
	TEXT_BYTES = 64,
};

struct setup {
	const char *handler;
	uint32_t workers;
	uint32_t queues;
	uint32_t ring_size;
	uint64_t count;
	uint32_t peers;
	uint32_t loss_ppm;
	uint32_t duplicate_ppm;
	uint32_t reorder_ppm;
	uint32_t tx_refuse_ppm;
	uint64_t seed;
	bool stop_in_flight;
	uint32_t buffers;
	const uint32_t *cores;
	uint32_t core_count;
	enum vly_idle idle;
	enum vly_steer steer;
	enum vly_overload overload;
	uint64_t budget_ns;
	struct vly_log alerts;
};

struct outcome {
	struct vly_ledger ledger;
	struct vly_sim_report report;
};

static inline struct vly_engine *open_engine(const struct setup *setup)
{
	char texts[OPTIONS_MAX][TEXT_BYTES];
	const char *options[OPTIONS_MAX];
	struct vly_endpoint listen = {.addr = {.port = 9000}};
	struct vly_port_config port = {
		.backend = "sim",
		.listens = &listen,
		.listen_count = 1,
		.options = options,
		.queues = setup->queues,
		.buffers = setup->buffers,
	};
	struct vly_engine_config config = {
		.ports = &port,
		.port_count = 1,
		.handlers = &setup->handler,
		.handler_count = 1,
		.workers = setup->workers,
		.ring_size = setup->ring_size,
		.idle = setup->idle,
		.cores = setup->cores,
		.core_count = setup->core_count,
		.steer = setup->steer,
		.overload = setup->overload,
		.budget_ns = setup->budget_ns,
		.alerts = setup->alerts,
	};
	struct vly_engine *engine = NULL;
	struct vly_error error = {""};
	uint32_t n = 0;

	snprintf(texts[n++], TEXT_BYTES, "count=%llu", (unsigned long long)setup->count);
	snprintf(texts[n++], TEXT_BYTES, "peers=%u", setup->peers ? setup->peers : 8);
	snprintf(texts[n++], TEXT_BYTES, "seed=%llu", (unsigned long long)setup->seed);
	snprintf(texts[n++], TEXT_BYTES, "loss=%u", setup->loss_ppm);
	snprintf(texts[n++], TEXT_BYTES, "duplicate=%u", setup->duplicate_ppm);
	snprintf(texts[n++], TEXT_BYTES, "reorder=%u", setup->reorder_ppm);
	snprintf(texts[n++], TEXT_BYTES, "tx-refuse=%u", setup->tx_refuse_ppm);
	for (uint32_t i = 0; i < n; i++)
		options[i] = texts[i];
	port.option_count = n;
	if (vly_engine_open(&engine, &config, &error))
		fail_msg("%s", error.text);
	return engine;
}

static inline void wait_for_count(struct vly_engine *engine, uint64_t count)
{
	uint64_t end_ns = vly_clock_ns() + (uint64_t)WAIT_LIMIT_S * 1000000000u;
	struct timespec pause = {.tv_nsec = 1000000};
	struct vly_ledger ledger;

	do {
		nanosleep(&pause, NULL);
		vly_engine_ledger(engine, &ledger);
	} while (ledger.received < count && vly_clock_ns() < end_ns);
}

static inline struct vly_engine *start_engine(const struct setup *setup)
{
	struct vly_engine *engine = open_engine(setup);
	struct vly_error error = {""};

	if (vly_engine_start(engine, &error))
		fail_msg("%s", error.text);
	return engine;
}

static inline struct outcome finish(struct vly_engine *engine)
{
	struct outcome outcome;

	vly_engine_stop(engine);
	vly_engine_ledger(engine, &outcome.ledger);
	vly_sim_report_read(engine->ports[0]->inner, &outcome.report);
	vly_engine_close(engine);
	return outcome;
}

static inline struct outcome run(const struct setup *setup)
{
	struct vly_engine *engine = start_engine(setup);
	uint64_t expected = setup->count - (setup->loss_ppm ? setup->count / 10 : 0);

	wait_for_count(engine, setup->stop_in_flight ? setup->count / 3 : expected);
	return finish(engine);
}

// What must hold whatever happened.
static inline void check_truth(const struct outcome *outcome)
{
	const struct vly_ledger *ledger = &outcome->ledger;
	const struct vly_sim_report *report = &outcome->report;

	assert_true(vly_ledger_is_balanced(ledger));
	assert_true(ledger->received <= report->sent + report->duplicated - report->lost_in);
	assert_int_equal(ledger->sent, report->answers + report->lost_out);
	assert_int_equal(report->corrupt, 0);
	assert_int_equal(report->foreign, 0);
	assert_int_equal(ledger->dropped[VLY_DROP_UNRELEASED], 0);
}
