// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <volley/key.h>

static const struct vly_key keys[] = {
	{"name", VLY_KEY_TEXT, "nobody", 0, 0, "a name"},
	{"count", VLY_KEY_NUMBER, "5", 1, 1000000, "how many"},
	{"size", VLY_KEY_BYTES, "2k", 0, 0, "how large"},
	{"loud", VLY_KEY_SWITCH, "off", 0, 0, "whether loud"},
	{"after", VLY_KEY_DURATION, "3ms", 0, 0, "when"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

static int parse(const char *word, union vly_value *values, struct vly_error *error)
{
	return vly_keys_parse(keys, &word, word ? 1 : 0, values, error);
}

static void takes_presets(void **state)
{
	union vly_value values[5];
	struct vly_error error;

	(void)state;
	assert_int_equal(parse(NULL, values, &error), 0);
	assert_string_equal(values[0].text, "nobody");
	assert_int_equal(values[1].number, 5);
	assert_int_equal(values[2].number, 2048);
	assert_false(values[3].on);
	assert_int_equal(values[4].number, 3000000);
}

static void takes_each_type(void **state)
{
	union vly_value values[5];
	struct vly_error error;

	(void)state;
	assert_int_equal(parse("name=a=b", values, &error), 0);
	assert_string_equal(values[0].text, "a=b");
	assert_int_equal(parse("count=2k", values, &error), 0);
	assert_int_equal(values[1].number, 2000);
	assert_int_equal(parse("size=3M", values, &error), 0);
	assert_int_equal(values[2].number, 3u << 20);
	assert_int_equal(parse("loud", values, &error), 0);
	assert_true(values[3].on);
	assert_int_equal(parse("after=2h", values, &error), 0);
	assert_int_equal(values[4].number, 7200000000000);
}

static void refuses_with_the_name(void **state)
{
	static const char *const bad[] = {
		"colour=red",
		"count=0",
		"count=many",
		"count=-1",
		"count=2000000",
		"count",
		"size=1x",
		"loud=yes",
		"after=5",
		"after=",
		"count=99999999999999999999",
	};
	union vly_value values[5];
	struct vly_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char name[16] = "";

		memcpy(name, bad[i], strcspn(bad[i], "="));
		memset(&error, 0, sizeof(error));
		assert_true(parse(bad[i], values, &error) < 0);
		assert_non_null(strstr(error.text, name));
	}
}

static void refuses_twice_and_missing(void **state)
{
	static const struct vly_key needed[] = {
		{"file", VLY_KEY_TEXT, NULL, 0, 0, "the file to read"},
		{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
	};
	static const char *const twice[] = {"file=a", "file=b"};
	union vly_value values[1];
	struct vly_error error;

	(void)state;
	assert_true(vly_keys_parse(needed, twice, 2, values, &error) < 0);
	assert_non_null(strstr(error.text, "twice"));
	assert_true(vly_keys_parse(needed, NULL, 0, values, &error) < 0);
	assert_non_null(strstr(error.text, "file"));
	assert_int_equal(vly_keys_parse(needed, twice, 1, values, &error), 0);
	assert_true(vly_keys_parse(NULL, twice, 1, values, &error) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_presets),
		cmocka_unit_test(takes_each_type),
		cmocka_unit_test(refuses_with_the_name),
		cmocka_unit_test(refuses_twice_and_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
