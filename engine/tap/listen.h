// SPDX-License-Identifier: BSD-3-Clause
//
// The engine's control side of taps: the socket, who may come, the memory. Control thread.
#pragma once

struct vly_engine;

// Lets taps in, attaches them, and lets go of those whose process has ended.
void vly_taps_attend(struct vly_engine *engine);

// Ends all of them. No I/O thread runs any more.
void vly_taps_end(struct vly_engine *engine);

// Closes the socket, too. Nothing is left to be ended.
void vly_taps_close(struct vly_engine *engine);
