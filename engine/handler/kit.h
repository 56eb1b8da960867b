// SPDX-License-Identifier: BSD-3-Clause
//
// Inside the test kit: kit.c calls the handlers, kit_outcome.c tells what came of it.
#pragma once

#include <volley/kit.h>

#include "handler/chain.h"

enum vly_kit_layout {
	VLY_KIT_GUARD_BYTES = 64, // behind a payload's capacity, to see who writes there
	VLY_KIT_STRIDE = (VLY_CACHE_LINE_BYTES + VLY_DGRAM_BYTES_MAX + VLY_KIT_GUARD_BYTES + 127) /
			 128 * 128,
};

enum vly_kit_place {
	VLY_KIT_FREE,
	VLY_KIT_IN_LINE,
	VLY_KIT_HANDLER, // in a burst, kept or allocated
	VLY_KIT_ENDED,
};

struct vly_kit_buffer {
	enum vly_kit_place place;
	uint32_t number;
};

struct vly_kit {
	struct vly_chain chain;
	struct vly_loaded_handler handlers[VLY_CHAIN_MAX];
	uint32_t handler_count;
	uint64_t now_ns;
	uint8_t *memory; // of the datagrams, STRIDE each
	struct vly_kit_buffer *buffers;
	struct vly_kit_outcome *outcomes;
	struct vly_dgram **line;
	uint32_t *free;
	uint32_t buffer_count;
	uint32_t capacity;
	uint32_t free_count;
	uint32_t line_count;
	uint32_t outcome_count;
	uint32_t received;
	uint32_t held;
	struct vly_error complaint;
};
