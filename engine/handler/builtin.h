// SPDX-License-Identifier: BSD-3-Clause
//
// The built-in handlers' tables, one file each; builtin.c lists them.
#pragma once

#include <volley/handler.h>

extern const struct vly_handler_ops vly_handler_auth;
extern const struct vly_handler_ops vly_handler_capture;
extern const struct vly_handler_ops vly_handler_chat;
extern const struct vly_handler_ops vly_handler_dtls;
extern const struct vly_handler_ops vly_handler_echo;
extern const struct vly_handler_ops vly_handler_fernet;
extern const struct vly_handler_ops vly_handler_forward;
extern const struct vly_handler_ops vly_handler_sink;
