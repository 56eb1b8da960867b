// SPDX-License-Identifier: BSD-3-Clause
//
// What DPDK says, kept for error lines instead of going to the terminal. Its threads (vhost,
// interrupts) write here too, so the log is locked and never closed.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <rte_log.h>

#include "backend/dpdk_private.h"

static void keep(char *to, size_t size, const char *text, size_t len)
{
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	if (len > 0)
		snprintf(to, size, "%.*s", (int)len, text);
}

static void write_out(struct vly_dpdk_log *log, const char *text, size_t len)
{
	// A terminal that takes no more is not a reason to lose the program.
	if (write(STDERR_FILENO, text, len) < 0)
		keep(log->last, sizeof(log->last), text, len);
}

static ssize_t take_message(void *cookie, const char *text, size_t len)
{
	struct vly_dpdk_log *log = cookie;
	int level = rte_log_cur_msg_loglevel();

	pthread_mutex_lock(&log->lock);
	if (level > 0 && level <= (int)RTE_LOG_ERR) {
		if (!log->error[0])
			keep(log->error, sizeof(log->error), text, len);
		log->errors++;
	}
	keep(log->last, sizeof(log->last), text, len);
	if (level > 0 && (uint32_t)level <= log->level)
		write_out(log, text, len);
	pthread_mutex_unlock(&log->lock);
	return (ssize_t)len;
}

static ssize_t take_stray(void *cookie, const char *text, size_t len)
{
	struct vly_dpdk_log *log = cookie;

	pthread_mutex_lock(&log->lock);
	keep(log->last, sizeof(log->last), text, len);
	if (log->level)
		write_out(log, text, len);
	pthread_mutex_unlock(&log->lock);
	return (ssize_t)len;
}

int vly_dpdk_log_open(struct vly_dpdk_log *log)
{
	cookie_io_functions_t message = {.write = take_message};
	cookie_io_functions_t stray = {.write = take_stray};

	pthread_mutex_init(&log->lock, NULL);
	log->stream = fopencookie(log, "w", message);
	log->stray = fopencookie(log, "w", stray);
	if (!log->stream || !log->stray)
		goto err_close;
	setvbuf(log->stream, NULL, _IOLBF, BUFSIZ);
	setvbuf(log->stray, NULL, _IOLBF, BUFSIZ);
	return 0;

err_close:
	if (log->stream)
		fclose(log->stream);
	if (log->stray)
		fclose(log->stray);
	return -ENOMEM;
}

void vly_dpdk_log_mark(struct vly_dpdk_log *log, uint32_t level)
{
	pthread_mutex_lock(&log->lock);
	log->level = level;
	log->error[0] = 0;
	log->errors = 0;
	log->last[0] = 0;
	pthread_mutex_unlock(&log->lock);
	rte_log_set_global_level(level > RTE_LOG_NOTICE ? level : RTE_LOG_NOTICE);
	// A driver's types have levels of their own beneath the global one.
	if (level > RTE_LOG_NOTICE)
		rte_log_set_level_pattern("*", level);
}

void vly_dpdk_log_cause(struct vly_dpdk_log *log, char *text, size_t size)
{
	fflush(log->stream);
	fflush(log->stray);
	pthread_mutex_lock(&log->lock);
	snprintf(text, size, "%s", log->error[0] ? log->error : log->last);
	pthread_mutex_unlock(&log->lock);
}

uint32_t vly_dpdk_log_take(struct vly_dpdk_log *log, char *text, size_t size)
{
	uint32_t errors;

	pthread_mutex_lock(&log->lock);
	errors = log->errors;
	snprintf(text, size, "%s", log->error);
	log->errors = 0;
	log->error[0] = 0;
	pthread_mutex_unlock(&log->lock);
	return errors;
}

void vly_dpdk_capture_begin(struct vly_dpdk_capture *capture, struct vly_dpdk_log *log)
{
	capture->out = stdout;
	capture->err = stderr;
	stdout = log->stray;
	stderr = log->stray;
}

void vly_dpdk_capture_end(const struct vly_dpdk_capture *capture)
{
	fflush(stderr);
	stdout = capture->out;
	stderr = capture->err;
}
