// SPDX-License-Identifier: BSD-3-Clause
#include "handler/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <volley/engine.h>

#include "core/fail.h"

static int find_builtin(struct vly_loaded_handler *handler, const char *name,
			struct vly_error *error)
{
	char known[128] = "";
	size_t used = 0;

	for (uint32_t i = 0; vly_handler_builtin(i); i++) {
		const struct vly_handler_ops *ops = vly_handler_builtin(i);

		if (strcmp(ops->name, name) == 0) {
			handler->ops = ops;
			return 0;
		}
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 used ? ", " : "", ops->name);
	}
	return vly_fail(error, -ENOENT,
			"handler '%s' is not known; built in are: %s; a file is "
			"given with its path, as in ./my.so",
			name, known);
}

static int check_ops(const struct vly_handler_ops *ops, const char *path, struct vly_error *error)
{
	if (ops->abi != VLY_HANDLER_ABI)
		return vly_fail(error, -EINVAL,
				"handler '%s' is of ABI %u, this engine has %u; "
				"build it again with this engine's headers",
				path, ops->abi, VLY_HANDLER_ABI);
	if (!ops->name || !ops->summary || !ops->on_burst)
		return vly_fail(error, -EINVAL,
				"handler '%s' lacks its name, summary or on_burst; "
				"fill them in in vly_handler",
				path);
	return 0;
}

enum {
	PROC_NAME_BYTES = 32,
};

static void name_file(char *name, int file)
{
	snprintf(name, PROC_NAME_BYTES, "/proc/self/fd/%d", file);
}

static int copy_all(int to, int from)
{
	struct stat status;
	ssize_t copied = 1;
	off_t offset = 0;

	if (fstat(from, &status))
		return -errno;
	while (offset < status.st_size && copied > 0)
		copied = sendfile(to, from, &offset, (size_t)(status.st_size - offset));
	return offset < status.st_size ? -EIO : 0;
}

// A private copy in memory: writing the file anew then neither changes the code that runs nor is
// hidden by it, because the dynamic linker knows libraries by name and inode. Returns the
// descriptor or a negative errno.
static int copy_to_memory(const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);
	int to = memfd_create("volley-handler", MFD_CLOEXEC);
	int rc = from < 0 || to < 0 ? -EIO : copy_all(to, from);

	if (from >= 0)
		close(from);
	if (!rc)
		return to;
	if (to >= 0)
		close(to);
	return rc;
}

// From a copy, or where the system allows none (no /proc, no memfd) from the file itself.
static void *load_library(struct vly_loaded_handler *handler, const char *path)
{
	char name[PROC_NAME_BYTES];

	handler->file = copy_to_memory(path);
	if (handler->file >= 0) {
		name_file(name, handler->file);
		if (access(name, R_OK) == 0)
			return dlopen(name, RTLD_NOW | RTLD_LOCAL);
		close(handler->file);
	}
	handler->file = -1;
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static bool is_elf(const char *path)
{
	static const char magic[] = {0x7f, 'E', 'L', 'F'};
	char begin[sizeof(magic)] = "";
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = file < 0 ? -1 : read(file, begin, sizeof(begin));

	if (file >= 0)
		close(file);
	return got == (ssize_t)sizeof(begin) && memcmp(begin, magic, sizeof(magic)) == 0;
}

// Why dlopen() failed. It begins with the name of the file at fault, which may be our copy's.
static int fail_load(int file, const char *path, struct vly_error *error)
{
	const char *why = dlerror();
	char copy[PROC_NAME_BYTES + 2];
	size_t len;

	if (!is_elf(path))
		return vly_fail(error, -EINVAL,
				"handler '%s' is no shared object; build one with: "
				"cc -O3 -shared -fPIC -o my.so my.c",
				path);
	len = (size_t)snprintf(copy, sizeof(copy), "/proc/self/fd/%d: ", file);
	if (strncmp(why, copy, len) == 0)
		why += len;
	return vly_fail(error, -EINVAL, "handler '%s' cannot be loaded: %s; see: ldd -r %s", path,
			why, path);
}

// A library may refuse to go; then its descriptor stays too, or a later one would get the same
// name and be taken for it.
static void close_library(struct vly_loaded_handler *handler)
{
	char name[PROC_NAME_BYTES];
	void *still_there;

	if (handler->library)
		dlclose(handler->library);
	handler->library = NULL;
	if (handler->file < 0)
		return;
	name_file(name, handler->file);
	still_there = dlopen(name, RTLD_NOW | RTLD_NOLOAD);
	if (still_there)
		dlclose(still_there);
	else
		close(handler->file);
	handler->file = -1;
}

static int open_library(struct vly_loaded_handler *handler, const char *path,
			struct vly_error *error)
{
	int rc;

	if (access(path, R_OK))
		return vly_fail(error, -ENOENT,
				"handler '%s' cannot be read (%s); give the path "
				"of a .so file",
				path, strerror(errno));
	handler->library = load_library(handler, path);
	if (!handler->library) {
		rc = fail_load(handler->file, path, error);
		close_library(handler);
		return rc;
	}
	handler->ops = dlsym(handler->library, "vly_handler");
	if (!handler->ops)
		rc = vly_fail(error, -EINVAL,
			      "'%s' is not a handler: it exports no "
			      "`const struct vly_handler_ops vly_handler`",
			      path);
	else
		rc = check_ops(handler->ops, path, error);
	if (rc)
		close_library(handler);
	return rc;
}

static int parse_keys(struct vly_loaded_handler *handler, char *list, struct vly_error *error)
{
	const char *words[VLY_KEYS_MAX];
	struct vly_error inner;
	uint32_t count = 0;
	char *rest = list;
	int rc;

	while (rest && count < VLY_KEYS_MAX)
		words[count++] = strsep(&rest, ",");
	if (rest)
		return vly_fail(error, -EINVAL, "handler '%s' is given more than %u keys",
				handler->ops->name, VLY_KEYS_MAX);
	rc = vly_keys_parse(handler->ops->keys, words, count, handler->values, &inner);
	if (rc)
		return vly_fail(error, rc, "handler '%s': %.300s", handler->ops->name, inner.text);
	return 0;
}

int vly_handler_load(struct vly_loaded_handler *handler, const char *spec, struct vly_error *error)
{
	char *list;
	int rc;

	memset(handler, 0, sizeof(*handler));
	handler->file = -1;
	handler->text = strdup(spec);
	handler->spec = strdup(spec);
	if (!handler->text || !handler->spec) {
		vly_handler_unload(handler);
		return vly_fail(error, -ENOMEM, "out of memory");
	}
	list = handler->spec;
	strsep(&list, ",");
	if (strchr(handler->spec, '/'))
		rc = open_library(handler, handler->spec, error);
	else
		rc = find_builtin(handler, handler->spec, error);
	if (!rc)
		rc = parse_keys(handler, list, error);
	if (rc)
		vly_handler_unload(handler);
	return rc;
}

int vly_handler_find(const char *name, const struct vly_handler_viewer *viewer,
		     struct vly_error *error)
{
	struct vly_loaded_handler handler = {.file = -1};
	int rc = strchr(name, '/') ? open_library(&handler, name, error)
				   : find_builtin(&handler, name, error);

	if (rc)
		return rc;
	viewer->show(viewer->arg, handler.ops);
	vly_handler_unload(&handler);
	return 0;
}

int vly_handler_adopt(struct vly_loaded_handler *handler, const struct vly_handler_ops *ops,
		      const char *keys, struct vly_error *error)
{
	int rc;

	*handler = (struct vly_loaded_handler){.ops = ops, .file = -1};
	rc = check_ops(ops, ops->name ? ops->name : "without a name", error);
	if (rc)
		return rc;
	if (keys) {
		handler->spec = strdup(keys);
		if (!handler->spec)
			return vly_fail(error, -ENOMEM, "out of memory");
	}
	rc = parse_keys(handler, handler->spec, error);
	if (rc)
		vly_handler_unload(handler);
	return rc;
}

void vly_handler_unload(struct vly_loaded_handler *handler)
{
	if (handler->library)
		close_library(handler);
	free(handler->text);
	free(handler->spec);
	memset(handler, 0, sizeof(*handler));
}
