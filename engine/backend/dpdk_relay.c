// SPDX-License-Identifier: BSD-3-Clause
//
// A virtio-user device whose server may die and come back. DPDK's driver connects once, for ever;
// but where it owns the socket itself it takes any number of peers in, one after the other. So it
// is given a socket of its own to serve, and a thread of ours stands between that and the real
// server's: it connects to both, passes on what they say to each other, and when either hangs up,
// begins again.
//
//     driver, serves a private socket ◄── relay ──► PATH, the vhost-user server
//
// The driver waits for each answer without a limit, on a queue's thread. So it gets to see a server
// only once that has answered a first question (DPDK's takes up to a second to look at who comes).
// And it neither minds what an answer says of itself nor bears one that hangs up in the middle of
// what they agree on. Where a server does that, the relay stands in for it, answers by zeros, and
// hangs up once the driver has said all.
//
// Only the vhost-user messages go this way: a few dozen when a server comes, none afterwards. The
// frames are in memory that the two share, of which a message carries the file descriptors.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/dpdk_message.h"
#include "backend/dpdk_private.h"
#include "core/fail.h"
#include "core/thread.h"

enum {
	RETRY_MS = 10,
	QUIET_MS = 200, // after which the driver has no more to say
	NS_A_MS = 1000000,
};

static int open_stream(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return -errno;
	memcpy(address.sun_path, path, strnlen(path, sizeof(address.sun_path) - 1));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

// --- the thread ---------------------------------------------------------------------------------

// True: to be ended.
static bool is_over(const struct vly_dpdk_relay *relay, int timeout_ms)
{
	struct pollfd stop = {.fd = relay->stop_fd, .events = POLLIN};

	return poll(&stop, 1, timeout_ms) > 0;
}

// Connects, however long it takes, and not at once: a driver that hangs up is often being closed.
// -1: to be ended.
static int connect_to(const struct vly_dpdk_relay *relay, const char *path)
{
	int fd = -1;

	while (fd < 0) {
		if (is_over(relay, RETRY_MS))
			return -1;
		fd = open_stream(path);
	}
	return fd;
}

// The driver's socket is there now. It is held by a descriptor from here on, so that it needs no
// name, and nothing is left behind even by a process that is killed.
static void hide_socket(struct vly_dpdk_relay *relay)
{
	relay->held_fd = open(relay->path, O_PATH | O_CLOEXEC);
	if (relay->held_fd < 0)
		return;
	unlink(relay->path);
	rmdir(relay->folder);
	snprintf(relay->front, sizeof(relay->front), "/proc/self/fd/%d", relay->held_fd);
}

// The two and what is between them.
struct talk {
	struct vly_vhost_way out; // from the driver to the server
	struct vly_vhost_way in;
	uint32_t question; // of the driver's that waits for an answer; 0: none
};

enum end {
	END_NONE,
	END_DRIVER, // has hung up, or we are to
	END_SERVER, // the same, or does not keep to the protocol
};

static enum end pass_out(struct talk *talk)
{
	int rc = vly_vhost_take(&talk->out);

	if (rc <= 0)
		return rc ? END_DRIVER : END_NONE;
	talk->question = vly_vhost_question(&talk->out);
	return vly_vhost_give(&talk->out) ? END_NONE : END_SERVER;
}

static enum end pass_in(struct talk *talk)
{
	int rc = vly_vhost_take(&talk->in);

	if (rc == 0)
		return END_NONE;
	if (rc < 0 || !vly_vhost_is_answer(&talk->in, talk->question))
		return END_SERVER;
	talk->question = 0;
	return vly_vhost_give(&talk->in) ? END_NONE : END_DRIVER;
}

// Until the driver has said all, or hangs up.
static void stand_in(const struct vly_dpdk_relay *relay, struct talk *talk)
{
	struct pollfd fds[] = {{.fd = relay->stop_fd, .events = POLLIN},
			       {.fd = talk->out.from, .events = POLLIN}};
	int rc = talk->question ? 1 : 0;
	int n = 1;

	while (rc >= 0 && n != 0 && !fds[0].revents) {
		if (talk->question && !vly_vhost_answer(&talk->out, talk->question))
			return;
		talk->question = 0;
		n = poll(fds, RTE_DIM(fds), QUIET_MS);
		if (n <= 0 || !fds[1].revents)
			continue;
		rc = vly_vhost_take(&talk->out);
		if (rc != 1)
			continue;
		talk->question = vly_vhost_question(&talk->out);
		vly_vhost_drop(&talk->out);
		talk->out.have = 0;
	}
}

// Until one of the two hangs up, or the server does not do its part.
static void join(struct vly_dpdk_relay *relay, int front, int back)
{
	struct talk talk = {.out = {.from = front, .to = back}, .in = {.from = back, .to = front}};
	struct pollfd fds[] = {{.fd = relay->stop_fd, .events = POLLIN},
			       {.fd = front, .events = POLLIN},
			       {.fd = back, .events = POLLIN}};
	enum end end = END_NONE;

	while (end == END_NONE) {
		int n = poll(fds, RTE_DIM(fds), talk.question ? relay->patience_ms : -1);

		if (n == 0)
			end = END_SERVER;
		if (n <= 0)
			continue;
		if (fds[0].revents)
			end = END_DRIVER;
		if (end == END_NONE && fds[1].revents)
			end = pass_out(&talk);
		if (end == END_NONE && fds[2].revents)
			end = pass_in(&talk);
	}
	if (end == END_SERVER) {
		atomic_store(&relay->has_failed, true);
		stand_in(relay, &talk);
	}
	vly_vhost_drop(&talk.out);
	vly_vhost_drop(&talk.in);
}

// The next server that answers. -1: to be ended.
static int find_server(const struct vly_dpdk_relay *relay)
{
	for (;;) {
		int fd = connect_to(relay, relay->target);

		if (fd < 0 || vly_vhost_ask(fd, relay->stop_fd, -1) == 0)
			return fd;
		close(fd);
	}
}

static void *run(void *arg)
{
	struct vly_dpdk_relay *relay = arg;
	int back = relay->first_fd;
	int front = connect_to(relay, relay->front);

	if (front >= 0)
		hide_socket(relay);
	while (front >= 0 && back >= 0) {
		join(relay, front, back);
		close(front);
		close(back);
		front = -1;
		back = find_server(relay);
		if (back >= 0)
			front = connect_to(relay, relay->front);
	}
	if (front >= 0)
		close(front);
	if (back >= 0)
		close(back);
	return NULL;
}

// --- opening and closing ------------------------------------------------------------------------

// Where the driver's socket can stand for the moment that it needs a name.
static bool make_folder(struct vly_dpdk_relay *relay)
{
	static const char *const places[] = {"/tmp", "/dev/shm", "/run", "."};

	for (size_t i = 0; i < RTE_DIM(places); i++) {
		snprintf(relay->folder, sizeof(relay->folder), "%s/volley-XXXXXX", places[i]);
		if (!mkdtemp(relay->folder))
			continue;
		snprintf(relay->path, sizeof(relay->path), "%s/virtio", relay->folder);
		memcpy(relay->front, relay->path, sizeof(relay->path));
		return true;
	}
	return false;
}

static int start(struct vly_dpdk_relay *relay)
{
	int rc = vly_thread_start(&relay->thread, run, relay);

	relay->is_running = rc == 0;
	return rc;
}

static bool is_wanted(const struct vly_dpdk_device *device)
{
	struct stat file;

	return device->id == VLY_DPDK_VIRTIO_USER && !device->serves &&
	       !strstr(device->extra, "server=") && !strstr(device->extra, "path=") &&
	       stat(device->target, &file) == 0 && S_ISSOCK(file.st_mode);
}

static int open_server(struct vly_dpdk_relay *relay, const struct vly_dpdk_plan *plan,
		       struct vly_error *error)
{
	const char *path = plan->device.target;
	int rc;

	relay->target = path;
	relay->patience_ms = (int)RTE_MIN(plan->options.wait_ns / NS_A_MS, (uint64_t)INT_MAX);
	relay->first_fd = open_stream(path);
	if (relay->first_fd < 0)
		return vly_fail(error, relay->first_fd,
				"dpdk: virtio-user:%s: cannot connect: %s; start the one who "
				"serves it first",
				path, strerror(-relay->first_fd));
	rc = vly_vhost_ask(relay->first_fd, -1, relay->patience_ms);
	if (!rc)
		return 0;
	close(relay->first_fd);
	return vly_fail(error, rc,
			rc == -ETIMEDOUT
				? "dpdk: virtio-user:%s: its server does not answer; start that "
				  "again, or give it more time with -o wait=SECONDS"
				: "dpdk: virtio-user:%s: its server does not speak vhost-user; "
				  "give the socket of one that does",
			path);
}

int vly_dpdk_relay_open(struct vly_dpdk_relay *relay, const struct vly_dpdk_plan *plan,
			struct vly_error *error)
{
	int rc;

	*relay = (struct vly_dpdk_relay){.held_fd = -1, .stop_fd = -1};
	if (!is_wanted(&plan->device))
		return 0;
	rc = open_server(relay, plan, error);
	if (rc)
		return rc;
	relay->stop_fd = eventfd(0, EFD_CLOEXEC);
	rc = relay->stop_fd < 0 ? -errno : 0;
	if (!rc && !make_folder(relay))
		rc = -EACCES;
	if (!rc)
		rc = start(relay);
	if (!rc)
		return 0;
	close(relay->first_fd);
	vly_dpdk_relay_close(relay);
	return vly_fail(error, rc,
			rc == -EACCES
				? "dpdk: virtio-user:%s: no folder for a socket of ours; let /tmp, "
				  "/dev/shm or the working directory be written to"
				: "dpdk: virtio-user:%s: no more threads or file descriptors; see: "
				  "ulimit -a",
			plan->device.target);
}

int vly_dpdk_relay_verify(const struct vly_dpdk_relay *relay, struct vly_error *error)
{
	if (!relay->is_running || !atomic_load(&relay->has_failed))
		return 0;
	return vly_fail(error, -EPROTO,
			"dpdk: virtio-user:%s: its server hung up, fell silent or answered wrongly "
			"while the two agreed; start that again, or give it more time with "
			"-o wait=SECONDS",
			relay->target);
}

void vly_dpdk_relay_close(struct vly_dpdk_relay *relay)
{
	uint64_t one = 1;

	if (relay->is_running) {
		while (write(relay->stop_fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
		pthread_join(relay->thread, NULL);
	}
	if (relay->held_fd >= 0)
		close(relay->held_fd);
	if (relay->path[0] && relay->held_fd < 0) { // it was never hidden
		unlink(relay->path);
		rmdir(relay->folder);
	}
	if (relay->stop_fd >= 0)
		close(relay->stop_fd);
	*relay = (struct vly_dpdk_relay){.held_fd = -1, .stop_fd = -1};
}
