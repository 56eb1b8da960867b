// SPDX-License-Identifier: BSD-3-Clause
#include "load/content.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <volley/volley.h>

enum {
	IMIX_ITEMS = 12,
	LINE_BYTES = 256,
};

static int fail_memory(struct vly_error *error)
{
	snprintf(error->text, sizeof(error->text), "no memory");
	return -ENOMEM;
}

static int make_pattern(struct content *content, struct vly_error *error)
{
	content->bytes = malloc(VLY_DGRAM_BYTES_MAX);
	if (!content->bytes)
		return fail_memory(error);
	for (uint32_t i = 0; i < VLY_DGRAM_BYTES_MAX; i++)
		content->bytes[i] = (uint8_t)(i * 167 + (i >> 8));
	return 0;
}

void content_sum_up(struct content *content)
{
	double sum = 0;

	content->size_min = content->sizes[0];
	content->size_max = content->sizes[0];
	for (uint32_t i = 0; i < content->count; i++) {
		uint32_t size = content->sizes[i];

		content->size_min = size < content->size_min ? size : content->size_min;
		content->size_max = size > content->size_max ? size : content->size_max;
		sum += size;
	}
	content->size_mean = sum / content->count;
}

static int open_sizes(struct content *content, const uint16_t *sizes, uint32_t count,
		      struct vly_error *error)
{
	*content = (struct content){.count = count};
	content->sizes = calloc(count, sizeof(sizes[0]));
	if (!content->sizes)
		return fail_memory(error);
	memcpy(content->sizes, sizes, count * sizeof(sizes[0]));
	content_sum_up(content);
	return make_pattern(content, error);
}

int content_open_fixed(struct content *content, uint32_t bytes, struct vly_error *error)
{
	const uint16_t size = (uint16_t)bytes;

	return open_sizes(content, &size, 1, error);
}

int content_open_imix(struct content *content, struct vly_error *error)
{
	// The frames' sizes without Ethernet (14 and 4), IPv4 (20) and UDP (8); mixed, so that no
	// size comes in trains.
	static const uint16_t sizes[IMIX_ITEMS] = {18, 524, 18, 18,  524, 18,
						   18, 524, 18, 524, 18,  1472};

	return open_sizes(content, sizes, IMIX_ITEMS, error);
}

// One line. Returns the size, 0 for none, or -1.
static long read_size(char *line, uint32_t least)
{
	char *comment = strchr(line, '#');
	char *end;
	long size;

	if (comment)
		*comment = 0;
	line += strspn(line, " \t\r\n");
	if (!*line)
		return 0;
	if (*line < '0' || *line > '9')
		return -1;
	errno = 0;
	size = strtol(line, &end, 10);
	end += strspn(end, " \t\r\n");
	if (errno || *end || size < (long)least || size > VLY_DGRAM_BYTES_MAX)
		return -1;
	return size;
}

static int read_sizes(FILE *file, const char *path, uint16_t *sizes, uint32_t least,
		      struct vly_error *error)
{
	char line[LINE_BYTES];
	uint32_t number = 0;
	int count = 0;

	while (fgets(line, sizeof(line), file)) {
		long size = read_size(line, least);

		number++;
		if (size < 0) {
			snprintf(error->text, sizeof(error->text),
				 "%s:%u: not a size from %u to %d bytes; give one a line", path,
				 number, least, VLY_DGRAM_BYTES_MAX);
			return -EINVAL;
		}
		if (size > 0 && count == CONTENT_ITEMS_MAX) {
			snprintf(error->text, sizeof(error->text),
				 "%s: more than %d sizes; a shorter file repeats by itself", path,
				 CONTENT_ITEMS_MAX);
			return -EINVAL;
		}
		if (size > 0)
			sizes[count++] = (uint16_t)size;
	}
	if (ferror(file) || count == 0) {
		snprintf(error->text, sizeof(error->text), "%s: %s", path,
			 ferror(file) ? strerror(errno) : "no size in it; give one a line");
		return -EINVAL;
	}
	return count;
}

int content_open_sizes(struct content *content, const char *path, uint32_t least,
		       struct vly_error *error)
{
	uint16_t *sizes = calloc(CONTENT_ITEMS_MAX, sizeof(sizes[0]));
	FILE *file = fopen(path, "re");
	int rc;

	*content = (struct content){.count = 0};
	if (!sizes) {
		rc = fail_memory(error);
	} else if (!file) {
		rc = -errno;
		snprintf(error->text, sizeof(error->text), "%s: %s", path, strerror(errno));
	} else {
		rc = read_sizes(file, path, sizes, least, error);
	}
	if (rc > 0)
		rc = open_sizes(content, sizes, (uint32_t)rc, error);
	if (file)
		fclose(file);
	free(sizes);
	return rc;
}

void content_close(struct content *content)
{
	free(content->sizes);
	free(content->offsets);
	free(content->bytes);
}
