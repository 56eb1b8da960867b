// SPDX-License-Identifier: BSD-3-Clause
//
// How a tap finds its engine and gets the memory.
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/fail.h"
#include "tap/read.h"

enum {
	ANSWER_S = 3, // that the engine may take: its control thread may be at a reload
	ANSWER_TRIES = 4,
	LINE_BYTES = 256,
	PATH_BYTES = 64,
};

uint32_t vly_tap_name(char *name, uint64_t pid_namespace, uint32_t inside)
{
	name[0] = '\0'; // abstract: unix(7)
	return 1 + (uint32_t)snprintf(name + 1, VLY_TAP_NAME_BYTES - 1,
				      "volley/%" PRIu64 "/%" PRIu32 "/tap", pid_namespace, inside);
}

// --- finding it ---------------------------------------------------------------------------------

// The process's number in its own namespace, which it calls itself by: the last of "NSpid:".
static uint32_t number_inside(uint32_t pid)
{
	char line[LINE_BYTES];
	uint32_t inside = pid;
	FILE *file;

	snprintf(line, sizeof(line), "/proc/%" PRIu32 "/status", pid);
	file = fopen(line, "re");
	if (!file)
		return pid;
	while (fgets(line, sizeof(line), file)) {
		const char *last = strrchr(line, '\t');

		if (strncmp(line, "NSpid:", 6) == 0 && last)
			inside = (uint32_t)strtoul(last, NULL, 10);
	}
	fclose(file);
	return inside ? inside : pid;
}

static socklen_t address_of(struct sockaddr_un *addr, uint32_t pid)
{
	struct stat space = {.st_ino = 0};
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/ns/pid", pid);
	if (stat(path, &space))
		stat("/proc/self/ns/pid", &space); // it may still be ours
	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			   vly_tap_name(addr->sun_path, space.st_ino, number_inside(pid)));
}

static int fail_connect(uint32_t pid, struct vly_error *error)
{
	if (kill((pid_t)pid, 0) && errno == ESRCH)
		return vly_fail(error, -ESRCH, "there is no process %u; see pgrep -af volley", pid);
	return vly_fail(error, -ESRCH,
			"process %u cannot be tapped: it is no volley serve, or was started with "
			"--no-tap, or has another network namespace (then: nsenter -n -t %u)",
			pid, pid);
}

// Connects, and makes sure that it is that process which listens, not one that has its name.
static int connect_to(uint32_t pid, struct vly_error *error)
{
	const struct timeval patience = {.tv_sec = ANSWER_S};
	struct sockaddr_un addr;
	socklen_t size = address_of(&addr, pid);
	struct ucred who;
	socklen_t who_size = sizeof(who);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return vly_fail(error, -errno, "no socket (%s)", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&addr, size)) {
		close(fd);
		return fail_connect(pid, error);
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_size) || who.pid != (pid_t)pid) {
		close(fd);
		return vly_fail(error, -EACCES,
				"the socket of process %u belongs to another process, %d", pid,
				who.pid);
	}
	return fd;
}

// --- asking -------------------------------------------------------------------------------------

// Returns the bytes received, with the descriptor that came with them, or -1.
static ssize_t take_answer(int fd, struct vly_tap_welcome *welcome, int *memory)
{
	struct iovec iov = {.iov_base = welcome, .iov_len = sizeof(*welcome)};
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(*memory))];
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const struct cmsghdr *header;
	ssize_t n = -1;

	*memory = -1;
	// One that refuses closes without reading, which is an error before it is an answer.
	for (uint32_t i = 0; i < ANSWER_TRIES; i++) {
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
		if (n >= 0 || (errno != EINTR && errno != ECONNRESET))
			break;
	}
	header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(memory, CMSG_DATA(header), sizeof(*memory));
	return n;
}

static int ask(struct vly_tap *tap, uint32_t pid, const struct vly_tap_hello *hello, int *memory,
	       struct vly_error *error)
{
	struct vly_tap_welcome welcome;
	ssize_t n = send(tap->fd, hello, sizeof(*hello), MSG_NOSIGNAL);

	*memory = -1;
	if (n >= 0 || errno != EAGAIN) // it may have refused before
		n = take_answer(tap->fd, &welcome, memory);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return vly_fail(error, -ETIMEDOUT,
				"process %u does not answer; is it stopped, or at a reload?", pid);
	if (n != sizeof(welcome) || welcome.magic != VLY_TAP_MAGIC)
		return vly_fail(error, -EPROTO, "process %u answers as no volley %s does", pid,
				vly_version());
	welcome.text[sizeof(welcome.text) - 1] = '\0';
	if (welcome.status)
		return vly_fail(error, welcome.status, "process %u refuses: %s", pid, welcome.text);
	tap->bytes = welcome.bytes;
	return *memory < 0 ? vly_fail(error, -EPROTO, "process %u gave no memory", pid) : 0;
}

static int map(struct vly_tap *tap, int memory, struct vly_error *error)
{
	struct stat status;
	void *bytes;
	int rc;

	if (fstat(memory, &status) || (uint64_t)status.st_size != tap->bytes)
		return vly_fail(error, -EPROTO, "the memory is not as large as was said");
	bytes = mmap(NULL, tap->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (bytes == MAP_FAILED)
		return vly_fail(error, -errno, "the memory cannot be mapped (%s)", strerror(errno));
	rc = vly_tap_view(tap, bytes, tap->bytes);
	if (!rc)
		return 0;
	munmap(bytes, tap->bytes);
	return vly_fail(error, -EPROTO, "the memory is laid out as no volley %s does",
			vly_version());
}

static int make_hello(struct vly_tap_hello *hello, const struct vly_tap_config *config,
		      struct vly_error *error)
{
	uint32_t bytes =
		config->buffer_bytes ? config->buffer_bytes : (uint32_t)VLY_TAP_BUFFER_DEFAULT;
	uint32_t size = VLY_TAP_BUFFER_MIN;

	if (bytes < VLY_TAP_BUFFER_MIN || bytes > VLY_TAP_BUFFER_MAX)
		return vly_fail(error, -EINVAL, "a buffer has %d KiB to %d MiB",
				VLY_TAP_BUFFER_MIN >> 10, VLY_TAP_BUFFER_MAX >> 20);
	while (size < bytes)
		size *= 2;
	*hello = (struct vly_tap_hello){
		.magic = VLY_TAP_MAGIC,
		.filter = {.prefix = config->prefix, .port = config->port},
		.points = config->points ? config->points : VLY_TAP_ALL,
		.snap_bytes = config->snap_bytes ? config->snap_bytes : UINT16_MAX,
		.ring_bytes = size,
	};
	snprintf(hello->version, sizeof(hello->version), "%s", vly_version());
	return 0;
}

int vly_tap_attach(struct vly_tap **tap, uint32_t pid, const struct vly_tap_config *config,
		   struct vly_error *error)
{
	struct vly_tap_hello hello;
	struct vly_tap *made;
	int memory = -1;
	int rc = make_hello(&hello, config, error);

	if (rc)
		return rc;
	made = calloc(1, sizeof(*made));
	if (!made)
		return vly_fail(error, -ENOMEM, "out of memory");
	made->fd = connect_to(pid, error);
	if (made->fd < 0)
		rc = made->fd;
	if (!rc)
		rc = ask(made, pid, &hello, &memory, error);
	if (!rc)
		rc = map(made, memory, error);
	if (memory >= 0)
		close(memory);
	if (rc) {
		vly_tap_detach(made);
		return rc;
	}
	*tap = made;
	return 0;
}

void vly_tap_detach(struct vly_tap *tap)
{
	if (!tap)
		return;
	if (tap->memory)
		munmap(tap->memory, tap->bytes);
	if (tap->fd >= 0)
		close(tap->fd);
	free(tap);
}
