// SPDX-License-Identifier: BSD-3-Clause
//
// The -o keys of the dpdk backend.
#include <errno.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_log.h>

#include "backend/dpdk_private.h"
#include "core/fail.h"

// The rows of vly_dpdk_keys, in order.
enum {
	KEY_CAPTURE,
	KEY_CHECKSUM,
	KEY_DESCRIPTORS,
	KEY_EAL,
	KEY_HUGEPAGES,
	KEY_LOG,
	KEY_MAC,
	KEY_MEMORY,
	KEY_PACKED,
	KEY_REPLAY,
	KEY_ROLE,
	KEY_SCATTER,
	KEY_SERVER,
	KEY_SHARE,
	KEY_TAGGING,
	KEY_WAIT,
};

const struct vly_key vly_dpdk_keys[] = {
	{"capture", VLY_KEY_TEXT, "", 0, 0, "pcap: the file that what is sent is written to"},
	{"checksum", VLY_KEY_TEXT, "auto", 0, 0,
	 "auto, on (by the device wherever it can) or off (software)"},
	{"descriptors", VLY_KEY_NUMBER, "1024", 64, 32768,
	 "frames in a receive or transmit ring, a power of two"},
	{"eal", VLY_KEY_TEXT, "", 0, 0, "more EAL arguments, by spaces, unchecked"},
	{"hugepages", VLY_KEY_TEXT, "auto", 0, 0, "auto, on (fail without) or off"},
	{"log", VLY_KEY_TEXT, "off", 0, 0,
	 "DPDK's own words on stderr: off, error, warning, notice, info or debug"},
	{"mac", VLY_KEY_TEXT, "", 0, 0, "our MAC address, where it is ours to choose"},
	{"memory", VLY_KEY_BYTES, "0", 0, 1ull << 40,
	 "of DPDK, all ports of a process; 0: as needed"},
	{"packed", VLY_KEY_TEXT, "auto", 0, 0, "virtio-user: auto, on or off (split ring)"},
	{"replay", VLY_KEY_TEXT, "forever", 0, 0, "pcap: forever or once"},
	{"role", VLY_KEY_TEXT, "auto", 0, 0,
	 "memif: server, client or auto (client if the socket is there)"},
	{"scatter", VLY_KEY_TEXT, "auto", 0, 0,
	 "frames of more than 2 KB: on (in chains of small buffers, copied together), off or auto "
	 "(in large buffers: no copy, more memory)"},
	{"server", VLY_KEY_TEXT, "auto", 0, 0,
	 "who owns a virtio socket: on (this end), off (the other); auto: vhost-user"},
	{"share", VLY_KEY_TEXT, "auto", 0, 0,
	 "af_xdp: leave all but our ports to the kernel; auto: if the addresses are its"},
	{"tagging", VLY_KEY_TEXT, "auto", 0, 0,
	 "VLAN tags: auto, on (by the device if it can) or off (by our stack)"},
	{"wait", VLY_KEY_DURATION, "10s", 1000000, 86400000000000,
	 "virtio-user: for the other end, when it is opened"},
	{NULL, VLY_KEY_TEXT, NULL, 0, 0, NULL},
};

static int read_choice(enum vly_dpdk_choice *choice, uint32_t key, const char *text,
		       struct vly_error *error)
{
	static const char *const words[] = {"auto", "on", "off"};

	for (uint32_t i = 0; i < RTE_DIM(words); i++) {
		if (strcmp(text, words[i]) == 0) {
			*choice = (enum vly_dpdk_choice)i;
			return 0;
		}
	}
	return vly_fail(error, -EINVAL, "dpdk: %s=%.40s is not known; give auto, on or off",
			vly_dpdk_keys[key].name, text);
}

static int read_log_level(uint32_t *level, const char *text, struct vly_error *error)
{
	static const struct {
		const char *word;
		uint32_t level;
	} levels[] = {
		{"off", 0},
		{"error", RTE_LOG_ERR},
		{"warning", RTE_LOG_WARNING},
		{"notice", RTE_LOG_NOTICE},
		{"info", RTE_LOG_INFO},
		{"debug", RTE_LOG_DEBUG},
	};

	for (uint32_t i = 0; i < RTE_DIM(levels); i++) {
		if (strcmp(text, levels[i].word) == 0) {
			*level = levels[i].level;
			return 0;
		}
	}
	return vly_fail(error, -EINVAL,
			"dpdk: log=%.40s is not known; give off, error, warning, "
			"notice, info or debug",
			text);
}

static int read_mac(struct vly_dpdk_options *options, const char *text, struct vly_error *error)
{
	struct rte_ether_addr mac;

	options->has_mac = text[0] != 0;
	if (!options->has_mac)
		return 0;
	if (rte_ether_unformat_addr(text, &mac) || !rte_is_valid_assigned_ether_addr(&mac))
		return vly_fail(error, -EINVAL,
				"dpdk: mac=%.40s is no station's address; give six "
				"octets such as 02:00:00:00:00:01",
				text);
	memcpy(options->mac, mac.addr_bytes, sizeof(options->mac));
	return 0;
}

static int read_role(struct vly_dpdk_options *options, const char *text, struct vly_error *error)
{
	options->role = text;
	if (strcmp(text, "auto") && strcmp(text, "server") && strcmp(text, "client"))
		return vly_fail(error, -EINVAL,
				"dpdk: role=%.40s is not known; give auto, server or client", text);
	return 0;
}

static int read_replay(struct vly_dpdk_options *options, const char *text, struct vly_error *error)
{
	options->replays_once = strcmp(text, "once") == 0;
	if (!options->replays_once && strcmp(text, "forever"))
		return vly_fail(error, -EINVAL,
				"dpdk: replay=%.40s is not known; give forever or once", text);
	return 0;
}

static int read_descriptors(struct vly_dpdk_options *options, uint64_t value,
			    struct vly_error *error)
{
	options->descriptors = (uint16_t)value;
	if (value & (value - 1))
		return vly_fail(error, -EINVAL,
				"dpdk: descriptors=%u is not a power of two; give "
				"512, 1024 or 2048",
				options->descriptors);
	return 0;
}

int vly_dpdk_options_read(struct vly_dpdk_options *options, const union vly_value *values,
			  struct vly_error *error)
{
	int rc;

	memset(options, 0, sizeof(*options));
	options->eal = values[KEY_EAL].text;
	options->capture = values[KEY_CAPTURE].text;
	options->wait_ns = values[KEY_WAIT].number;
	options->memory_bytes = values[KEY_MEMORY].number;
	rc = read_choice(&options->checksum, KEY_CHECKSUM, values[KEY_CHECKSUM].text, error);
	if (!rc)
		rc = read_choice(&options->hugepages, KEY_HUGEPAGES, values[KEY_HUGEPAGES].text,
				 error);
	if (!rc)
		rc = read_choice(&options->packed, KEY_PACKED, values[KEY_PACKED].text, error);
	if (!rc)
		rc = read_descriptors(options, values[KEY_DESCRIPTORS].number, error);
	if (!rc)
		rc = read_log_level(&options->log_level, values[KEY_LOG].text, error);
	if (!rc)
		rc = read_mac(options, values[KEY_MAC].text, error);
	if (!rc)
		rc = read_role(options, values[KEY_ROLE].text, error);
	if (!rc)
		rc = read_replay(options, values[KEY_REPLAY].text, error);
	if (!rc)
		rc = read_choice(&options->scatter, KEY_SCATTER, values[KEY_SCATTER].text, error);
	if (!rc)
		rc = read_choice(&options->server, KEY_SERVER, values[KEY_SERVER].text, error);
	if (!rc)
		rc = read_choice(&options->share, KEY_SHARE, values[KEY_SHARE].text, error);
	if (!rc)
		rc = read_choice(&options->tagging, KEY_TAGGING, values[KEY_TAGGING].text, error);
	return rc;
}
