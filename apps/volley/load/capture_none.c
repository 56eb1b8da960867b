// SPDX-License-Identifier: BSD-3-Clause
//
// In a build without libpcap.
#include <errno.h>
#include <stdio.h>

#include "load/content.h"

int content_open_capture(struct content *content, const char *path, uint32_t least,
			 struct vly_error *error)
{
	(void)least;
	*content = (struct content){.count = 0};
	snprintf(error->text, sizeof(error->text),
		 "%s: built without libpcap; install libpcap-dev and build again", path);
	return -ENOTSUP;
}
