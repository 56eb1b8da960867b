// SPDX-License-Identifier: BSD-3-Clause
//
// What volley serve prints when it has stopped.
#pragma once

#include <volley/volley.h>

// The ledger and the handlers' times as a table, or as one JSON object. Return STATUS_OK, or
// STATUS_FAILED after a message.
int serve_print(const struct vly_engine *engine);
int serve_print_json(const char *command, const struct vly_engine *engine);
