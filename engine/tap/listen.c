// SPDX-License-Identifier: BSD-3-Clause
#include "tap/listen.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fail.h"
#include "tap/session.h"

enum {
	GREETING_NS = 2000000000, // how long a word is waited for
	ACCEPTS = 8,              // in one go
};

// --- who comes ----------------------------------------------------------------------------------

static struct vly_tap_session *find_free(struct vly_taps *taps)
{
	for (uint32_t i = 0; i < VLY_TAPS_MAX; i++) {
		if (taps->sessions[i].phase == VLY_SESSION_FREE)
			return &taps->sessions[i];
	}
	return NULL;
}

static void let_in(struct vly_taps *taps, int fd)
{
	struct vly_tap_session guest = {
		.phase = VLY_SESSION_GREETS, .fd = fd, .end_ns = vly_clock_ns() + GREETING_NS};
	socklen_t size = sizeof(guest.who);
	struct vly_tap_session *session;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &guest.who, &size) ||
	    (guest.who.uid != 0 && guest.who.uid != geteuid())) {
		vly_session_refuse(
			&guest, -EACCES,
			"it lets in its own user and root only; try again as one of them");
		return;
	}
	session = find_free(taps);
	if (session)
		*session = guest;
	else
		vly_session_refuse(&guest, -EBUSY,
				   "it is tapped as often as it can be at a time, 4 times");
}

// Whether one may be let in or sent away: who comes while another is on its way out waits.
static bool is_open(struct vly_taps *taps)
{
	if (find_free(taps))
		return true;
	for (uint32_t i = 0; i < VLY_TAPS_MAX; i++) {
		if (taps->sessions[i].phase == VLY_SESSION_LEAVES)
			return false;
	}
	return true;
}

static void let_all_in(struct vly_taps *taps)
{
	for (uint32_t i = 0; i < ACCEPTS && is_open(taps); i++) {
		int fd = accept4(taps->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		let_in(taps, fd);
	}
}

// Who has come is greeted at once, as a rule: a tap says its word before it is asked.
void vly_taps_attend(struct vly_engine *engine)
{
	if (!engine->taps)
		return;
	for (uint32_t i = 0; i < VLY_TAPS_MAX; i++)
		vly_session_attend(engine, i);
	let_all_in(engine->taps);
	for (uint32_t i = 0; i < VLY_TAPS_MAX; i++)
		vly_session_attend(engine, i);
}

// --- opening and closing ------------------------------------------------------------------------

static int open_socket(struct vly_error *error)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct stat space = {.st_ino = 0};
	socklen_t size;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = 0;

	if (fd < 0)
		return vly_fail(error, -errno, "taps: no socket (%s)", strerror(errno));
	// Without /proc the number stays 0, for both sides.
	stat("/proc/self/ns/pid", &space);
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			   vly_tap_name(addr.sun_path, space.st_ino, (uint32_t)getpid()));
	if (bind(fd, (struct sockaddr *)&addr, size) || listen(fd, VLY_TAPS_MAX))
		rc = -errno;
	if (!rc)
		return fd;
	close(fd);
	return vly_fail(error, rc, "taps: the socket @%s cannot be had (%s)", addr.sun_path + 1,
			strerror(-rc));
}

int vly_engine_tap_listen(struct vly_engine *engine, struct vly_error *error)
{
	uint32_t count = engine->shared.io_count;
	struct vly_taps *taps;

	if (engine->taps)
		return vly_fail(error, -EALREADY, "this engine can be tapped already");
	taps = calloc(1, sizeof(*taps));
	if (!taps)
		return vly_fail(error, -ENOMEM, "out of memory");
	taps->watches = calloc(count, sizeof(taps->watches[0]));
	if (!taps->watches) {
		free(taps);
		return vly_fail(error, -ENOMEM, "out of memory");
	}
	taps->fd = open_socket(error);
	if (taps->fd < 0) {
		int rc = taps->fd;

		free(taps->watches);
		free(taps);
		return rc;
	}
	for (uint32_t i = 0; i < count; i++) {
		taps->watches[i].drops.dropped = vly_tap_show_drop;
		engine->shared.ios[i].taps.own = &taps->watches[i];
	}
	engine->taps = taps;
	return 0;
}

void vly_taps_end(struct vly_engine *engine)
{
	if (!engine->taps)
		return;
	for (uint32_t i = 0; i < engine->shared.io_count; i++) {
		struct vly_io *io = &engine->shared.ios[i];

		atomic_store_explicit(&io->taps.wanted, 0, memory_order_relaxed);
		vly_tap_switch(&io->taps, io->queue->ledger);
	}
	for (uint32_t i = 0; i < VLY_TAPS_MAX; i++) {
		if (engine->taps->sessions[i].phase != VLY_SESSION_FREE)
			vly_session_end(&engine->taps->sessions[i]);
	}
}

void vly_taps_close(struct vly_engine *engine)
{
	if (!engine->taps)
		return;
	vly_taps_end(engine);
	close(engine->taps->fd);
	free(engine->taps->watches);
	free(engine->taps);
	engine->taps = NULL;
}
