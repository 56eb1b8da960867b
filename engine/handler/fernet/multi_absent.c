// SPDX-License-Identifier: BSD-3-Clause
//
// For builds without libipsec-mb: one message after the other.
#include <errno.h>

#include "handler/fernet/multi.h"

int vly_multi_open(struct vly_multi **multi)
{
	*multi = NULL;
	return -ENOSYS;
}

void vly_multi_close(struct vly_multi *multi)
{
	(void)multi;
}

void vly_multi_key_init(const struct vly_multi *multi, struct vly_multi_key *key,
			const uint8_t *cipher, const struct vly_hmac *hmac)
{
	(void)multi;
	(void)key;
	(void)cipher;
	(void)hmac;
}

bool vly_multi_encrypt(struct vly_multi *multi, const struct vly_multi_key *key,
		       const struct vly_multi_message *messages, uint32_t count, size_t clear)
{
	(void)multi;
	(void)key;
	(void)messages;
	(void)count;
	(void)clear;
	return false;
}

bool vly_multi_sign(struct vly_multi *multi, const struct vly_multi_key *key,
		    const struct vly_multi_message *messages, uint32_t count)
{
	(void)multi;
	(void)key;
	(void)messages;
	(void)count;
	return false;
}
