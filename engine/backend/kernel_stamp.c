// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_stamp.h"

#include <errno.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "core/clock.h"
#include "core/compiler.h"
#include "core/fail.h"

enum {
	MEASURE_PERIOD_NS = 1000000,
	GAP_MAX_NS = 2000, // between two clock reads; more: another thread had the core
	MEASURE_TRIES = 3,
	WINDOW_NS = 100000000, // in which two quartzes part by microseconds
};

static int64_t to_ns(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

// --- the kernel's clock -------------------------------------------------------------------------

static void measure(struct vly_kernel_stamps *stamps, uint64_t now_ns)
{
	for (uint32_t i = 0; i < MEASURE_TRIES; i++) {
		struct timespec wall;
		uint64_t after_ns;

		clock_gettime(CLOCK_REALTIME, &wall);
		after_ns = vly_clock_ns();
		if (after_ns - now_ns <= GAP_MAX_NS || !stamps->measured_ns) {
			stamps->offset_ns =
				(int64_t)(now_ns + (after_ns - now_ns) / 2) - to_ns(&wall);
			stamps->measured_ns = after_ns;
			return;
		}
		now_ns = after_ns;
	}
}

// --- a NIC's clock ------------------------------------------------------------------------------

static struct vly_kernel_nic *find_nic(struct vly_kernel_stamps *stamps, uint32_t ifindex)
{
	struct vly_kernel_nic *nic = &stamps->nics[ifindex % VLY_KERNEL_NICS];

	if (nic->ifindex != ifindex)
		*nic = (struct vly_kernel_nic){.ifindex = ifindex};
	return nic;
}

uint64_t vly_kernel_stamps_nic(struct vly_kernel_stamps *stamps, uint32_t ifindex,
			       uint64_t software_ns, int64_t hardware_ns)
{
	struct vly_kernel_nic *nic = find_nic(stamps, ifindex);
	int64_t difference_ns = (int64_t)software_ns - hardware_ns;
	int64_t age_ns = (int64_t)(software_ns - nic->window_ns); // stamps may come out of order

	if (!nic->window_ns || age_ns > 2 * WINDOW_NS || age_ns < -WINDOW_NS) {
		nic->window_ns = software_ns;
		nic->least_ns = nic->before_ns = difference_ns;
	} else if (age_ns > WINDOW_NS) {
		nic->window_ns = software_ns;
		nic->before_ns = nic->least_ns;
		nic->least_ns = difference_ns;
	}
	if (difference_ns < nic->least_ns)
		nic->least_ns = difference_ns;
	return (uint64_t)(hardware_ns +
			  (nic->least_ns < nic->before_ns ? nic->least_ns : nic->before_ns));
}

uint64_t vly_kernel_stamps_translate(struct vly_kernel_stamps *stamps, const struct timespec *given,
				     uint32_t ifindex)
{
	uint64_t now_ns = vly_clock_ns();
	int64_t software_ns = to_ns(&given[0]);
	int64_t hardware_ns = to_ns(&given[2]);
	uint64_t stamp_ns = now_ns;

	if (now_ns - stamps->measured_ns > MEASURE_PERIOD_NS)
		measure(stamps, now_ns);
	if (software_ns)
		stamp_ns = (uint64_t)(software_ns + stamps->offset_ns);
	if (hardware_ns)
		stamp_ns = vly_kernel_stamps_nic(stamps, ifindex, stamp_ns, hardware_ns);
	return stamp_ns && stamp_ns < now_ns ? stamp_ns : now_ns;
}

// --- asking for them ----------------------------------------------------------------------------

int vly_kernel_stamps_enable(int fd, enum vly_kernel_stamping stamping)
{
	unsigned int flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;

	if (stamping == VLY_KERNEL_STAMPING_HARDWARE)
		flags |= SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;
	return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)) ? -errno : 0;
}

static bool is_stamping(int fd, const char *interface)
{
	struct hwtstamp_config config = {.flags = 0};
	struct ifreq request = {.ifr_name = ""};

	memcpy(request.ifr_name, interface, strnlen(interface, IF_NAMESIZE - 1));
	request.ifr_data = (void *)&config;
	return ioctl(fd, SIOCGHWTSTAMP, &request) == 0 && config.rx_filter != HWTSTAMP_FILTER_NONE;
}

void vly_kernel_stamps_tell(const char *name, int fd, const struct vly_log *log)
{
	struct if_nameindex *list = if_nameindex();
	bool found = false;

	for (struct if_nameindex *it = list; it && it->if_index && !found; it++)
		found = is_stamping(fd, it->if_name);
	if_freenameindex(list);
	if (!found)
		vly_log_line(log,
			     "%s: no interface stamps what it receives, so the kernel does; where "
			     "the NIC can, run: hwstamp_ctl -i IF -r 1",
			     name);
}
