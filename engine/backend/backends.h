// SPDX-License-Identifier: BSD-3-Clause
//
// The backends' tables, each defined in its own folder's main file; table.c lists which are
// compiled in.
#pragma once

#include "backend/backend.h"

extern const struct vly_backend vly_backend_dpdk;
extern const struct vly_backend vly_backend_uring;
extern const struct vly_backend vly_backend_socket;
extern const struct vly_backend vly_backend_sim;
