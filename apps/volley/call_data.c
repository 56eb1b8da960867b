// SPDX-License-Identifier: BSD-3-Clause
#include "call_data.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

enum {
	HEX_LINE_BYTES = 16,
};

static bool fits(const struct call_data *data, const char *command, const char *what)
{
	if (data->len <= VLY_DGRAM_BYTES_MAX)
		return true;
	complain(command, "%s: more than the %d bytes that a datagram takes", what,
		 VLY_DGRAM_BYTES_MAX);
	return false;
}

bool call_data_from_text(struct call_data *data, const char *command, const char *text)
{
	size_t len = strlen(text);

	data->len = len < sizeof(data->bytes) ? (uint32_t)len : (uint32_t)sizeof(data->bytes);
	memcpy(data->bytes, text, data->len);
	return fits(data, command, "DATA");
}

bool call_data_from_file(struct call_data *data, const char *command, const char *file)
{
	bool is_input = strcmp(file, "-") == 0;
	FILE *stream = is_input ? stdin : fopen(file, "re");
	int error;

	if (!stream) {
		complain(command, "--file: %s: %s", file, strerror(errno));
		return false;
	}
	errno = 0;
	data->len = (uint32_t)fread(data->bytes, 1, sizeof(data->bytes), stream);
	error = ferror(stream) ? errno : 0;
	if (!is_input)
		fclose(stream);
	if (error) {
		complain(command, "%s: %s", is_input ? "standard input" : file, strerror(error));
		return false;
	}
	return fits(data, command, is_input ? "standard input" : file);
}

static int digit(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte = (uint8_t)tolower(byte);
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

bool call_data_unhex(struct call_data *data, const char *command)
{
	uint32_t len = 0;

	for (uint32_t at = 0; at < data->len; at += 2) {
		int high, low;

		while (at < data->len && isspace(data->bytes[at]))
			at++;
		if (at == data->len)
			break;
		high = digit(data->bytes[at]);
		low = at + 1 < data->len ? digit(data->bytes[at + 1]) : -1;
		if (high < 0 || low < 0) {
			complain(command,
				 "--hex: what stands at position %u is no pair of hexadecimal "
				 "digits, as in 48656c6c6f",
				 at + 1);
			return false;
		}
		data->bytes[len++] = (uint8_t)(high << 4 | low);
	}
	data->len = len;
	return true;
}

void call_data_print(const uint8_t *bytes, uint32_t len)
{
	fwrite(bytes, 1, len, stdout);
	if (isatty(STDOUT_FILENO) && (!len || bytes[len - 1] != '\n'))
		putchar('\n');
}

void call_data_print_hex(const uint8_t *bytes, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		printf("%02x%c", bytes[i],
		       i + 1 == len || i % HEX_LINE_BYTES == HEX_LINE_BYTES - 1 ? '\n' : ' ');
}
