// SPDX-License-Identifier: BSD-3-Clause
//
// Receive timestamps of the kernel (SO_TIMESTAMPING) in the engine's clock. The kernel's own are of
// CLOCK_REALTIME and are translated by the difference of the two clocks, measured once a
// millisecond. A NIC's are of a clock of its own, which nobody needs to have set: of one datagram
// both stamps are known, and the smallest difference of a moment is taken for that of the clocks.
// So the least delay from the NIC to the kernel counts as none, and what is beyond it shows.
#pragma once

#include <stdint.h>
#include <time.h>

#include <volley/error.h>

enum vly_kernel_stamping {
	VLY_KERNEL_STAMPING_OFF,
	VLY_KERNEL_STAMPING_SOFTWARE,
	VLY_KERNEL_STAMPING_HARDWARE, // where there is one, else the kernel's
};

enum vly_kernel_stamp_limits {
	VLY_KERNEL_NICS = 4, // whose clocks are known at a time
	VLY_KERNEL_STAMPS_OF_ONE = 3,
};

struct vly_kernel_nic {
	uint32_t ifindex;
	uint64_t window_ns; // when the present window began; 0: nothing known
	int64_t least_ns;   // difference of the clocks, as found in this window
	int64_t before_ns;  // and in the one before
};

// One thread's; zeroed before.
struct vly_kernel_stamps {
	int64_t offset_ns; // CLOCK_MONOTONIC less CLOCK_REALTIME
	uint64_t measured_ns;
	struct vly_kernel_nic nics[VLY_KERNEL_NICS];
};

// CLOCK_MONOTONIC of a message's stamps as the kernel gives them: its own, nothing, the NIC's.
// Never 0, and never later than now.
uint64_t vly_kernel_stamps_translate(struct vly_kernel_stamps *stamps, const struct timespec *given,
				     uint32_t ifindex);

// The NIC's stamp in the clock that `software_ns` is of.
uint64_t vly_kernel_stamps_nic(struct vly_kernel_stamps *stamps, uint32_t ifindex,
			       uint64_t software_ns, int64_t hardware_ns);

// Asks the socket for stamps. Returns 0 or a negative errno.
int vly_kernel_stamps_enable(int fd, enum vly_kernel_stamping stamping);

// Says where no interface stamps what it receives, and how to make it.
void vly_kernel_stamps_tell(const char *name, int fd, const struct vly_log *log);
