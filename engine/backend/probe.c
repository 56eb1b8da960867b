// SPDX-License-Identifier: BSD-3-Clause
//
// What this machine can do: the reports behind `volley backends`.
#include <errno.h>
#include <string.h>

#include "backend/backend.h"
#include "core/fail.h"

// Every backend there is, best first, also when it was left out of this build.
struct known {
	const char *name;
	const char *summary;
	const char *absent; // the line for a build without it
};

static const struct known all[] = {
	{"dpdk", "kernel bypass: poll-mode drivers, our own UDP/IP stack",
	 "dpdk: not built in; install libdpdk-dev and build again"},
	{"uring", "the kernel's UDP through io_uring",
	 "uring: not built in; install liburing-dev and build again"},
	{"socket", "the kernel's UDP through recvmmsg and sendmmsg", ""},
	{"sim", "an in-memory wire with its own peers, for tests and demonstrations", ""},
};

uint32_t vly_backend_probe(struct vly_backend_report *reports, uint32_t max)
{
	uint32_t count = sizeof(all) / sizeof(all[0]) < max ? sizeof(all) / sizeof(all[0]) : max;

	memset(reports, 0, count * sizeof(reports[0]));
	for (uint32_t i = 0; i < count; i++) {
		const struct vly_backend *backend = vly_backend_find(all[i].name);

		reports[i].name = all[i].name;
		reports[i].summary = all[i].summary;
		if (backend)
			reports[i].status = backend->probe(&reports[i].detail);
		else
			reports[i].status =
				vly_fail(&reports[i].detail, -ENOTSUP, "%s", all[i].absent);
	}
	return count;
}

static const char *key_type_name(enum vly_key_type type)
{
	static const char *const names[] = {
		[VLY_KEY_TEXT] = "TEXT",         [VLY_KEY_NUMBER] = "NUMBER",
		[VLY_KEY_BYTES] = "BYTES",       [VLY_KEY_SWITCH] = "on|off",
		[VLY_KEY_DURATION] = "DURATION",
	};

	return names[type];
}

static const char *preset_text(const struct vly_key *key)
{
	if (!key->preset)
		return "none, must be given";
	return key->preset[0] ? key->preset : "none";
}

int vly_backend_describe(const char *name, const struct vly_log *log)
{
	const struct vly_backend *backend = vly_backend_find(name);

	if (!backend)
		return -ENOENT;
	if (backend->describe)
		backend->describe(log);
	for (const struct vly_key *key = backend->keys; key && key->name; key++)
		vly_log_line(log, "-o %s=%s: %s (preset: %s)", key->name, key_type_name(key->type),
			     key->summary, preset_text(key));
	return 0;
}
