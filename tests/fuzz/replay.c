// SPDX-License-Identifier: BSD-3-Clause
//
// Runs a fuzz target on files, or on all files of folders, with any compiler: what was found once
// is tested for ever. Prints what the inputs ended in. Fails when there is nothing to run, and when
// the inputs together miss a verdict or a drop reason of the target.
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "endings.h"

enum {
	PATH_BYTES = 4096,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The bytes lie in a block of exactly their size, so that a sanitizer sees who reads beyond.
static int run_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(size ? size : 1);
	size_t got = 0;

	if (file && bytes)
		got = fread(bytes, 1, size, file);
	if (!file || !bytes || got != size) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	fclose(file);
	LLVMFuzzerTestOneInput(bytes, size);
	free(bytes);
	return 1;
}

static int run(const char *path);

static int run_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int count = 0;

	if (!folder)
		return 0;
	while ((entry = readdir(folder))) {
		char name[PATH_BYTES];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		count += run(name);
	}
	closedir(folder);
	return count;
}

static int run(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	return S_ISDIR(status.st_mode) ? run_folder(path) : run_file(path, (size_t)status.st_size);
}

static int show(const char *name, uint64_t count)
{
	printf("  %-16s %8" PRIu64 "%s\n", name, count, count ? "" : "  none: add an input");
	return count == 0;
}

// Returns how many endings no input had.
static int report(void)
{
	int missing = 0;

	for (int i = 0; i < ENDINGS_VERDICTS_MAX && fuzz_endings.verdict_names[i]; i++)
		missing += show(fuzz_endings.verdict_names[i], fuzz_endings.verdicts[i]);
	for (uint32_t drop = fuzz_endings.first_drop; drop <= fuzz_endings.last_drop; drop++)
		missing += show(vly_drop_name(drop), fuzz_endings.drops[drop]);
	return missing;
}

int main(int argc, char **argv)
{
	int count = 0;

	for (int i = 1; i < argc; i++) {
		int here = run(argv[i]);

		if (here == 0) {
			fprintf(stderr, "%s: nothing to run\n", argv[i]);
			return 1;
		}
		count += here;
	}
	printf("%d inputs\n", count);
	return count > 0 && report() == 0 ? 0 : 1;
}
