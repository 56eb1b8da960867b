// SPDX-License-Identifier: BSD-3-Clause
#include "handler/chat/protocol.h"

#include <string.h>

// What a verb takes: kinds in the order in which they stand. A '?' before makes it, and all behind
// it, optional.
enum kind {
	KIND_NONE,
	KIND_NAME,
	KIND_ROOM,
	KIND_AFTER_NAME,
	KIND_AFTER_ROOM,
	KIND_PROOF,
	KIND_FROM,
	KIND_TO,
	KIND_TEXT,
};

struct verb {
	const char *word;
	enum kind kinds[VLY_CHAT_WORDS_MAX];
	uint32_t required; // how many of them must be there
	const char *usage;
};

static const struct verb verbs[VLY_CHAT_VERB_COUNT] = {
	[VLY_CHAT_JOIN] = {"join", {KIND_NAME, KIND_ROOM, KIND_PROOF}, 1, "join NAME [ROOM]"},
	[VLY_CHAT_SAY] = {"say", {KIND_TEXT}, 1, "say TEXT"},
	[VLY_CHAT_ALL] = {"all", {KIND_TEXT}, 1, "all TEXT"},
	[VLY_CHAT_TO] = {"to", {KIND_NAME, KIND_TEXT}, 2, "to NAME TEXT"},
	[VLY_CHAT_ROOM] = {"room", {KIND_ROOM, KIND_TEXT}, 2, "room ROOM TEXT"},
	[VLY_CHAT_MOVE] = {"move", {KIND_ROOM}, 1, "move ROOM"},
	[VLY_CHAT_WHO] = {"who", {KIND_ROOM, KIND_AFTER_NAME}, 0, "who [ROOM [AFTER-NAME]]"},
	[VLY_CHAT_ROOMS] = {"rooms", {KIND_ROOM, KIND_AFTER_ROOM}, 0, "rooms [ROOM [AFTER]]"},
	[VLY_CHAT_AGAIN] = {"again", {KIND_FROM, KIND_TO}, 1, "again FROM [TO]"},
	[VLY_CHAT_PING] = {"ping", {KIND_NONE}, 0, "ping"},
	[VLY_CHAT_LEAVE] = {"leave", {KIND_NONE}, 0, "leave"},
	[VLY_CHAT_HELP] = {"help", {KIND_NONE}, 0, "help"},
};

// --- words --------------------------------------------------------------------------------------

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

// Letters, digits, and . _ -; 1 to VLY_CHAT_NAME_MAX of them.
static bool is_name(const char *at, uint32_t len)
{
	if (len == 0 || len > VLY_CHAT_NAME_MAX)
		return false;
	for (uint32_t i = 0; i < len; i++) {
		if (!is_label_char(at[i]))
			return false;
	}
	return true;
}

// A path without its leading slash: labels between single slashes.
static bool is_path(const char *at, uint32_t len)
{
	uint32_t depth = 1;
	uint32_t label = 0;

	if (len > VLY_CHAT_ROOM_MAX)
		return false;
	for (uint32_t i = 0; i < len; i++) {
		if (at[i] == '/') {
			depth++;
			if (label == 0)
				return false;
			label = 0;
		} else if (!is_label_char(at[i]) || ++label > VLY_CHAT_NAME_MAX) {
			return false;
		}
	}
	return len == 0 || (label > 0 && depth <= VLY_CHAT_DEPTH_MAX);
}

static bool number_of(struct vly_chat_word word, uint32_t *number)
{
	uint64_t value = 0;

	if (word.len == 0 || word.len > 10)
		return false;
	for (uint32_t i = 0; i < word.len; i++) {
		if (word.at[i] < '0' || word.at[i] > '9')
			return false;
		value = 10 * value + (uint64_t)(word.at[i] - '0');
	}
	*number = (uint32_t)value;
	return value > 0 && value <= UINT32_MAX;
}

// How long the UTF-8 character is that begins here (RFC 3629), or 0 if it is none, or a control
// character: those move a reader's cursor, or worse.
static uint32_t character_bytes(const uint8_t *at, uint32_t left)
{
	uint32_t bytes = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	uint32_t code = bytes == 1 ? at[0] : at[0] & (0x7fu >> bytes);
	static const uint32_t least[] = {0, 0x20, 0xa0, 0x800, 0x10000};

	if (at[0] == 0x7f || (at[0] >= 0x80 && at[0] < 0xc2) || at[0] > 0xf4 || bytes > left)
		return 0;
	for (uint32_t i = 1; i < bytes; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3fu);
	}
	if (code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return bytes;
}

static bool is_plain_text(const uint8_t *at, uint32_t len)
{
	for (uint32_t i = 0; i < len;) {
		uint32_t bytes = character_bytes(at + i, len - i);

		if (bytes == 0)
			return false;
		i += bytes;
	}
	return true;
}

static void skip_blanks(struct vly_chat_word *rest)
{
	while (rest->len > 0 && rest->at[0] == ' ') {
		rest->at++;
		rest->len--;
	}
}

static struct vly_chat_word take_word(struct vly_chat_word *rest)
{
	struct vly_chat_word word = {rest->at, 0};

	while (word.len < rest->len && word.at[word.len] != ' ')
		word.len++;
	rest->at += word.len;
	rest->len -= word.len;
	skip_blanks(rest);
	return word;
}

// --- arguments ----------------------------------------------------------------------------------

static const char *take_path(struct vly_chat_word word, struct vly_chat_word *path)
{
	if (word.len > 0 && word.at[0] == '/') {
		word.at++;
		word.len--;
	}
	*path = word;
	return is_path(word.at, word.len) ? NULL
					  : "a room is a/b/c: up to 8 labels of letters, digits, . "
					    "_ -, 63 bytes in all";
}

static const char *take_name(struct vly_chat_word word, struct vly_chat_word *name)
{
	*name = word;
	return is_name(word.at, word.len) ? NULL : "a name is 1 to 24 letters, digits, . _ -";
}

static const char *take_argument(struct vly_chat_request *request, enum kind kind,
				 struct vly_chat_word word)
{
	switch (kind) {
	case KIND_NAME:
		return take_name(word, &request->name);
	case KIND_AFTER_NAME:
		return take_name(word, &request->after);
	case KIND_ROOM:
		request->has_room = true;
		return take_path(word, &request->room);
	case KIND_AFTER_ROOM:
		return take_path(word, &request->after);
	case KIND_PROOF:
		request->proof = (struct vly_chat_word){word.at + 1, word.len - 1};
		return word.at[0] == '=' ? NULL : "a proof begins with =";
	case KIND_FROM:
		return number_of(word, &request->from) ? NULL : "which number? again 7, again 7 9";
	case KIND_TO:
		return number_of(word, &request->to) ? NULL : "up to which number? again 7 9";
	case KIND_TEXT:
	case KIND_NONE:
		break;
	}
	return "say help for what there is";
}

static const char *take_arguments(struct vly_chat_request *request, struct vly_chat_word rest)
{
	const struct verb *verb = &verbs[request->verb];
	const char *wrong = NULL;
	uint32_t count = 0;

	while (rest.len > 0 && !wrong) {
		if (count == VLY_CHAT_WORDS_MAX || verb->kinds[count] == KIND_NONE)
			return verb->usage;
		if (request->verb == VLY_CHAT_JOIN && count == 1 && rest.at[0] == '=')
			count++; // a proof, and no room
		if (verb->kinds[count] == KIND_TEXT) {
			request->text = rest;
			return rest.len > VLY_CHAT_TEXT_MAX ? "a message has up to 1000 bytes"
							    : NULL;
		}
		wrong = take_argument(request, verb->kinds[count++], take_word(&rest));
	}
	return wrong ? wrong : count < verb->required ? verb->usage : NULL;
}

static bool take_tag(struct vly_chat_request *request, struct vly_chat_word *rest)
{
	struct vly_chat_word word;

	if (rest->len == 0 || rest->at[0] != '#')
		return true;
	word = take_word(rest);
	word.at++;
	word.len--;
	request->has_tag = number_of(word, &request->tag);
	return request->has_tag;
}

const char *vly_chat_parse(struct vly_chat_request *request, const uint8_t *bytes, uint32_t len)
{
	struct vly_chat_word rest = {(const char *)bytes, len};
	struct vly_chat_word word;

	memset(request, 0, sizeof(*request));
	request->verb = VLY_CHAT_VERB_COUNT;
	while (rest.len > 0 && strchr("\r\n ", rest.at[rest.len - 1]))
		rest.len--;
	skip_blanks(&rest);
	if (!take_tag(request, &rest))
		return "a tag is # and a number: #1 say hello";
	word = take_word(&rest);
	for (int verb = 0; verb < VLY_CHAT_VERB_COUNT; verb++) {
		if (strlen(verbs[verb].word) == word.len &&
		    memcmp(verbs[verb].word, word.at, word.len) == 0)
			request->verb = (enum vly_chat_verb)verb;
	}
	if (request->verb == VLY_CHAT_VERB_COUNT)
		return "say help for what there is";
	if (!is_plain_text((const uint8_t *)rest.at, rest.len))
		return "text is UTF-8, without control characters";
	return take_arguments(request, rest);
}

// --- lines --------------------------------------------------------------------------------------

void vly_chat_put(struct vly_chat_line *line, const char *text, size_t len)
{
	if (len > line->capacity - line->len) {
		line->is_cut = true;
		return;
	}
	memcpy(line->at + line->len, text, len);
	line->len += (uint32_t)len;
}

void vly_chat_put_text(struct vly_chat_line *line, const char *text)
{
	vly_chat_put(line, text, strlen(text));
}

void vly_chat_put_number(struct vly_chat_line *line, uint64_t number)
{
	char digits[20];
	uint32_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	vly_chat_put(line, digits + first, sizeof(digits) - first);
}

void vly_chat_put_room(struct vly_chat_line *line, const char *path, uint32_t len)
{
	vly_chat_put_text(line, "/");
	vly_chat_put(line, path, len);
}
