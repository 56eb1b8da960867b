// SPDX-License-Identifier: BSD-3-Clause
#include "serve_run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "arguments.h"
#include "metrics/families.h"
#include "metrics/server.h"
#include "monotonic.h"
#include "output.h"
#include "serve_report.h"

enum {
	POLL_NS = 250000000, // between two looks at what the engine has to say
};

// What the control thread looks after.
struct served {
	const struct serve_run *run;
	struct vly_engine *engine;
	struct metrics_server *metrics;
	struct metrics_source source;
	int signals; // a descriptor
};

// SIGHUP is waited for and never delivered; that it is caught shows `volley reload` that it may be
// sent.
static void on_hangup(int signal)
{
	(void)signal;
}

static void reload(struct served *served)
{
	struct vly_error error = {""};
	int status = vly_engine_reload(served->engine, &error);

	if (status == 0)
		served->source.reloads++;
	else
		served->source.reloads_failed++;
	if (status == -ETIMEDOUT)
		complain(served->run->command, "not reloaded everywhere: %s", error.text);
	else if (status < 0)
		complain(served->run->command, "not reloaded, the old handlers go on: %s",
			 error.text);
}

static int print_result(const struct served *served)
{
	return served->run->json ? serve_print_json(served->run->command, served->engine)
				 : serve_print(served->engine);
}

// Takes a signal, if there is one. Returns whether it ends us.
static bool take_signal(struct served *served)
{
	struct signalfd_siginfo signal;

	if (read(served->signals, &signal, sizeof(signal)) != sizeof(signal))
		return false;
	if (signal.ssi_signo == SIGHUP) {
		reload(served);
	} else if (signal.ssi_signo == SIGUSR1) {
		print_result(served);
		fflush(stdout);
	} else {
		return true;
	}
	return false;
}

// Waits for a signal that ends it, or the end of its time. Meanwhile looks after the engine, and
// answers who asks for metrics.
static void await_end(struct served *served)
{
	uint64_t now_ns = monotonic_ns();
	uint64_t end_ns = served->run->time_ns ? now_ns + served->run->time_ns : UINT64_MAX;
	uint64_t look_ns = now_ns + POLL_NS;
	struct pollfd fds[] = {
		{.fd = served->signals, .events = POLLIN},
		{.fd = metrics_fd(served->metrics), .events = POLLIN},
	};

	while (now_ns < end_ns) {
		uint64_t next_ns = look_ns < end_ns ? look_ns : end_ns;
		uint64_t left_ns = next_ns > now_ns ? next_ns - now_ns : 0;
		const struct timespec left = {
			.tv_nsec = (long)metrics_wait_ns(served->metrics, left_ns),
		};

		ppoll(fds, sizeof(fds) / sizeof(fds[0]), &left, NULL);
		if (take_signal(served))
			return;
		metrics_run(served->metrics);
		now_ns = monotonic_ns();
		if (now_ns < look_ns)
			continue;
		vly_engine_poll(served->engine);
		look_ns = now_ns + POLL_NS;
	}
}

static int write_page(void *arg, FILE *out)
{
	return metrics_write(out, arg);
}

// Blocks the signals before there are threads, so that none of them takes one; and they are still
// blocked while the engine stops, because timeout(1) and terminals often send the same one twice.
static int open_signals(struct vly_error *error)
{
	const struct sigaction hangup = {.sa_handler = on_hangup};
	sigset_t signals;
	int fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		snprintf(error->text, sizeof(error->text),
			 "signalfd: %s; a seccomp profile must allow it, as docker/seccomp.json "
			 "does",
			 strerror(errno));
	else
		sigaction(SIGHUP, &hangup, NULL);
	return fd;
}

// Takes the port of the metrics before anything else is opened: it is the quickest to fail.
static int open_all(struct served *served, struct vly_error *error)
{
	const struct serve_run *run = served->run;
	const struct metrics_page page = {write_page, &served->source};
	int rc = 0;

	served->signals = open_signals(error);
	if (served->signals < 0)
		return -1;
	if (run->metrics)
		rc = metrics_open(&served->metrics, run->metrics, &page, error);
	if (rc == 0)
		rc = vly_engine_open(&served->engine, run->config, error);
	if (rc == 0)
		rc = vly_engine_start(served->engine, error);
	served->source.engine = served->engine;
	return rc;
}

int serve_run(const struct serve_run *run)
{
	struct served served = {
		.run = run,
		.source = {.workers = run->config->workers, .budget_ns = run->config->budget_ns},
	};
	struct vly_error error = {""};
	struct timespec now;
	int status = STATUS_FAILED;

	clock_gettime(CLOCK_REALTIME, &now);
	served.source.start_ns = (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
	if (open_all(&served, &error) < 0) {
		complain(run->command, "%s", error.text);
		goto err_close;
	}
	if (!run->is_private && vly_engine_tap_listen(served.engine, &error) < 0)
		complain(run->command, "goes on without volley tap: %s", error.text);
	printf("ready: %s%s%s\n", vly_engine_summary(served.engine),
	       served.metrics ? "; metrics at " : "", metrics_address(served.metrics));
	fflush(stdout);
	await_end(&served);
	vly_engine_stop(served.engine);
	vly_engine_poll(served.engine);
	status = print_result(&served);
err_close:
	vly_engine_close(served.engine);
	metrics_close(served.metrics);
	if (served.signals >= 0)
		close(served.signals);
	return status;
}
