// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernel backends say when the system refuses them something: most in a process of its
// own, which takes the refusal with it.
#include "kernel_port.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum {
	SKIPPED = 77,
	NOBODY = 65534,
};

// Runs `body` in a child; its exit status is 0 when it found what it expected.
static void in_child(int (*body)(const struct variant *variant), const struct variant *variant)
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body(variant));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	needs(!WIFEXITED(status) || WEXITSTATUS(status) != SKIPPED,
	      "no right to lower a limit, or to give up root's");
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

// From now on io_uring_setup() answers with `error`.
static int forbid_rings(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int probe_says(int error, const char *words)
{
	struct vly_error line = {""};

	if (forbid_rings(error))
		return SKIPPED;
	if (vly_backend_find("uring")->probe(&line) != -error)
		return 1;
	return strstr(line.text, words) && strstr(line.text, "--security-opt seccomp=") ? 0 : 2;
}

static int denied(const struct variant *variant)
{
	(void)variant;
	return probe_says(EPERM, "forbidden by a seccomp filter");
}

static int hidden(const struct variant *variant)
{
	(void)variant;
	return probe_says(ENOSYS, "this kernel has no io_uring");
}

static void test_seccomp(void **state)
{
	needs(strcmp(((const struct variant *)*state)->label, "uring") == 0, "about io_uring only");
	in_child(denied, *state);
	in_child(hidden, *state);
}

// Room for so many files that the ports are part of the way when it ends.
static int without_files(const struct variant *variant)
{
	static const rlim_t limits[] = {4, 5, 6, 7, 8};
	struct vly_error error = {""};
	struct port port;

	for (uint32_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit limit = {.rlim_cur = limits[i], .rlim_max = 1024};

		if (setrlimit(RLIMIT_NOFILE, &limit))
			return SKIPPED;
		if (port_try(&port, variant, &(struct port_plan){.listens = {"127.0.0.1:0"}},
			     &error) == 0) {
			port.backend->close(port.inner);
			return i ? 0 : 3;
		}
		if (!strstr(error.text, "RLIMIT_NOFILE is") || !strstr(error.text, "ulimit -n"))
			return 4;
	}
	return 0;
}

// Who does as the line says gets all that many queues need.
static int with_files_as_told(const struct variant *variant)
{
	static const rlim_t limits[] = {12, 20, 70}; // sockets, rings and events are refused
	const struct port_plan plan = {.listens = {"127.0.0.1:0", "127.0.0.2:0"},
				       .queues = PORT_QUEUES};

	for (uint32_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit limit = {.rlim_cur = limits[i], .rlim_max = 1024};
		struct vly_error error = {""};
		struct port port;
		const char *advice;

		if (setrlimit(RLIMIT_NOFILE, &limit))
			return SKIPPED;
		for (uint32_t taken = 0; taken + 8 < limits[i]; taken++)
			dup(STDERR_FILENO);
		if (!port_try(&port, variant, &plan, &error))
			return 8;
		advice = strstr(error.text, "ulimit -n ");
		if (!advice)
			return 9;
		limit.rlim_cur = strtoul(advice + strlen("ulimit -n "), NULL, 10);
		if (setrlimit(RLIMIT_NOFILE, &limit) || port_try(&port, variant, &plan, &error))
			return 10;
		port.backend->close(port.inner);
	}
	return 0;
}

static void test_too_few_files(void **state)
{
	in_child(without_files, *state);
	in_child(with_files_as_told, *state);
}

static int as_nobody(const struct variant *variant)
{
	struct vly_error error = {""};
	struct port port;

	if (setuid(NOBODY))
		return SKIPPED;
	switch (port_try(&port, variant, &(struct port_plan){.listens = {"127.0.0.1:81"}},
			 &error)) {
	case 0:
		return SKIPPED; // every port is open to everybody here
	case -EACCES:
		return strstr(error.text, "ip_unprivileged_port_start=81") ? 0 : 5;
	default:
		return 6;
	}
}

static void test_privileged_port(void **state)
{
	in_child(as_nobody, *state);
}

// Without any privilege everything else works.
static int nobody_works(const struct variant *variant)
{
	struct vly_error error = {""};
	struct port port;

	if (setuid(NOBODY))
		return SKIPPED;
	if (port_try(&port, variant, &(struct port_plan){.listens = {":0"}}, &error))
		return 7;
	port.backend->close(port.inner);
	return 0;
}

static void test_unprivileged(void **state)
{
	in_child(nobody_works, *state);
}

// Two listens of ours on one port: said as such, as nobody else has it. Queues share a port by a
// way that lets one for all addresses stand beside one for some.
static void test_listens_overlap(void **state)
{
	struct vly_error error = {""};
	struct port_plan plan = {.queues = 1};
	struct port port;
	char any[64];
	char one[64];
	int guard = peer_open("127.0.0.1");

	snprintf(any, sizeof(any), ":%u", peer_addr(guard).port);
	snprintf(one, sizeof(one), "127.0.0.1:%u", peer_addr(guard).port);
	close(guard);
	plan.listens[0] = one;
	plan.listens[1] = one;
	for (plan.queues = 1; plan.queues <= 2; plan.queues++) {
		assert_int_equal(port_try(&port, *state, &plan, &error), -EADDRINUSE);
		assert_non_null(strstr(error.text, "which is given before it; leave one out"));
		assert_non_null(strstr(error.text, one));
	}
	plan.listens[0] = any;
	plan.queues = 1;
	assert_int_equal(port_try(&port, *state, &plan, &error), -EADDRINUSE);
	assert_non_null(strstr(error.text, "leave one out"));
	plan.queues = 2;
	port_open(&port, *state, &plan);
	port_close(&port);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seccomp),         cmocka_unit_test(test_too_few_files),
		cmocka_unit_test(test_privileged_port), cmocka_unit_test(test_unprivileged),
		cmocka_unit_test(test_listens_overlap),
	};

	return variants_run(tests, sizeof(tests) / sizeof(tests[0]));
}
