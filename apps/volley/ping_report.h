// SPDX-License-Identifier: BSD-3-Clause
//
// What volley ping prints.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <volley/volley.h>

#include "exchange.h"
#include "histogram.h"

// Of the round trips and, when they are split (else NULL), of their parts, in nanoseconds.
struct ping_histograms {
	struct histogram *rtt;
	struct histogram *wire;
	struct histogram *kernel;
	struct histogram *handler; // of those that the server told of
};

// Empty ones; close them in either case. False: no memory.
bool ping_histograms_open(struct ping_histograms *histograms, bool splits);
void ping_histograms_close(struct ping_histograms *histograms);
void ping_record(struct ping_histograms *histograms, const struct exchange_times *times);

struct ping_report {
	const struct vly_port *port;
	const struct vly_addr *target;
	uint32_t size_bytes;
	uint64_t elapsed_ns;
	const struct exchange_counts *counts;
	const struct ping_histograms *histograms;
};

// A line on standard error that replaces the last one; NULL removes it.
void ping_progress(const struct exchange_counts *counts);

// The table, or one JSON object. Return STATUS_OK, or STATUS_FAILED after a message.
int ping_print(const struct ping_report *report);
int ping_print_json(const char *command, const struct ping_report *report);

// The percentiles of the round trip. Errors are the stream's.
void ping_write_hgrm(const struct ping_report *report, FILE *file);
