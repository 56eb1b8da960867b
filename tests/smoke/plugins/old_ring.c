// SPDX-License-Identifier: BSD-3-Clause
//
// An older kernel, for what is run with this loaded before it (LD_PRELOAD): a ring with any of the
// flags in VLY_OLD_RING is refused, as by a kernel that does not know them.
#include <dlfcn.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdlib.h>

int io_uring_queue_init_params(unsigned int entries, void *ring, struct io_uring_params *params);

int io_uring_queue_init_params(unsigned int entries, void *ring, struct io_uring_params *params)
{
	const char *unknown = getenv("VLY_OLD_RING");
	int (*setup)(unsigned int, void *, struct io_uring_params *);
	void *symbol = dlsym(RTLD_NEXT, "io_uring_queue_init_params");

	if (!symbol)
		return -ENOSYS;
	if (unknown && params->flags & strtoul(unknown, NULL, 0))
		return -EINVAL;
	*(void **)&setup = symbol;
	return setup(entries, ring, params);
}
