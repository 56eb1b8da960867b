// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_keys.h"

#include <stddef.h>

enum {
	SHARED = VLY_URING_KEY_COUNT,
	BUSY_POLL_MAX_US = 10000,
	ZERO_COPY_BYTES_MAX = 65536,
	BUFFER_BYTES_MAX = 1 << 30,
};

const struct vly_key vly_kernel_keys[] = {
	[VLY_URING_KEY_SQPOLL] = {"sqpoll", VLY_KEY_SWITCH, "off", 0, 0,
				  "let a kernel thread submit, which takes a core"},
	[VLY_URING_KEY_DEFER] = {"defer-taskrun", VLY_KEY_SWITCH, "on", 0, 0,
				 "let the kernel finish receptions only when asked"},
	[VLY_URING_KEY_FIXED] = {"fixed-files", VLY_KEY_SWITCH, "on", 0, 0,
				 "register the sockets with the ring"},
	[VLY_URING_KEY_SHARED] = {"shared", VLY_KEY_SWITCH, "off", 0, 0,
				  "let any thread use a queue, one at a time, as a shared client "
				  "does; costs the deferring"},
	[VLY_URING_KEY_ZERO_COPY] = {"zerocopy", VLY_KEY_SWITCH, "off", 0, 0,
				     "send long trains without a copy (SENDMSG_ZC): for a network "
				     "card, as loopback and veth copy them all the same"},
	[VLY_URING_KEY_ZERO_COPY_BYTES] = {"zerocopy-bytes", VLY_KEY_BYTES, "16k", 1,
					   ZERO_COPY_BYTES_MAX,
					   "how long a train must be for that"},
	[VLY_URING_KEY_MULTISHOT] = {"multishot", VLY_KEY_SWITCH, "off", 0, 0,
				     "receive through the ring also where there is one socket, "
				     "which plain calls are faster at"},

	[SHARED + VLY_KERNEL_KEY_GRO] = {"gro", VLY_KEY_SWITCH, "on", 0, 0,
					 "receive trains of one flow as one (UDP_GRO)"},
	[SHARED + VLY_KERNEL_KEY_GSO] = {"gso", VLY_KEY_SWITCH, "on", 0, 0,
					 "send trains of one flow as one (UDP_SEGMENT)"},
	[SHARED + VLY_KERNEL_KEY_RCVBUF] = {"rcvbuf", VLY_KEY_BYTES, "4M", 0, BUFFER_BYTES_MAX,
					    "receive buffer of each socket; 0: the system's"},
	[SHARED + VLY_KERNEL_KEY_SNDBUF] = {"sndbuf", VLY_KEY_BYTES, "1M", 0, BUFFER_BYTES_MAX,
					    "send buffer of each socket; 0: the system's"},
	[SHARED + VLY_KERNEL_KEY_BUSY_POLL] = {"busy-poll-us", VLY_KEY_NUMBER, "0", 0,
					       BUSY_POLL_MAX_US,
					       "let the kernel poll the device so long before it "
					       "sleeps"},
	[SHARED + VLY_KERNEL_KEY_TIMESTAMPS] = {"timestamps", VLY_KEY_TEXT, "off", 0, 0,
						"when a datagram was received: off (when we took "
						"it), software (when the kernel did) or hardware "
						"(the NIC)"},
	[SHARED + VLY_KERNEL_KEY_SPREAD] = {"spread", VLY_KEY_SWITCH, "off", 0, 0,
					    "deal each datagram out to any queue, so that one peer "
					    "keeps all busy; its order is lost"},
	[SHARED + VLY_KERNEL_KEY_ICMP_ERRORS] = {"icmp-errors", VLY_KEY_SWITCH, "off", 0, 0,
						 "count the ICMP errors that what we send meets, "
						 "which a client always does"},
	[SHARED + VLY_KERNEL_KEY_CONNECT] = {"connect", VLY_KEY_SWITCH, "on", 0, 0,
					     "send to peers that come again by connected sockets, "
					     "for which the kernel keeps the route; and receive so "
					     "from one that is alone, while the thread spins"},

	[SHARED + VLY_KERNEL_KEY_COUNT] = {NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};
