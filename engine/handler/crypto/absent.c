// SPDX-License-Identifier: BSD-3-Clause
//
// dtls and fernet, where they were built without OpenSSL: they are listed, and say what they lack.
#include <errno.h>

#include "core/fail.h"
#include "handler/builtin.h"

static const char summary[] = "not in this build, which has no OpenSSL";

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
	.summary = summary,
	.open = absent_open,
	.on_burst = absent_on_burst,
};

const struct vly_handler_ops vly_handler_fernet = {
	.abi = VLY_HANDLER_ABI,
	.name = "fernet",
	.summary = summary,
	.open = absent_open,
	.on_burst = absent_on_burst,
};
