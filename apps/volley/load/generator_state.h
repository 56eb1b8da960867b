// SPDX-License-Identifier: BSD-3-Clause
//
// What the files of the generator share: generator.c runs the loop, generator_send.c makes and
// sends, generator_take.c takes what comes back.
#pragma once

#include "load/generator.h"
#include "load/sent.h"
#include "rest.h"

struct generator {
	struct generator_config config;
	struct generator_run run;
	struct generator_result result;
	struct histogram *latency;
	struct histogram *lag;
	struct sent sent;
	struct arrivals arrivals;
	struct rest rest;
	uint64_t start_ns; // of the run, by its clock
	uint64_t end_ns;   // of its sending, since the start
	uint64_t clock_ns; // last seen, since the start
	uint64_t sent_ns;  // when last something was sent, since the start
	uint64_t refused;  // that the port had counted before
	uint64_t answered; // of this run: what is not lost
	uint64_t heard;    // of this run: whatever came from the target
	bool is_sending;
	// Datagrams with a number that the port has not taken yet: the last ones numbered.
	struct vly_dgram *pending[VLY_BURST_MAX];
	uint32_t pending_count;
};

// The time since the start of the run. It never goes back: that is noted.
uint64_t generator_now(struct generator *generator);

// Sends what is due, at most a few bursts. Returns whether anything was.
bool generator_send_due(struct generator *generator, uint64_t now_ns);

// When the next one is due; UINT64_MAX: never.
uint64_t generator_next_ns(const struct generator *generator);

// Ends the sending: gives back what the port did not take.
void generator_send_end(struct generator *generator);

// Takes what has come, at most a few bursts. Returns whether anything had.
bool generator_take(struct generator *generator);
