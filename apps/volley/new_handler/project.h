// SPDX-License-Identifier: BSD-3-Clause
//
// The files that volley new-handler writes, with my_handler wherever the name is to stand. They are
// the ones of this folder, embedded when Volley is built.
#pragma once

struct project_file {
	const char *name; // NULL ends the table
	const char *text;
};

extern const struct project_file project_files[];
