// SPDX-License-Identifier: BSD-3-Clause
//
// Private to the dpdk backend: what was asked for, before DPDK is started. The -o keys
// (dpdk_options.c), the DEVICE text and whether such a device can work here (dpdk_device.c), and
// what the kernel knows of its interface (dpdk_interface.c).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"

enum vly_dpdk_text_limits {
	VLY_DPDK_TARGET_BYTES = 108, // as long as a Unix socket's path can be (unix(7))
	VLY_DPDK_ARGS_BYTES = 512,   // arguments of a driver
};

// --- options -----------------------------------------------------------------------------------

enum vly_dpdk_choice {
	VLY_DPDK_AUTO,
	VLY_DPDK_ON,
	VLY_DPDK_OFF,
};

struct vly_dpdk_options {
	enum vly_dpdk_choice checksum; // on: the device's wherever it has any; off: software
	enum vly_dpdk_choice hugepages;
	enum vly_dpdk_choice tagging; // on, auto: by the device, if it can; off: by the stack
	enum vly_dpdk_choice packed;
	enum vly_dpdk_choice share;   // the interface, with the kernel
	enum vly_dpdk_choice scatter; // large frames in chains of small buffers
	enum vly_dpdk_choice server;  // who owns the socket of a virtio pair
	uint16_t descriptors;
	uint64_t memory_bytes; // 0: as needed
	uint64_t wait_ns;      // virtio-user, when we own the socket: for the first peer
	uint32_t log_level;    // RTE_LOG_*, 0: none to stderr
	bool has_mac;
	uint8_t mac[6];
	const char *role;    // memif: "server", "client" or "auto"
	const char *eal;     // further EAL arguments, by spaces
	const char *capture; // pcap: the file for what is sent; "": none
	bool replays_once;   // pcap
};

extern const struct vly_key vly_dpdk_keys[];

// Checks the values of vly_dpdk_keys. Returns 0 or -EINVAL. The texts are not copied.
int vly_dpdk_options_read(struct vly_dpdk_options *options, const union vly_value *values,
			  struct vly_error *error);

// --- device ------------------------------------------------------------------------------------

enum vly_dpdk_kind_id {
	VLY_DPDK_VIRTIO_USER,
	VLY_DPDK_VHOST_USER,
	VLY_DPDK_MEMIF,
	VLY_DPDK_AF_XDP,
	VLY_DPDK_AF_PACKET,
	VLY_DPDK_PCAP,
	VLY_DPDK_PCI,
	VLY_DPDK_VDEV,
	VLY_DPDK_KIND_COUNT,
};

// Whose the MAC address is.
enum vly_dpdk_mac {
	VLY_DPDK_MAC_OURS,   // we choose; the driver does not filter
	VLY_DPDK_MAC_DEVICE, // the device's, unless we set another
	VLY_DPDK_MAC_FIXED,  // that of the kernel's interface
};

// What is true of all devices of a kind.
struct vly_dpdk_kind {
	const char *word;    // before the colon: "virtio-user"
	const char *operand; // after it: "PATH"
	const char *driver;  // DPDK's name of it; NULL: the operand says
	const char *library; // the file that holds the driver; NULL: depends
	const char *summary; // for `backends -v`
	enum vly_dpdk_mac mac;
	bool has_interface; // the operand is a network interface of the kernel
	bool interrupts;    // can tell when frames come (rte_eth_dev_rx_intr_enable())
	bool loses_on_send; // oerrors counts frames that the driver took and lost
};

struct vly_dpdk_device {
	enum vly_dpdk_kind_id id;
	const struct vly_dpdk_kind *kind;
	char target[VLY_DPDK_TARGET_BYTES]; // path, interface, file, address; vdev: driver's name
	char extra[VLY_DPDK_ARGS_BYTES];    // what followed the first comma: driver arguments
	bool serves;                        // a virtio pair, memif: we make the socket
};

// NULL after the last.
const struct vly_dpdk_kind *vly_dpdk_kind(uint32_t index);

// Reads "KIND:OPERAND[,DRIVER-ARGUMENTS]". NULL text: -EINVAL naming the choices.
int vly_dpdk_device_parse(struct vly_dpdk_device *device, const char *text,
			  struct vly_error *error);

// Whether the device can be opened, as far as one can say without DPDK: -ENODEV, -EACCES,
// -EADDRINUSE, -ENOTSUP. Decides device->serves. Removes a socket that a dead server left.
int vly_dpdk_device_check(struct vly_dpdk_device *device, const struct vly_dpdk_options *options,
			  struct vly_error *error);

// Whether a socket's path is alive, without its owner noticing: -EPROTOTYPE for alive,
// -ECONNREFUSED for dead, -ENOENT, -EACCES.
int vly_dpdk_device_knock(const char *path);

// After DPDK has refused a device: the line for it, from what it `said`. Returns its errno.
int vly_dpdk_device_explain(const struct vly_dpdk_device *device, const char *said,
			    struct vly_error *error);

// Whether the kernel's interface is up.
bool vly_dpdk_device_is_up(const struct vly_dpdk_device *device);

// The MTU of the kernel's interface, or 0.
uint32_t vly_dpdk_device_mtu(const struct vly_dpdk_device *device);

// As far as the kernel knows: how many queues it can have at most; how many the kernel's interface
// receives by, or 0.
uint32_t vly_dpdk_device_queues(const struct vly_dpdk_device *device);
uint32_t vly_dpdk_device_rx_queues(const struct vly_dpdk_device *device);

// Whether the interface is one end of a veth pair.
bool vly_dpdk_device_is_veth(const struct vly_dpdk_device *device);

// A locally administered MAC that is the same each time (IEEE 802, clause 8: bit 1 of octet 0).
void vly_dpdk_device_mac(const struct vly_dpdk_device *device, uint8_t *mac);

// Whether it can only be asked for frames, and not waited on.
bool vly_dpdk_kind_is_polled(const struct vly_dpdk_kind *kind);

// Whether this machine has the kind's driver.
bool vly_dpdk_kind_is_installed(const struct vly_dpdk_kind *kind);
