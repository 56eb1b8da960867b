// SPDX-License-Identifier: BSD-3-Clause
//
// Typed key=value arguments: what volley/key.h declares.
#include <volley/key.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit number_units[] = {
	{"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {NULL, 0}};
static const struct unit bytes_units[] = {
	{"", 1}, {"k", 1u << 10}, {"M", 1u << 20}, {"G", 1u << 30}, {NULL, 0}};
static const struct unit duration_units[] = {
	{"ns", 1},          {"us", 1000},         {"ms", 1000000}, {"s", 1000000000},
	{"m", 60000000000}, {"h", 3600000000000}, {NULL, 0}};

static const char *type_text(enum vly_key_type type)
{
	switch (type) {
	case VLY_KEY_NUMBER:
		return "a number, such as 100 or 2k";
	case VLY_KEY_BYTES:
		return "a number of bytes, such as 1500 or 4M";
	case VLY_KEY_SWITCH:
		return "on or off";
	case VLY_KEY_DURATION:
		return "a duration, such as 500us or 2s";
	case VLY_KEY_TEXT:
		break;
	}
	return "a text";
}

static int parse_scaled(const char *text, const struct unit *units, uint64_t *value)
{
	char *end;
	unsigned long long number;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno)
		return -EINVAL;
	for (const struct unit *unit = units; unit->suffix; unit++) {
		if (strcmp(end, unit->suffix) == 0)
			return __builtin_mul_overflow(number, unit->factor, value) ? -EINVAL : 0;
	}
	return -EINVAL;
}

static int parse_value(const struct vly_key *key, const char *text, union vly_value *value)
{
	switch (key->type) {
	case VLY_KEY_TEXT:
		value->text = text;
		return 0;
	case VLY_KEY_SWITCH:
		value->on = strcmp(text, "on") == 0;
		return value->on || strcmp(text, "off") == 0 ? 0 : -EINVAL;
	case VLY_KEY_NUMBER:
		return parse_scaled(text, number_units, &value->number);
	case VLY_KEY_BYTES:
		return parse_scaled(text, bytes_units, &value->number);
	case VLY_KEY_DURATION:
		return parse_scaled(text, duration_units, &value->number);
	}
	return -EINVAL;
}

static int set_value(const struct vly_key *key, const char *text, union vly_value *value,
		     struct vly_error *error)
{
	bool scaled = key->type != VLY_KEY_TEXT && key->type != VLY_KEY_SWITCH;

	if (parse_value(key, text, value))
		return vly_fail(error, -EINVAL, "key '%s': '%s' is not %s", key->name, text,
				type_text(key->type));
	if (scaled && key->max && (value->number < key->min || value->number > key->max))
		return vly_fail(error, -EINVAL, "key '%s': %s is out of range; give %llu to %llu",
				key->name, text, (unsigned long long)key->min,
				(unsigned long long)key->max);
	return 0;
}

static int unknown_key(const struct vly_key *keys, const char *word, struct vly_error *error)
{
	char known[VLY_ERROR_BYTES] = "";
	size_t used = 0;

	for (const struct vly_key *key = keys; key && key->name; key++) {
		int n = snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "",
				 key->name);

		if (n < 0 || (size_t)n >= sizeof(known) - used)
			break;
		used += (size_t)n;
	}
	if (!used)
		return vly_fail(error, -EINVAL, "key '%s' is not known: it takes no keys", word);
	return vly_fail(error, -EINVAL, "key '%.60s' is not known; known are: %.280s", word, known);
}

static uint32_t find_key(const struct vly_key *keys, const char *word, size_t len)
{
	uint32_t i = 0;

	for (; keys && keys[i].name && i < VLY_KEYS_MAX; i++) {
		if (strlen(keys[i].name) == len && memcmp(keys[i].name, word, len) == 0)
			return i;
	}
	return VLY_KEYS_MAX;
}

static int take_word(const struct vly_key *keys, const char *word, union vly_value *values,
		     bool *given, struct vly_error *error)
{
	size_t len = strcspn(word, "=");
	uint32_t i = find_key(keys, word, len);
	const char *text = word[len] ? word + len + 1 : "on";

	if (i == VLY_KEYS_MAX)
		return unknown_key(keys, word, error);
	if (given[i])
		return vly_fail(error, -EINVAL, "key '%s' is given twice", keys[i].name);
	given[i] = true;
	if (!word[len] && keys[i].type != VLY_KEY_SWITCH)
		return vly_fail(error, -EINVAL, "key '%s' needs a value: %s=%s", keys[i].name,
				keys[i].name, type_text(keys[i].type));
	return set_value(&keys[i], text, &values[i], error);
}

int vly_keys_parse(const struct vly_key *keys, const char *const *words, uint32_t word_count,
		   union vly_value *values, struct vly_error *error)
{
	bool given[VLY_KEYS_MAX] = {false};
	int rc;

	for (uint32_t i = 0; i < word_count; i++) {
		rc = take_word(keys, words[i], values, given, error);
		if (rc)
			return rc;
	}
	for (uint32_t i = 0; keys && keys[i].name && i < VLY_KEYS_MAX; i++) {
		if (given[i])
			continue;
		if (!keys[i].preset)
			return vly_fail(error, -EINVAL, "key '%s' is missing: %s", keys[i].name,
					keys[i].summary);
		rc = set_value(&keys[i], keys[i].preset, &values[i], error);
		if (rc)
			return rc;
	}
	return 0;
}
