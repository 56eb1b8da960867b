// SPDX-License-Identifier: BSD-3-Clause
//
// What was compiled in, best first: the order in which `auto` tries.
#include <string.h>

#include "backend/backends.h"
#include "config.h"

const struct vly_backend *const vly_backends[] = {
#if VLY_HAVE_DPDK
	&vly_backend_dpdk,
#endif
#if VLY_HAVE_URING
	&vly_backend_uring,
#endif
	&vly_backend_socket, &vly_backend_sim, NULL,
};

const struct vly_backend *vly_backend_find(const char *name)
{
	for (uint32_t i = 0; vly_backends[i]; i++) {
		if (strcmp(vly_backends[i]->name, name) == 0)
			return vly_backends[i];
	}
	return NULL;
}
