// SPDX-License-Identifier: BSD-3-Clause
//
// Prometheus' text format, version 0.0.4 (prometheus.io, "Exposition formats"): families of samples
// with labels. What a text holds is escaped here; what is no UTF-8, or no letter that a name may
// have, is replaced, as one such byte would cost the whole page.
#pragma once

#include <stdint.h>
#include <stdio.h>

enum metrics_text_limits {
	METRICS_NAME_BYTES = 256, // of a family, cut to that
};

// A list ends with one whose name is NULL.
struct metrics_label {
	const char *name;
	const char *text; // NULL: the number
	uint64_t number;
};

enum metrics_unit {
	METRICS_PLAIN = 0,
	METRICS_NS = 1, // shown as seconds
};

// Of whole numbers; `below` as of struct vly_handler_metric, of which the buckets from `first` to
// `last` are shown: each ends at 2^i - 1, the largest whole number below 2^i.
struct metrics_histogram {
	const uint64_t *below;
	uint32_t first;
	uint32_t last;
	uint64_t count;
	uint64_t total;
	enum metrics_unit unit;
};

// Puts the words together, with "_" between them and in the place of what no name may have. Returns
// the name, which is METRICS_NAME_BYTES at most.
char *metrics_name(char *name, const char *const *words);

// The two lines before a family's samples. `type` is "counter", "gauge" or "histogram".
void metrics_family(FILE *out, const char *name, const char *type, const char *help);

// `labels` may be NULL.
void metrics_sample(FILE *out, const char *name, const struct metrics_label *labels,
		    uint64_t value);

// The same of nanoseconds, shown as seconds.
void metrics_sample_ns(FILE *out, const char *name, const struct metrics_label *labels,
		       uint64_t value_ns);

// The buckets, each with all below it, the sum and the count.
void metrics_sample_histogram(FILE *out, const char *name, const struct metrics_label *labels,
			      const struct metrics_histogram *histogram);
