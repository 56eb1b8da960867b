// SPDX-License-Identifier: BSD-3-Clause
#include "metrics/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "monotonic.h"

static bool is_utf8(const char *text)
{
	json_t *string = json_string(text); // which takes nothing else

	json_decref(string);
	return string != NULL;
}

static void write_escaped(FILE *out, const char *text, bool quoted)
{
	bool keep = is_utf8(text);

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '\n')
			fputs("\\n", out);
		else if (c == '\\' || (c == '"' && quoted))
			fprintf(out, "\\%c", c);
		else
			fputc(c < 0x80 || keep ? c : '?', out);
	}
}

char *metrics_name(char *name, const char *const *words)
{
	uint32_t used = 0;

	for (uint32_t i = 0; words[i]; i++) {
		if (i && used + 1 < METRICS_NAME_BYTES)
			name[used++] = '_';
		for (const char *c = words[i]; *c && used + 1 < METRICS_NAME_BYTES; c++) {
			bool is_fit =
				isalpha((unsigned char)*c) || (used && isdigit((unsigned char)*c));

			name[used++] = is_fit ? *c : '_';
		}
	}
	name[used] = '\0';
	return name;
}

void metrics_family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s ", name);
	write_escaped(out, help, false);
	fprintf(out, "\n# TYPE %s %s\n", name, type);
}

static void write_value(FILE *out, uint64_t value, enum metrics_unit unit)
{
	if (unit == METRICS_NS)
		fprintf(out, "%" PRIu64 ".%09" PRIu64, value / NS_PER_SECOND,
			value % NS_PER_SECOND);
	else
		fprintf(out, "%" PRIu64, value);
}

// Writes all labels but the closing brace. Returns whether there is a brace to close.
static bool write_labels(FILE *out, const struct metrics_label *labels)
{
	char separator = '{';

	for (; labels && labels->name; labels++) {
		fprintf(out, "%c%s=\"", separator, labels->name);
		if (labels->text)
			write_escaped(out, labels->text, true);
		else
			fprintf(out, "%" PRIu64, labels->number);
		fputc('"', out);
		separator = ',';
	}
	return separator == ',';
}

static void write_sample(FILE *out, const char *name, const struct metrics_label *labels,
			 uint64_t value, enum metrics_unit unit)
{
	fputs(name, out);
	if (write_labels(out, labels))
		fputc('}', out);
	fputc(' ', out);
	write_value(out, value, unit);
	fputc('\n', out);
}

void metrics_sample(FILE *out, const char *name, const struct metrics_label *labels, uint64_t value)
{
	write_sample(out, name, labels, value, METRICS_PLAIN);
}

void metrics_sample_ns(FILE *out, const char *name, const struct metrics_label *labels,
		       uint64_t value_ns)
{
	write_sample(out, name, labels, value_ns, METRICS_NS);
}

// `end` is the largest value that counts; UINT64_MAX: all do.
static void write_bucket(FILE *out, const char *name, const struct metrics_label *labels,
			 uint64_t end, uint64_t value, enum metrics_unit unit)
{
	fprintf(out, "%s_bucket", name);
	fputs(write_labels(out, labels) ? ",le=\"" : "{le=\"", out);
	if (end == UINT64_MAX)
		fputs("+Inf", out);
	else
		write_value(out, end, unit);
	fprintf(out, "\"} %" PRIu64 "\n", value);
}

void metrics_sample_histogram(FILE *out, const char *name, const struct metrics_label *labels,
			      const struct metrics_histogram *histogram)
{
	static const char *const parts[] = {"_sum", "_count"};
	char whole[METRICS_NAME_BYTES + sizeof("_count")];

	for (uint32_t i = histogram->first; i <= histogram->last; i++)
		write_bucket(out, name, labels, (UINT64_C(1) << i) - 1, histogram->below[i],
			     histogram->unit);
	write_bucket(out, name, labels, UINT64_MAX, histogram->count, histogram->unit);
	snprintf(whole, sizeof(whole), "%s%s", name, parts[0]);
	write_sample(out, whole, labels, histogram->total, histogram->unit);
	snprintf(whole, sizeof(whole), "%s%s", name, parts[1]);
	write_sample(out, whole, labels, histogram->count, METRICS_PLAIN);
}
