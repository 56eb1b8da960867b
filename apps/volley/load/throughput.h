// SPDX-License-Identifier: BSD-3-Clause
//
// volley load --search: the throughput of a path for each size, with its confidence.
#pragma once

#include <volley/volley.h>

#include "load/generator.h"
#include "load/options.h"

// Searches, with a generator of this configuration for each size, and prints what it has found.
// Returns the exit status.
int throughput_measure(const char *command, const struct load_options *options,
		       const struct generator_config *config);
