// SPDX-License-Identifier: BSD-3-Clause
//
// The multicast groups of a port's configuration, before a backend sees them.
#pragma once

#include <volley/port.h>

// Checks the groups of `config` and adds those that its listens name: `groups`, with room for
// VLY_GROUPS_MAX, becomes the list, and config->groups points to it. Returns 0 or -EINVAL: too
// many, one given twice, one with and without a source.
int vly_groups_complete(struct vly_port_config *config, struct vly_group *groups,
			struct vly_error *error);

// "239.1.1.1" into text, cut to size_bytes. Returns text.
char *vly_group_format(const struct vly_group *group, char *text, size_t size_bytes);
