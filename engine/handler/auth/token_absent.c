// SPDX-License-Identifier: BSD-3-Clause
//
// In place of token.c, where there is no OpenSSL.
#include <errno.h>
#include <stddef.h>

#include "core/fail.h"
#include "handler/auth/token.h"

int vly_token_peers_open(struct vly_token_peers **peers, const char *path, uint64_t now_ns,
			 struct vly_error *error)
{
	(void)now_ns;
	*peers = NULL;
	return vly_fail(error, -ENOTSUP,
			"keys=%.100s: built without OpenSSL; install libssl-dev and build again",
			path);
}

void vly_token_peers_close(struct vly_token_peers *peers)
{
	(void)peers;
}

uint32_t vly_token_peers_count(const struct vly_token_peers *peers)
{
	(void)peers;
	return 0;
}

enum vly_token_verdict vly_token_check(struct vly_token_peers *peers, const uint8_t *bytes,
				       uint32_t len, uint64_t now_ns, uint64_t skew_ns,
				       const char **name, uint32_t *token_len)
{
	(void)peers;
	(void)bytes;
	(void)len;
	(void)now_ns;
	(void)skew_ns;
	*name = NULL;
	*token_len = 0;
	return VLY_TOKEN_BAD;
}
