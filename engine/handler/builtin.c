// SPDX-License-Identifier: BSD-3-Clause
#include "handler/builtin.h"

#include <stddef.h>
#include <volley/engine.h>

static const struct vly_handler_ops *const builtins[] = {
	&vly_handler_auth, &vly_handler_capture, &vly_handler_chat,    &vly_handler_dtls,
	&vly_handler_echo, &vly_handler_fernet,  &vly_handler_forward, &vly_handler_sink,
};

const struct vly_handler_ops *vly_handler_builtin(uint32_t index)
{
	return index < sizeof(builtins) / sizeof(builtins[0]) ? builtins[index] : NULL;
}
