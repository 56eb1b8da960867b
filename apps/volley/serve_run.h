// SPDX-License-Identifier: BSD-3-Clause
//
// A volley serve from its `ready:` line to its end, on the control thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/volley.h>

struct serve_run {
	const char *command;
	const struct vly_engine_config *config;
	uint64_t time_ns; // after which it ends; 0: by a signal
	bool json;
	bool is_private;                    // not to be tapped
	const struct vly_endpoint *metrics; // where Prometheus may ask; NULL: nowhere
};

// Opens the engine, and runs it until SIGINT, SIGTERM or the end of its time. Returns an exit
// status.
int serve_run(const struct serve_run *run);
