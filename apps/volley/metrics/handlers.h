// SPDX-License-Identifier: BSD-3-Clause
//
// What the handlers of an engine count themselves, and how long they take.
#pragma once

#include <stdio.h>

#include <volley/volley.h>

// The numbers of the handlers' own, each as volley_handler_HANDLER_NAME: several handlers may give
// one name different meanings, and a family has one. Returns 0 or -ENOMEM.
int metrics_write_handlers(FILE *out, const struct vly_engine *engine);

// How long they take for a burst, if that is measured.
void metrics_write_times(FILE *out, const struct vly_engine *engine);
