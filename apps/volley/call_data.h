// SPDX-License-Identifier: BSD-3-Clause
//
// What volley call sends and prints: bytes from the command line, a file or standard input, plain
// or as hexadecimal digits.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/volley.h>

struct call_data {
	uint8_t bytes[VLY_DGRAM_BYTES_MAX + 1];
	uint32_t len;
};

// Each returns whether the data could be taken; if not, it has complained.
bool call_data_from_text(struct call_data *data, const char *command, const char *text);
// "-": standard input. Reads to the end of the file.
bool call_data_from_file(struct call_data *data, const char *command, const char *file);
// Turns hexadecimal digits, with blanks between bytes or without, into what they mean.
bool call_data_unhex(struct call_data *data, const char *command);

// To standard output, as it is; on a terminal with a newline, if it ends with none.
void call_data_print(const uint8_t *bytes, uint32_t len);
// 16 bytes a line, as two digits each.
void call_data_print_hex(const uint8_t *bytes, uint32_t len);
