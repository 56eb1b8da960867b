// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_options.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/kernel_steer.h"
#include "core/fail.h"

static int read_stamping(struct vly_kernel_options *options, const char *name, const char *text,
			 struct vly_error *error)
{
	static const char *const words[] = {
		[VLY_KERNEL_STAMPING_OFF] = "off",
		[VLY_KERNEL_STAMPING_SOFTWARE] = "software",
		[VLY_KERNEL_STAMPING_HARDWARE] = "hardware",
	};

	for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], text) == 0) {
			options->stamping = (enum vly_kernel_stamping)i;
			return 0;
		}
	}
	return vly_fail(error, -EINVAL, "%s: timestamps=%s is none of off, software, hardware",
			name, text);
}

int vly_kernel_options_read(struct vly_kernel_options *options, const char *name,
			    const union vly_value *values, struct vly_error *error)
{
	*options = (struct vly_kernel_options){
		.gro = values[VLY_KERNEL_KEY_GRO].on,
		.gso = values[VLY_KERNEL_KEY_GSO].on,
		.rcvbuf_bytes = values[VLY_KERNEL_KEY_RCVBUF].number,
		.sndbuf_bytes = values[VLY_KERNEL_KEY_SNDBUF].number,
		.busy_poll_us = (uint32_t)values[VLY_KERNEL_KEY_BUSY_POLL].number,
		.icmp_errors = values[VLY_KERNEL_KEY_ICMP_ERRORS].on,
		.connects = values[VLY_KERNEL_KEY_CONNECT].on,
	};
	return read_stamping(options, name, values[VLY_KERNEL_KEY_TIMESTAMPS].text, error);
}

static void set_buffer(int fd, int forced, int option, uint64_t bytes)
{
	int size = (int)(bytes < INT32_MAX / 2 ? bytes : INT32_MAX / 2);

	if (size && setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size));
}

void vly_kernel_buffers_set(int fd, const struct vly_kernel_options *options)
{
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options->rcvbuf_bytes);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options->sndbuf_bytes);
}

bool vly_kernel_busy_poll_set(int fd, uint32_t us)
{
	int value = (int)us;
	int on = 1;

	if (!us)
		return true;
	setsockopt(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &on, sizeof(on));
	return setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &value, sizeof(value)) == 0;
}

static bool has_option(int option, int value)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has;

	if (fd < 0)
		return false;
	has = setsockopt(fd, SOL_UDP, option, &value, sizeof(value)) == 0;
	close(fd);
	return has;
}

bool vly_kernel_has_gso(void)
{
	return has_option(UDP_SEGMENT, 0);
}

bool vly_kernel_has_gro(void)
{
	return has_option(UDP_GRO, 1);
}

// The kernel reports twice what was asked for: its own bookkeeping takes the other half.
static void tell_buffer(const char *name, const char *what, const char *sysctl, int fd, int option,
			uint64_t asked, const struct vly_log *log)
{
	int size = 0;
	socklen_t size_bytes = sizeof(size);

	if (!asked || getsockopt(fd, SOL_SOCKET, option, &size, &size_bytes))
		return;
	if ((uint64_t)size / 2 < asked)
		vly_log_line(log, "%s: the %s buffer is %d KiB, not %lu KiB; run: sysctl %s=%lu",
			     name, what, size / 2048, (unsigned long)(asked >> 10), sysctl,
			     (unsigned long)asked);
}

void vly_kernel_options_tell(const char *name, const struct vly_kernel_options *asked,
			     const struct vly_kernel_options *got, int fd,
			     const struct vly_log *log)
{
	if (asked->gro && !got->gro)
		vly_log_line(log, "%s: no receive offload (UDP_GRO, Linux 5.0): one by one", name);
	if (asked->gso && !got->gso)
		vly_log_line(log,
			     "%s: no segmentation offload (UDP_SEGMENT, Linux 4.18): one by one",
			     name);
	if (asked->busy_poll_us && !got->busy_poll_us)
		vly_log_line(log, "%s: no busy polling: SO_BUSY_POLL needs CAP_NET_ADMIN", name);
	if (asked->stamping && !got->stamping)
		vly_log_line(log, "%s: no receive timestamps (SO_TIMESTAMPING): the burst's", name);
	if (got->stamping == VLY_KERNEL_STAMPING_HARDWARE)
		vly_kernel_stamps_tell(name, fd, log);
	tell_buffer(name, "receive", "net.core.rmem_max", fd, SO_RCVBUF, asked->rcvbuf_bytes, log);
	tell_buffer(name, "send", "net.core.wmem_max", fd, SO_SNDBUF, asked->sndbuf_bytes, log);
}

static bool has_busy_poll(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 && vly_kernel_busy_poll_set(fd, 1);

	if (fd >= 0)
		close(fd);
	return has;
}

static bool has_stamps(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 && vly_kernel_stamps_enable(fd, VLY_KERNEL_STAMPING_SOFTWARE) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

void vly_kernel_options_describe(const struct vly_log *log)
{
	vly_log_line(log, "segmentation offload (UDP_SEGMENT, Linux 4.18): %s",
		     vly_kernel_has_gso() ? "yes" : "no");
	vly_log_line(log, "receive offload (UDP_GRO, Linux 5.0): %s",
		     vly_kernel_has_gro() ? "yes" : "no");
	vly_log_line(log, "device polling by the socket (SO_BUSY_POLL, Linux 3.11): %s",
		     has_busy_poll() ? "yes" : "no: needs CAP_NET_ADMIN");
	vly_log_line(log, "receive timestamps (SO_TIMESTAMPING, Linux 2.6.30): %s",
		     has_stamps() ? "yes" : "no");
	vly_log_line(log, "flows steered to queues (SO_ATTACH_REUSEPORT_CBPF, Linux 4.5): %s",
		     vly_kernel_has_steering() ? "yes" : "no");
}
