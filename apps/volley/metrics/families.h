// SPDX-License-Identifier: BSD-3-Clause
//
// What a volley serve has to tell Prometheus: the ledger, ports and queues, the handlers' own
// numbers, their times. Names and labels are in volley-serve(1), and stay as they are.
#pragma once

#include <stdint.h>
#include <stdio.h>

#include <volley/volley.h>

struct metrics_source {
	const struct vly_engine *engine;
	uint32_t workers;
	uint64_t budget_ns; // 0: none
	uint64_t start_ns;  // of the process, CLOCK_REALTIME
	uint64_t reloads;   // of the handlers, that went well
	uint64_t reloads_failed;
};

// Writes the page. Returns 0 or -ENOMEM. Control thread.
int metrics_write(FILE *out, const struct metrics_source *source);
