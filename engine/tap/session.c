// SPDX-License-Identifier: BSD-3-Clause
#include "tap/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fail.h"

// --- memory -------------------------------------------------------------------------------------

// Sealed, so that a tap can neither shorten it (the I/O thread would end by SIGBUS) nor grow it.
// Returns the descriptor or a negative errno.
static int make_memory(struct vly_tap_session *session, uint64_t bytes)
{
	int fd = memfd_create("volley-tap", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *memory = MAP_FAILED;
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		rc = -errno;
	// All of its pages now: none is to be found by an I/O thread.
	if (!rc)
		memory =
			mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (!rc && memory == MAP_FAILED)
		rc = -errno;
	if (rc) {
		close(fd);
		return rc;
	}
	session->memory = memory;
	session->bytes = bytes;
	return fd;
}

static void free_memory(struct vly_tap_session *session)
{
	if (session->memory)
		munmap(session->memory, session->bytes);
	session->memory = NULL;
}

static void write_page(const struct vly_engine *engine, const struct vly_tap_session *session,
		       const struct vly_tap_hello *hello)
{
	struct vly_tap_page *page = (struct vly_tap_page *)(void *)session->memory;

	page->ring_count = engine->shared.io_count;
	page->ring_bytes = hello->ring_bytes;
	page->snap_bytes = hello->snap_bytes;
	page->wire_count = engine->port_count;
	memcpy(page->wires, engine->wires, engine->port_count * sizeof(page->wires[0]));
}

// --- the I/O threads ----------------------------------------------------------------------------

static void lay_lanes(struct vly_engine *engine, uint32_t index, const struct vly_tap_hello *hello)
{
	const struct vly_tap_session *session = &engine->taps->sessions[index];
	uint32_t count = engine->shared.io_count;
	struct vly_tap_ring *rings = (void *)(session->memory + VLY_TAP_PAGE_BYTES);
	uint8_t *bytes = session->memory + vly_tap_data_offset(count);

	for (uint32_t i = 0; i < count; i++)
		engine->taps->watches[i].lanes[index] = (struct vly_tap_lane){
			.filter = hello->filter,
			.points = hello->points,
			.snap_bytes = hello->snap_bytes,
			.queue = (uint8_t)i,
			.ring = &rings[i],
			.bytes = bytes + (uint64_t)i * hello->ring_bytes,
			.size = hello->ring_bytes,
		};
}

static void want(struct vly_engine *engine, uint32_t index, bool is_on)
{
	for (uint32_t i = 0; i < engine->shared.io_count; i++) {
		struct vly_io *io = &engine->shared.ios[i];
		uint32_t wanted = atomic_load_explicit(&io->taps.wanted, memory_order_relaxed);

		wanted = is_on ? wanted | 1u << index : wanted & ~(1u << index);
		atomic_store_explicit(&io->taps.wanted, wanted, memory_order_release);
		vly_io_wake(io);
	}
}

static bool is_left(const struct vly_engine *engine, uint32_t index)
{
	for (uint32_t i = 0; i < engine->shared.io_count; i++) {
		const struct vly_tap_switch *taps = &engine->shared.ios[i].taps;

		// Pairs with the release in vly_tap_switch().
		if (atomic_load_explicit(&taps->taken, memory_order_acquire) >> index & 1)
			return false;
	}
	return true;
}

// --- a session ----------------------------------------------------------------------------------

static void answer(const struct vly_tap_session *session, const struct vly_tap_welcome *welcome,
		   int memory)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)welcome, .iov_len = sizeof(*welcome)};
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(memory))] = {0};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (memory >= 0) {
		struct cmsghdr *header = (struct cmsghdr *)(void *)control;

		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(memory));
		memcpy(CMSG_DATA(header), &memory, sizeof(memory));
	}
	sendmsg(session->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL); // who is gone is found later
}

void vly_session_end(struct vly_tap_session *session)
{
	close(session->fd);
	free_memory(session);
	*session = (struct vly_tap_session){.phase = VLY_SESSION_FREE};
}

void vly_session_refuse(struct vly_tap_session *session, int status, const char *text)
{
	struct vly_tap_welcome welcome = {.magic = VLY_TAP_MAGIC, .status = status};

	snprintf(welcome.text, sizeof(welcome.text), "%s", text);
	answer(session, &welcome, -1);
	vly_session_end(session);
}

static bool is_sound(const struct vly_tap_hello *hello)
{
	uint32_t size = hello->ring_bytes;

	return size >= VLY_TAP_BUFFER_MIN && size <= VLY_TAP_BUFFER_MAX && !(size & (size - 1)) &&
	       hello->snap_bytes >= 1 && hello->snap_bytes <= UINT16_MAX && hello->points &&
	       hello->points <= VLY_TAP_ALL && hello->filter.prefix.bits <= 128;
}

static void begin(struct vly_engine *engine, uint32_t index, const struct vly_tap_hello *hello)
{
	struct vly_tap_session *session = &engine->taps->sessions[index];
	uint32_t count = engine->shared.io_count;
	struct vly_tap_welcome welcome = {
		.magic = VLY_TAP_MAGIC,
		.bytes = vly_tap_memory_bytes(count, hello->ring_bytes),
	};
	int memory;

	if ((uint64_t)count * hello->ring_bytes > VLY_TAP_MEMORY_MAX) {
		vly_session_refuse(
			session, -ENOMEM,
			"that many bytes for each queue are more than 1 GiB in all; take fewer");
		return;
	}
	memory = make_memory(session, welcome.bytes);
	if (memory < 0) {
		vly_session_refuse(session, memory,
				   "it has no memory for that; take a smaller buffer");
		return;
	}
	write_page(engine, session, hello);
	lay_lanes(engine, index, hello);
	want(engine, index, true);
	session->phase = VLY_SESSION_ON;
	answer(session, &welcome, memory);
	close(memory);
	vly_log_line(&engine->alerts, "tapped by process %d of user %u", session->who.pid,
		     session->who.uid);
}

static void greet(struct vly_engine *engine, uint32_t index)
{
	struct vly_tap_session *session = &engine->taps->sessions[index];
	struct vly_tap_hello hello;
	char text[VLY_ERROR_BYTES];
	ssize_t n = recv(session->fd, &hello, sizeof(hello), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (vly_clock_ns() > session->end_ns)
			vly_session_end(session);
		return;
	}
	if (n <= 0) {
		vly_session_end(session);
		return;
	}
	if (n != sizeof(hello) || hello.magic != VLY_TAP_MAGIC ||
	    strncmp(hello.version, vly_version(), sizeof(hello.version)) != 0) {
		snprintf(text, sizeof(text), "it is volley %s, which this is not", vly_version());
		vly_session_refuse(session, -EPROTO, text);
		return;
	}
	if (is_sound(&hello))
		begin(engine, index, &hello);
	else
		vly_session_refuse(session, -EINVAL, "a number is out of its range");
}

// A tap says nothing more; what can be read is its end.
static void look_after(struct vly_engine *engine, uint32_t index)
{
	struct vly_tap_session *session = &engine->taps->sessions[index];
	char byte;

	if (recv(session->fd, &byte, sizeof(byte), MSG_DONTWAIT) < 0 &&
	    (errno == EAGAIN || errno == EINTR))
		return;
	session->phase = VLY_SESSION_LEAVES;
	want(engine, index, false);
	vly_log_line(&engine->alerts, "no longer tapped by process %d", session->who.pid);
}

void vly_session_attend(struct vly_engine *engine, uint32_t index)
{
	struct vly_tap_session *session = &engine->taps->sessions[index];

	if (session->phase == VLY_SESSION_GREETS)
		greet(engine, index);
	else if (session->phase == VLY_SESSION_ON)
		look_after(engine, index);
	if (session->phase == VLY_SESSION_LEAVES && is_left(engine, index))
		vly_session_end(session);
}
