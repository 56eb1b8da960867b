// SPDX-License-Identifier: BSD-3-Clause
//
// What volley ping prints.
#pragma once

#include <volley/volley.h>

#include "exchange.h"
#include "histogram.h"

struct ping_report {
	const struct vly_port *port;
	const struct vly_addr *target;
	uint32_t size_bytes;
	uint64_t elapsed_ns;
	const struct exchange_counts *counts;
	const struct histogram *histogram; // of the round trips, in nanoseconds
};

// A line on standard error that replaces the last one; NULL removes it.
void ping_progress(const struct exchange_counts *counts);

// The table, or one JSON object. Return STATUS_OK, or STATUS_FAILED after a message.
int ping_print(const struct ping_report *report);
int ping_print_json(const char *command, const struct ping_report *report);
