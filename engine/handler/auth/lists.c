// SPDX-License-Identifier: BSD-3-Clause
#include "handler/auth/lists.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"

enum {
	LINE_BYTES = 256,
	FIRST_ROOM = 1024,
};

struct list {
	struct vly_prefix_value *values;
	uint32_t count;
	uint32_t room;
};

static int add(struct list *list, const struct vly_prefix *prefix, uint8_t value,
	       struct vly_error *error)
{
	if (list->count == VLY_PREFIXES_MAX)
		return vly_fail(error, -E2BIG, "more than %d prefixes", VLY_PREFIXES_MAX);
	if (list->count == list->room) {
		uint32_t room = list->room ? 2 * list->room : FIRST_ROOM;
		void *larger = realloc(list->values, room * sizeof(list->values[0]));

		if (!larger)
			return vly_fail(error, -ENOMEM, "no memory for so many prefixes");
		list->values = larger;
		list->room = room;
	}
	list->values[list->count++] = (struct vly_prefix_value){*prefix, value};
	return 0;
}

static int take_line(struct list *list, char *line, uint8_t value, struct vly_error *error)
{
	struct vly_prefix prefix;
	int rc;

	line += strspn(line, " \t");
	line[strcspn(line, " \t\r\n#")] = '\0';
	if (line[0] == '\0')
		return 0;
	rc = vly_prefix_parse(&prefix, line, error);
	return rc < 0 ? rc : add(list, &prefix, value, error);
}

static int read_file(struct list *list, const char *key, const char *path, uint8_t value,
		     struct vly_error *error)
{
	FILE *file;
	char line[LINE_BYTES];
	struct vly_error inner = {""};
	uint32_t number = 0;
	int rc = 0;

	if (path[0] == '\0')
		return 0;
	file = fopen(path, "re");
	if (!file) {
		rc = -errno;
		return vly_fail(error, rc, "%s=%.100s: %s", key, path, strerror(-rc));
	}
	while (rc == 0 && fgets(line, sizeof(line), file)) {
		number++;
		rc = take_line(list, line, value, &inner);
	}
	if (rc == 0 && ferror(file))
		rc = vly_fail(&inner, -EIO, "cannot be read; is it a file?");
	fclose(file);
	if (rc < 0)
		return vly_fail(error, rc, "%s=%.100s, line %u: %.200s", key, path, number,
				inner.text);
	return 0;
}

int vly_lists_open(struct vly_prefixes **prefixes, const char *allow, const char *deny,
		   uint32_t *count, struct vly_error *error)
{
	struct list list = {NULL, 0, 0};
	int rc = read_file(&list, "allow", allow, VLY_LIST_ALLOW, error);

	if (rc == 0)
		rc = read_file(&list, "deny", deny, VLY_LIST_DENY, error);
	if (rc == 0) {
		rc = vly_prefixes_open(prefixes, list.values, list.count);
		if (rc < 0)
			vly_fail(error, rc, "no memory for %u prefixes", list.count);
	}
	*count = list.count;
	free(list.values);
	return rc;
}
