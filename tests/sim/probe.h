// SPDX-License-Identifier: BSD-3-Clause
//
// What a test and the handler in plugins/probe.c share; the test gives its address as a number.
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum {
	PROBE_WORKERS = 8,
	PROBE_SEQUENCES = 1 << 16,
	PROBE_EACH = PROBE_WORKERS, // gated: every worker
};

struct probe {
	_Atomic uint32_t is_shut; // on_burst of the gated worker waits before it does anything
	uint32_t gated;
	_Atomic uint32_t at_gate; // datagrams of the burst that waits
	_Atomic uint64_t handled[PROBE_WORKERS];
	_Atomic uint8_t seen[PROBE_SEQUENCES]; // by the sequence in the payload
};
