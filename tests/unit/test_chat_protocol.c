// SPDX-License-Identifier: BSD-3-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "handler/chat/protocol.h"

static const char *parse(struct vly_chat_request *request, const char *text)
{
	return vly_chat_parse(request, (const uint8_t *)text, (uint32_t)strlen(text));
}

static void assert_word(struct vly_chat_word word, const char *text)
{
	assert_int_equal(word.len, strlen(text));
	assert_memory_equal(word.at, text, word.len);
}

static void reads_each_command(void **state)
{
	static const struct {
		const char *text;
		enum vly_chat_verb verb;
		const char *name, *room, *proof, *say;
	} cases[] = {
		{"join bob", VLY_CHAT_JOIN, "bob", "", "", ""},
		{"  join  bob  /a/b \r\n", VLY_CHAT_JOIN, "bob", "a/b", "", ""},
		{"join bob a =xyz", VLY_CHAT_JOIN, "bob", "a", "xyz", ""},
		{"join bob =xyz", VLY_CHAT_JOIN, "bob", "", "xyz", ""},
		{"say hello, you  two\n", VLY_CHAT_SAY, "", "", "", "hello, you  two"},
		{"all \xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", VLY_CHAT_ALL, "", "", "",
		 "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"to b.o-b_9 x", VLY_CHAT_TO, "b.o-b_9", "", "", "x"},
		{"room / x y", VLY_CHAT_ROOM, "", "", "", "x y"},
		{"move a", VLY_CHAT_MOVE, "", "a", "", ""},
		{"who", VLY_CHAT_WHO, "", "", "", ""},
		{"rooms a", VLY_CHAT_ROOMS, "", "a", "", ""},
		{"ping", VLY_CHAT_PING, "", "", "", ""},
		{"leave", VLY_CHAT_LEAVE, "", "", "", ""},
		{"help", VLY_CHAT_HELP, "", "", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vly_chat_request request;

		assert_null(parse(&request, cases[i].text));
		assert_int_equal(request.verb, cases[i].verb);
		assert_word(request.name, cases[i].name);
		assert_word(request.room, cases[i].room);
		assert_word(request.proof, cases[i].proof);
		assert_word(request.text, cases[i].say);
		assert_false(request.has_tag);
	}
}

static void reads_numbers_and_tags(void **state)
{
	struct vly_chat_request request;

	(void)state;
	assert_null(parse(&request, "#4294967295 again 7 4294967295"));
	assert_true(request.has_tag);
	assert_int_equal(request.tag, 4294967295);
	assert_int_equal(request.from, 7);
	assert_int_equal(request.to, 4294967295);
	assert_null(parse(&request, "again 7"));
	assert_int_equal(request.to, 0);
	assert_null(parse(&request, "who a bob"));
	assert_word(request.after, "bob");
	assert_true(request.has_room);
	assert_non_null(parse(&request, "#9 nonsense"));
	assert_int_equal(request.tag, 9);
}

static const char *const wrong[] = {
	"",
	" ",
	"\n",
	"hello",
	"join",
	"join b\xc3\xbc",
	"join bob a//b",
	"join bob a/",
	"join bob //a",
	"join bob 1/2/3/4/5/6/7/8/9",
	"join bob a =x y",
	"join bob a b",
	"say",
	"to bob",
	"room a",
	"move",
	"move a b",
	"again",
	"again 0",
	"again x",
	"again 4294967296",
	"again 99999999999",
	"again 1 2 3",
	"ping x",
	"leave now",
	"# say x",
	"#0 say x",
	"#x say x",
	"#99999999999 say x",
	"say \x1b[2J",
	"say a\tb",
	"say \x7f",
	"say \xc2\x9b",
	"say \xc0\xaf",
	"say \xed\xa0\x80",
	"say \xf5\x80\x80\x80",
	"say \xe2\x82",
	"say \x80",
	"SAY x",
	"sayx y",
	"join aaaaaaaaaaaaaaaaaaaaaaaaa",
	"move aaaaaaaaaaaaaaaaaaaaaaaaa",
	// what the server says
	"proof =abcdefgh",
	"ok joined bob / last 0 history 0 tag 0",
	"err say join NAME",
	"1 / bob: x",
	"gone 7",
	"pong 9",
	"members / 1 bob",
	"below / 1 /a:1",
	"still there? say ping",
	"#7 ok",
	"commands: say TEXT",
};

static void refuses_the_rest(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct vly_chat_request request;

		assert_non_null(parse(&request, wrong[i]));
	}
}

static void limits_a_text(void **state)
{
	char line[4 + VLY_CHAT_TEXT_MAX + 2] = "say ";
	struct vly_chat_request request;

	(void)state;
	memset(line + 4, 'x', VLY_CHAT_TEXT_MAX);
	assert_null(parse(&request, line));
	assert_int_equal(request.text.len, VLY_CHAT_TEXT_MAX);
	line[4 + VLY_CHAT_TEXT_MAX] = 'x';
	assert_non_null(parse(&request, line));
}

static void writes_no_more_than_fits(void **state)
{
	char bytes[8];
	struct vly_chat_line line = {bytes, 0, sizeof(bytes), false};

	(void)state;
	vly_chat_put_number(&line, 0);
	vly_chat_put_number(&line, 12345);
	assert_false(line.is_cut);
	vly_chat_put_text(&line, "abc");
	assert_true(line.is_cut);
	assert_int_equal(line.len, 6);
	vly_chat_put_room(&line, "a", 1);
	assert_memory_equal(bytes, "012345/a", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each_command),
		cmocka_unit_test(reads_numbers_and_tags),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(limits_a_text),
		cmocka_unit_test(writes_no_more_than_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
