// SPDX-License-Identifier: BSD-3-Clause
#include "stack/ip4.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_LOOSE_SOURCE_ROUTE = 131,
	OPTION_STRICT_SOURCE_ROUTE = 137,
};

bool vly_ip4_options_are_harmless(const uint8_t *options, size_t len)
{
	size_t at = 0;

	while (at < len) {
		uint8_t type = options[at];

		if (type == OPTION_END)
			return true;
		if (type == OPTION_NOP) {
			at++;
			continue;
		}
		if (type == OPTION_LOOSE_SOURCE_ROUTE || type == OPTION_STRICT_SOURCE_ROUTE)
			return false;
		if (len - at < 2 || options[at + 1] < 2 || options[at + 1] > len - at)
			return false;
		at += options[at + 1];
	}
	return true;
}
