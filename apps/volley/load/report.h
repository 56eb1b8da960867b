// SPDX-License-Identifier: BSD-3-Clause
//
// What volley load prints.
#pragma once

#include <jansson.h>
#include <volley/volley.h>

#include "load/generator.h"
#include "load/options.h"

struct load_report {
	const struct load_options *options;
	const struct content *content;
	const struct vly_port *port;
	const struct generator_result *result;
};

// The table, or one JSON object; on standard error, what makes the figures worth less than they
// look. Return STATUS_OK, or STATUS_FAILED after a message.
int load_print(const struct load_report *report);
int load_print_json(const char *command, const struct load_report *report);
void load_warn(const char *command, const struct load_report *report);

// That the clock went backwards (generator_result).
void load_warn_clock(const char *command);
