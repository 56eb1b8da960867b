// SPDX-License-Identifier: BSD-3-Clause
#include "handler/forward/shared.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/fail.h"
#include "core/thread.h"

enum {
	LOOK_S = 1, // how often the file is looked at
	QUIET_NS = 5000000,
};

// --- plans --------------------------------------------------------------------------------------

struct vly_plan *vly_forward_plan(struct vly_forward *forward, uint32_t worker,
				  struct vly_plan *used)
{
	struct vly_plan *plan = atomic_load_explicit(&forward->plan, memory_order_acquire);

	// Once it is announced and still the one in force, the planner sees that it is used.
	while (plan != used) {
		used = plan;
		atomic_store(&forward->seen[worker], plan);
		plan = atomic_load(&forward->plan);
	}
	return plan;
}

void vly_forward_tell_up(struct vly_forward *forward, uint64_t up)
{
	atomic_store(&forward->up, up);
	sem_post(&forward->news);
}

static bool is_used(struct vly_forward *forward, const struct vly_plan *plan)
{
	for (uint32_t i = 0; i < VLY_WORKERS_MAX; i++) {
		if (atomic_load(&forward->seen[i]) == plan)
			return true;
	}
	return false;
}

static void replace_plan(struct vly_forward *forward, struct vly_plan *plan)
{
	const struct timespec pause = {.tv_nsec = QUIET_NS};
	struct vly_plan *old = atomic_exchange(&forward->plan, plan);

	while (is_used(forward, old) && !atomic_load(&forward->stops))
		nanosleep(&pause, NULL);
	// Once all has stopped, nobody looks at it either.
	free(old);
}

// Whether the file is another one than when this was asked last.
static bool file_has_changed(struct vly_forward *forward)
{
	struct stat now;
	const struct stat *before = &forward->file_stat;

	if (stat(forward->file, &now))
		memset(&now, 0, sizeof(now));
	if (now.st_ino == before->st_ino && now.st_size == before->st_size &&
	    now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == before->st_mtim.tv_nsec)
		return false;
	forward->file_stat = now;
	return true;
}

// A file that cannot be read changes nothing, but is counted, and said.
static struct vly_plan *plan_of_file(struct vly_forward *forward, const struct vly_plan *before,
				     uint64_t up)
{
	struct vly_forward_servers servers;
	struct vly_error error = {""};
	struct vly_plan *plan;

	if (vly_forward_servers_read(&servers, forward->file, &error)) {
		vly_warning_tell(&forward->refusal, error.text);
		atomic_fetch_add(&forward->refused_files, 1);
		return NULL;
	}
	plan = malloc(sizeof(*plan));
	if (plan)
		vly_plan_make(plan, before, &servers, up);
	return plan;
}

static struct vly_plan *next_plan(struct vly_forward *forward)
{
	const struct vly_plan *before = atomic_load(&forward->plan);
	uint64_t up = atomic_load(&forward->up);
	struct vly_plan *plan;

	if (file_has_changed(forward)) {
		plan = plan_of_file(forward, before, up);
		if (plan)
			return plan;
	}
	if (((up ^ before->up) & vly_plan_present(before)) == 0)
		return NULL;
	plan = malloc(sizeof(*plan));
	if (!plan)
		return NULL;
	*plan = *before;
	vly_plan_deal(plan, up);
	return plan;
}

static void *planner(void *arg)
{
	struct vly_forward *forward = arg;

	while (!atomic_load(&forward->stops)) {
		struct timespec until;
		struct vly_plan *plan;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += LOOK_S;
		sem_clockwait(&forward->news, CLOCK_MONOTONIC, &until);
		plan = atomic_load(&forward->stops) ? NULL : next_plan(forward);
		if (plan)
			replace_plan(forward, plan);
	}
	return NULL;
}

// --- opening ------------------------------------------------------------------------------------

static int read_via(struct vly_forward *forward, const char *via, struct vly_error *error)
{
	struct vly_endpoint *ports = calloc(VLY_LISTENS_MAX, sizeof(*ports));
	struct vly_error inner = {""};
	int count;

	if (!ports)
		return vly_fail(error, -ENOMEM, "out of memory");
	count = vly_endpoint_resolve(ports, VLY_LISTENS_MAX, via, true, &inner);
	if (count > 0) {
		forward->via = ports[0].addr;
		forward->port_count = (uint32_t)count;
	}
	if (count > 1 && ports[1].addr.port != ports[0].addr.port + 1)
		count = 0; // a name with several addresses
	free(ports);
	if (count < 0)
		return vly_fail(error, -EINVAL, "via=%.100s: %.200s", via, inner.text);
	if (count < 2)
		return vly_fail(
			error, -EINVAL,
			"via=%.100s: at least two ports are needed; write one address and a "
			"range, ADDR:FIRST-LAST, and listen there as well (-l)",
			via);
	return 0;
}

static int make_first_plan(struct vly_forward *forward, struct vly_error *error)
{
	struct vly_forward_servers servers;
	struct vly_plan *plan;
	int rc;

	file_has_changed(forward); // before it is read: what changes meanwhile is read again
	rc = vly_forward_servers_read(&servers, forward->file, error);
	if (rc)
		return rc;
	plan = malloc(sizeof(*plan));
	if (!plan)
		return vly_fail(error, -ENOMEM, "out of memory");
	vly_plan_make(plan, NULL, &servers, UINT64_MAX);
	atomic_store(&forward->up, UINT64_MAX);
	atomic_store(&forward->plan, plan);
	return 0;
}

static int start_planner(struct vly_forward *forward, struct vly_error *error)
{
	int rc;

	sem_init(&forward->news, 0, 0);
	rc = vly_thread_start(&forward->planner, planner, forward);
	if (rc)
		return vly_fail(error, rc, "no thread for plans (%s); see ulimit -u",
				strerror(-rc));
	forward->planner_runs = true;
	return 0;
}

int vly_forward_open(struct vly_forward **opened, const char *file, const char *via,
		     struct vly_error *error)
{
	struct vly_forward *forward = calloc(1, sizeof(*forward));
	int rc = forward ? 0 : vly_fail(error, -ENOMEM, "out of memory");

	if (!rc)
		rc = read_via(forward, via, error);
	if (!rc) {
		forward->file = strdup(file);
		forward->paths = calloc((size_t)VLY_MAGLEV_SERVERS_MAX * forward->port_count,
					sizeof(forward->paths[0]));
		if (!forward->file || !forward->paths)
			rc = vly_fail(error, -ENOMEM, "out of memory");
	}
	if (!rc)
		rc = make_first_plan(forward, error);
	if (!rc)
		rc = start_planner(forward, error);
	if (rc) {
		vly_forward_close(forward);
		return rc;
	}
	*opened = forward;
	return 0;
}

void vly_forward_close(struct vly_forward *forward)
{
	if (!forward)
		return;
	if (forward->planner_runs) {
		atomic_store(&forward->stops, true);
		sem_post(&forward->news);
		pthread_join(forward->planner, NULL);
		sem_destroy(&forward->news);
	}
	free(atomic_load(&forward->plan));
	free(forward->paths);
	free(forward->file);
	free(forward);
}
