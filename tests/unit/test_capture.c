// SPDX-License-Identifier: BSD-3-Clause
//
// The handler `capture`: what it takes, what it leaves alone, its files, and a disk that is full.
// That other programs read the files is in tests/smoke.
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <volley/volley.h>

#include "handler/builtin.h"
#include "handler/capture/writer.h"

enum {
	NAPS = 2000,
	NAP_US = 1000,
};

static char folder[] = "/tmp/capture-XXXXXX"; // of this program, made anew by each test

static int make_folder(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	return mkdtemp(folder) ? 0 : -1;
}

static uint32_t count_files(bool removes)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	uint32_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		if (removes)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
	return count;
}

static int remove_folder(void **state)
{
	(void)state;
	count_files(true);
	return rmdir(folder);
}

static struct vly_kit *open_kit(const char *more)
{
	char text[256];
	struct vly_kit_config config = {
		.links = {{&vly_handler_capture, text}, {&vly_handler_echo, NULL}}};
	struct vly_error error = {""};
	struct vly_kit *kit = NULL;

	snprintf(text, sizeof(text), "file=%s/x.pcapng%s", folder, more);
	if (vly_kit_open(&kit, &config, &error))
		fail_msg("%s", error.text);
	return kit;
}

// Waits until the writer has dealt with so many records.
static void await_written(struct vly_kit *kit, uint64_t count)
{
	for (uint32_t i = 0; i < NAPS; i++) {
		vly_kit_advance(kit, VLY_KIT_SECOND);
		if (vly_kit_metric(kit, "written") + vly_kit_metric(kit, "lost") == count)
			return;
		usleep(NAP_US);
	}
	fail_msg("not %d written", (int)count);
}

static void what_passes_is_written_and_left_alone(void **state)
{
	struct vly_kit *kit = open_kit("");

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		vly_kit_receive(kit, i % 2 ? "10.0.0.1:1000" : "[fd00::1]:1000", &i, sizeof(i));
	vly_kit_run(kit);
	assert_int_equal(vly_kit_count(kit, VLY_FATE_REPLY), 10);
	for (uint32_t i = 0; i < 10; i++)
		assert_memory_equal(vly_kit_answer(kit, i)->data, &i, sizeof(i));
	assert_int_equal(vly_kit_metric(kit, "captured"), 20);
	assert_int_equal(vly_kit_metric(kit, "missed"), 0);
	await_written(kit, 20);
	assert_int_equal(vly_kit_metric(kit, "lost"), 0);
	assert_int_equal(vly_kit_metric(kit, "files"), 1);
	assert_null(vly_kit_complaint(kit));
	vly_kit_close(kit);
}

static void a_filter_takes_its_part(void **state)
{
	static const struct {
		const char *keys;
		uint64_t wanted; // of the three below, there and back
	} filters[] = {
		{",prefix=10.1.0.0/16", 2},
		{",prefix=10.0.0.0/8", 4},
		{",prefix=fd00::/7", 2},
		{",prefix=10.1.2.3", 2},
		{",port=1000", 4},
		{",port=9000", 6},
		{",port=9", 0},
		{",prefix=10.1.2.2/31", 2},
		{",prefix=10.1.2.2", 0},
		{",prefix=10.0.0.0/15,port=1000", 2},
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		struct vly_kit *kit = open_kit(filters[i].keys);

		vly_kit_receive(kit, "10.1.2.3:1000", "a", 1);
		vly_kit_receive(kit, "10.2.2.3:1001", "b", 1);
		vly_kit_receive(kit, "[fd00::1]:1000", "c", 1);
		vly_kit_run(kit);
		if (vly_kit_metric(kit, "captured") != filters[i].wanted)
			fail_msg("%s: %d captured", filters[i].keys,
				 (int)vly_kit_metric(kit, "captured"));
		assert_int_equal(vly_kit_metric(kit, "filtered"), 6 - filters[i].wanted);
		vly_kit_close(kit);
	}
}

static void files_are_turned_over(void **state)
{
	struct vly_kit *kit = open_kit(",file-bytes=4k,files=3,snap=1k");
	uint8_t bytes[1400] = {0};

	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		vly_kit_receive(kit, "10.1.2.3:1000", bytes, sizeof(bytes));
		vly_kit_run(kit);
		vly_kit_clear(kit);
		await_written(kit, 2 * (uint64_t)(i + 1));
	}
	assert_true(vly_kit_metric(kit, "files") > 3);
	assert_int_equal(count_files(false), 3);
	vly_kit_close(kit);
	// What is there is not written over, nor counted.
	kit = open_kit(",files=1");
	vly_kit_close(kit);
	assert_int_equal(count_files(false), 4);
}

static void a_full_disk_is_counted(void **state)
{
	struct vly_kit *kit = open_kit("");
	struct rlimit before, limit;
	uint8_t bytes[1000] = {0};

	(void)state;
	getrlimit(RLIMIT_FSIZE, &before);
	limit = (struct rlimit){8192, before.rlim_max};
	setrlimit(RLIMIT_FSIZE, &limit);
	for (uint32_t i = 0; i < 20; i++) {
		vly_kit_receive(kit, "10.1.2.3:1000", bytes, sizeof(bytes));
		vly_kit_run(kit);
		vly_kit_clear(kit);
		await_written(kit, 2 * (uint64_t)(i + 1));
	}
	assert_non_null(vly_kit_warning(kit));
	assert_non_null(strstr(vly_kit_warning(kit), folder));
	assert_non_null(strstr(vly_kit_warning(kit), strerror(EFBIG)));
	setrlimit(RLIMIT_FSIZE, &before);
	assert_true(vly_kit_metric(kit, "lost") > 20);
	assert_in_range(vly_kit_metric(kit, "written"), 1, 8);
	assert_int_equal(vly_kit_metric(kit, "write_error"), EFBIG);
	assert_true(vly_kit_warnings(kit) > 0);
	vly_kit_close(kit);
}

static void who_captures_never_waits(void **state)
{
	char file[64];
	const struct vly_capture_config config = {
		.file = file, .records = 64, .snap_bytes = 100, .file_bytes = 4096, .files = 1};
	struct vly_capture_writer *writer;
	struct vly_error error = {""};

	(void)state;
	snprintf(file, sizeof(file), "%s/y", folder);
	assert_int_equal(vly_capture_open(&writer, &config, &error), 0);
	for (uint32_t i = 0; i < 64; i++)
		assert_non_null(vly_capture_take(writer));
	assert_null(vly_capture_take(writer));
	vly_capture_close(writer);
}

static void bad_keys_name_the_fix(void **state)
{
	static const struct {
		const char *keys;
		const char *says;
	} bad[] = {
		{"file=/nowhere/at/all", "folder that can be written"},
		{"", "file"},
		{"file=x,prefix=10.0.0.0/33", "10.0.0.0/33"},
		{"file=x,port=65536", "port"},
		{"file=x,snap=0", "snap"},
		{"file=.pcapng", "give a name"},
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct vly_kit_config config = {
			.links = {{&vly_handler_capture, bad[i].keys}}};
		struct vly_error error = {""};
		struct vly_kit *kit = NULL;

		assert_true(vly_kit_open(&kit, &config, &error) < 0);
		if (!strstr(error.text, bad[i].says))
			fail_msg("%s: '%s'", bad[i].keys, error.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_passes_is_written_and_left_alone, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(a_filter_takes_its_part, make_folder,
						remove_folder),
		cmocka_unit_test_setup_teardown(files_are_turned_over, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_full_disk_is_counted, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(who_captures_never_waits, make_folder,
						remove_folder),
		cmocka_unit_test(bad_keys_name_the_fix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
