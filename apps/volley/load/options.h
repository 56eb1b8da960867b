// SPDX-License-Identifier: BSD-3-Clause
//
// The command line of volley load.
#pragma once

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include <volley/volley.h>

#include "load/arrivals.h"
#include "load/content.h"
#include "port_options.h"

enum load_option_limits {
	SEARCH_SIZES_MAX = 64,
};

// Texts belong to argv.
struct load_options {
	struct port_options port;
	const char *target_text;
	struct vly_endpoint target;
	double rate_pps; // of a ramp, at its end
	double from_pps; // the same as rate_pps without a ramp
	bool is_unlimited;
	enum arrivals_kind arrivals;
	uint32_t burst;
	uint64_t count;   // 0: no limit
	uint64_t time_ns; // 0: until count is sent
	uint64_t warmup_ns;
	uint64_t timeout_ns;
	uint64_t seed;
	uint32_t flows;
	const char *size_text; // BYTES, "imix" or a file
	const char *capture;   // NULL: none
	bool is_stamped;
	bool is_sockperf;
	bool is_one_way;
	const char *hgrm_file;
	bool searches;
	double loss_limit; // that --search allows, 0 to 1
	uint32_t repeats;
	uint32_t search_sizes[SEARCH_SIZES_MAX];
	uint32_t search_size_count;
};

// Reads the command line; ends the program if it cannot be understood. False: as --help wants.
bool load_options_read(struct load_options *options, int argc, char **argv);

// Opens what the datagrams hold. Returns 0 or a negative errno.
int load_options_content(const struct load_options *options, struct content *content,
			 struct vly_error *error);
