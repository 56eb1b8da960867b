// SPDX-License-Identifier: BSD-3-Clause
//
// dtls, where it was built without OpenSSL: it is listed, and says what it lacks.
#include <errno.h>

#include "core/fail.h"
#include "handler/builtin.h"

static int absent_open(void **state, const struct vly_handler_env *env, struct vly_error *error)
{
	(void)state;
	(void)env;
	return vly_fail(error, -ENOSYS,
			"built without OpenSSL; install libssl-dev and build again");
}

static void absent_on_burst(void *state, struct vly_burst *burst)
{
	(void)state;
	(void)burst;
}

const struct vly_handler_ops vly_handler_dtls = {
	.abi = VLY_HANDLER_ABI,
	.name = "dtls",
	.summary = "not in this build, which has no OpenSSL",
	.open = absent_open,
	.on_burst = absent_on_burst,
};
