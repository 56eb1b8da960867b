// SPDX-License-Identifier: BSD-3-Clause
//
// Starting DPDK's environment layer. It can be started once in a process and never again, so what
// belongs to it is kept in a memory zone of DPDK's own, where the next port finds it; ports come
// and go by hot-plugging. Nothing of it shows: no line on the terminal, no thread pinned, no file.
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_memzone.h>

#include "backend/dpdk_private.h"
#include "core/fail.h"

enum {
	ARGS_MAX = 48,
	ARGS_BYTES = 2048,
};

// Of what memory zone the process's state is the content: a pointer.
static const char zone_name[] = "volley";

struct arguments {
	char *list[ARGS_MAX + 1];
	int count;
	char text[ARGS_BYTES];
	size_t used;
};

// All of it lives as long as the process: DPDK's log writes to it from any thread, and DPDK may
// point into its arguments, whose order it changes.
struct process {
	struct vly_dpdk_eal eal;
	struct arguments arguments;
};

static void add(struct arguments *args, const char *format, ...) VLY_PRINTF(2, 3);
static void add(struct arguments *args, const char *format, ...)
{
	size_t room = sizeof(args->text) - args->used;
	va_list list;
	int len;

	va_start(list, format);
	len = vsnprintf(args->text + args->used, room, format, list);
	va_end(list);
	if (len < 0 || (size_t)len >= room || args->count == ARGS_MAX)
		return;
	args->list[args->count++] = args->text + args->used;
	args->used += (size_t)len + 1;
}

// "0@(0-3,6)": one lcore that may run wherever this thread may.
static void add_lcore(struct arguments *args, const cpu_set_t *cpus)
{
	char text[512];
	size_t used = (size_t)snprintf(text, sizeof(text), "--lcores=0@(");
	const char *comma = "";

	for (uint32_t first = 0; first < CPU_SETSIZE && used < sizeof(text) - 32; first++) {
		uint32_t last = first;

		if (!CPU_ISSET(first, cpus))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, cpus))
			last++;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u-%u", comma, first,
					 last);
		comma = ",";
		first = last;
	}
	add(args, "%s)", text);
}

static void add_extra(struct arguments *args, const char *words)
{
	while (*words) {
		size_t len = strcspn(words, " ");

		if (len)
			add(args, "%.*s", (int)len, words);
		words += len + (words[len] == ' ');
	}
}

static void make_arguments(struct arguments *args, const struct vly_dpdk_plan *plan,
			   const struct vly_dpdk_memory *memory, const cpu_set_t *cpus)
{
	args->count = 0;
	args->used = 0;
	add(args, "volley");
	add_lcore(args, cpus);
	add(args, "--file-prefix=volley");
	add(args, "--no-telemetry");
	add(args, "-m");
	add(args, "%u", memory->megabytes);
	// Other processes share the memory by one descriptor (virtio-user sends at most eight).
	add(args, "--single-file-segments");
	if (memory->huge) {
		add(args, "--in-memory");
	} else {
		add(args, "--no-huge");
		add(args, "--no-shconf");
	}
	if (plan->device.id == VLY_DPDK_PCI) {
		add(args, "-a");
		add(args, "%s", plan->device.target);
	} else {
		add(args, "--no-pci");
		add(args, "--iova-mode=va");
	}
	add_extra(args, plan->options.eal);
	args->list[args->count] = NULL;
}

static void leave_thread(void *arg)
{
	(void)arg;
	rte_thread_unregister();
}

static struct vly_dpdk_eal *find(void)
{
	const struct rte_memzone *zone;

	// The timer's frequency is set when DPDK has started, and zero before.
	if (rte_get_tsc_hz() == 0)
		return NULL;
	zone = rte_memzone_lookup(zone_name);
	return zone ? *(struct vly_dpdk_eal **)zone->addr : NULL;
}

static int publish(struct vly_dpdk_eal *eal, struct vly_error *error)
{
	const struct rte_memzone *zone =
		rte_memzone_reserve(zone_name, sizeof(void *), SOCKET_ID_ANY, 0);

	if (!zone)
		return vly_fail(error, -ENOMEM,
				"dpdk: no memory for its own tables; give more with "
				"-o memory=128M");
	*(struct vly_dpdk_eal **)zone->addr = eal;
	return 0;
}

static int init(struct process *process, const struct vly_dpdk_plan *plan, struct vly_error *error)
{
	struct vly_dpdk_eal *eal = &process->eal;
	struct arguments *args = &process->arguments;
	struct vly_dpdk_capture capture;
	char cause[128];
	cpu_set_t cpus;
	int rc;

	pthread_getaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	make_arguments(args, plan, &eal->memory, &cpus);
	rte_openlog_stream(eal->log.stream);
	vly_dpdk_log_mark(&eal->log, plan->options.log_level);
	vly_dpdk_capture_begin(&capture, &eal->log);
	rc = rte_eal_init(args->count, args->list);
	vly_dpdk_capture_end(&capture);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	if (rc >= 0) {
		rmdir(rte_eal_get_runtime_dir()); // made, but used only by shared configurations
		return 0;
	}
	rc = -rte_errno;
	vly_dpdk_log_cause(&eal->log, cause, sizeof(cause));
	return vly_fail(error, rc ? rc : -ENOTSUP,
			"dpdk: DPDK did not start with %u MB of %s: %s; -o log=debug shows more",
			eal->memory.megabytes, eal->memory.huge ? "huge pages" : "memory",
			cause[0] ? cause : "no reason given");
}

static int start(struct vly_dpdk_eal **out, const struct vly_dpdk_plan *plan,
		 struct vly_error *error)
{
	// Not malloc(3)'s: only DPDK's memory points to it, where leak checkers do not look.
	struct process *process = mmap(NULL, sizeof(*process), PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rc;

	if (process == MAP_FAILED)
		return vly_fail(error, -ENOMEM, "out of memory");
	rc = vly_dpdk_memory_choose(&process->eal.memory, plan, error);
	if (rc)
		goto err_unmap;
	if (vly_dpdk_log_open(&process->eal.log) ||
	    pthread_key_create(&process->eal.thread_key, leave_thread)) {
		rc = vly_fail(error, -ENOMEM, "out of memory");
		goto err_unmap;
	}
	process->eal.has_pci = plan->device.id == VLY_DPDK_PCI;
	// A program that has started DPDK by itself keeps its memory and its log.
	if (rte_get_tsc_hz() == 0)
		rc = init(process, plan, error);
	else
		vly_dpdk_log_mark(&process->eal.log, plan->options.log_level);
	// From here on DPDK's log may point to the process, so it stays, whatever else fails.
	if (!rc)
		rc = publish(&process->eal, error);
	if (!rc)
		*out = &process->eal;
	return rc;

err_unmap:
	munmap(process, sizeof(*process));
	return rc;
}

int vly_dpdk_eal_start(struct vly_dpdk_eal **eal, const struct vly_dpdk_plan *plan,
		       struct vly_error *error)
{
	*eal = find();
	if (!*eal)
		return start(eal, plan, error);
	vly_dpdk_log_mark(&(*eal)->log, plan->options.log_level);
	if (plan->device.id == VLY_DPDK_PCI && !(*eal)->has_pci)
		return vly_fail(error, -EBUSY,
				"dpdk: pci:%s: this process has opened another device "
				"first and DPDK runs without PCI; give the pci: port first",
				plan->device.target);
	if (plan->options.hugepages == VLY_DPDK_ON && !(*eal)->memory.huge)
		return vly_fail(error, -EBUSY,
				"dpdk: this process runs DPDK on normal pages since "
				"its first port; give hugepages=on to the first one");
	return 0;
}

void vly_dpdk_eal_join(struct vly_dpdk_eal *eal)
{
	if (rte_lcore_id() == LCORE_ID_ANY && rte_thread_register() == 0)
		pthread_setspecific(eal->thread_key, eal);
}
