// SPDX-License-Identifier: BSD-3-Clause
#include "core/group.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "core/fail.h"

enum {
	GROUP_TEXT_BYTES = 256,
};

// --- as text ------------------------------------------------------------------------------------

static bool read_ip(uint8_t *ip, const char *text)
{
	static const uint8_t mapped[16] = {[10] = 0xff, 0xff};

	memcpy(ip, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, ip + 12) == 1 || inet_pton(AF_INET6, text, ip) == 1;
}

static bool is_ipv4(const uint8_t *ip)
{
	struct vly_addr addr = {.port = 0};

	memcpy(addr.ip, ip, sizeof(addr.ip));
	return vly_addr_is_ipv4(&addr);
}

static bool is_multicast(const uint8_t *ip)
{
	struct vly_addr addr = {.port = 0};

	memcpy(addr.ip, ip, sizeof(addr.ip));
	return vly_addr_is_multicast(&addr);
}

static int read_word(struct vly_group *group, const char *word, struct vly_error *error)
{
	if (strncmp(word, "source=", 7) == 0) {
		if (!read_ip(group->source, word + 7) || is_multicast(group->source))
			return vly_fail(error, -EINVAL,
					"source '%s' is not the address of a host; write for "
					"instance source=10.0.0.9",
					word + 7);
		return 0;
	}
	if (strncmp(word, "if=", 3) == 0) {
		group->ifindex = if_nametoindex(word + 3);
		if (!group->ifindex)
			return vly_fail(error, -ENODEV, "no interface '%s' here; see: ip link",
					word + 3);
		return 0;
	}
	return vly_fail(error, -EINVAL,
			"'%s' is nothing that a group has; write GROUP, or "
			"GROUP,source=ADDRESS,if=INTERFACE",
			word);
}

int vly_group_parse(struct vly_group *group, const char *text, struct vly_error *error)
{
	char words[GROUP_TEXT_BYTES];
	static const uint8_t none[16];
	char *rest = words;
	char *word;

	memset(group, 0, sizeof(*group));
	snprintf(words, sizeof(words), "%s", text);
	word = strsep(&rest, ",");
	if (!read_ip(group->ip, word) || !is_multicast(group->ip))
		return vly_fail(error, -EINVAL,
				"'%s' is not a multicast group; they are 224.0.0.0 to "
				"239.255.255.255 and ff00::/8",
				word);
	while ((word = strsep(&rest, ","))) {
		int rc = read_word(group, word, error);

		if (rc)
			return rc;
	}
	if (memcmp(group->source, none, sizeof(none)) != 0 &&
	    is_ipv4(group->source) != is_ipv4(group->ip))
		return vly_fail(error, -EINVAL,
				"in '%s' group and source are of different families; give both "
				"as IPv4 or both as IPv6",
				text);
	return 0;
}

char *vly_group_format(const struct vly_group *group, char *text, size_t size_bytes)
{
	bool ipv4 = is_ipv4(group->ip);

	if (!inet_ntop(ipv4 ? AF_INET : AF_INET6, group->ip + (ipv4 ? 12 : 0), text,
		       (socklen_t)size_bytes))
		text[0] = 0;
	return text;
}

// --- of a configuration -------------------------------------------------------------------------

static bool has_source(const struct vly_group *group)
{
	static const uint8_t none[16];

	return memcmp(group->source, none, sizeof(none)) != 0;
}

// The same group of the same interface: twice makes sense only with two sources.
static bool collides(const struct vly_group *a, const struct vly_group *b)
{
	if (memcmp(a->ip, b->ip, sizeof(a->ip)) != 0 || a->ifindex != b->ifindex)
		return false;
	return has_source(a) != has_source(b) || memcmp(a->source, b->source, 16) == 0;
}

static int check_group(const struct vly_group *groups, uint32_t index, struct vly_error *error)
{
	char text[INET6_ADDRSTRLEN];

	vly_group_format(&groups[index], text, sizeof(text));
	if (!is_multicast(groups[index].ip))
		return vly_fail(error, -EINVAL,
				"%s is not a multicast group; they are 224.0.0.0/4 and ff00::/8",
				text);
	for (uint32_t i = 0; i < index; i++) {
		if (collides(&groups[i], &groups[index]))
			return vly_fail(error, -EINVAL,
					"group %s is given twice; give it once, or each time with "
					"another source",
					text);
	}
	return 0;
}

static bool has_group(const struct vly_port_config *config, const uint8_t *ip)
{
	for (uint32_t i = 0; i < config->group_count; i++) {
		if (memcmp(config->groups[i].ip, ip, sizeof(config->groups[i].ip)) == 0)
			return true;
	}
	return false;
}

int vly_groups_complete(struct vly_port_config *config, struct vly_group *groups,
			struct vly_error *error)
{
	if (config->group_count > VLY_GROUPS_MAX)
		return vly_fail(error, -EINVAL, "%u groups are too many; give up to %u",
				config->group_count, VLY_GROUPS_MAX);
	if (config->group_count)
		memcpy(groups, config->groups, config->group_count * sizeof(groups[0]));
	config->groups = groups;
	for (uint32_t i = 0; i < config->group_count; i++) {
		int rc = check_group(groups, i, error);

		if (rc)
			return rc;
	}
	for (uint32_t i = 0; i < config->listen_count; i++) {
		const struct vly_endpoint *listen = &config->listens[i];
		struct vly_group *group = &groups[config->group_count];

		if (!vly_addr_is_multicast(&listen->addr) || has_group(config, listen->addr.ip))
			continue;
		if (config->group_count == VLY_GROUPS_MAX)
			return vly_fail(error, -EINVAL,
					"more than %u groups with those to listen "
					"on; give fewer",
					VLY_GROUPS_MAX);
		*group = (struct vly_group){.ifindex = listen->ifindex};
		memcpy(group->ip, listen->addr.ip, sizeof(group->ip));
		config->group_count++;
	}
	return 0;
}
