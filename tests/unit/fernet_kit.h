// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of fernet's tokens have in common.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "handler/fernet/keys.h"
#include "handler/fernet/token.h"

enum fernet_kit {
	MADE_S = 499162800, // 1985-10-26T01:20:00-07:00
	ROOM = 70000,
	BURST = VLY_FERNET_BURST_MAX,
};

// What is tested twice: several tokens at once, where this build and machine can, and one after the
// other.
struct way {
	const char *name;
	bool is_one_by_one;
};

static const char secret[] = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
static const char hello[] =
	"gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJob"
	"wOz7JcbmrR64jVmpU4IwqDA==";

static inline struct vly_fernet *open_keys(const struct way *way, const char *text)
{
	struct vly_fernet_keys keys;
	struct vly_fernet *fernet = NULL;
	struct vly_error error = {""};

	setenv("VLY_TEST_KEYS", text, 1);
	if (vly_fernet_keys_getenv(&keys, "VLY_TEST_KEYS", &error) ||
	    vly_fernet_open(&fernet, keys.keys, keys.count, &error))
		fail_msg("%s", error.text);
	if (way->is_one_by_one)
		vly_fernet_one_by_one(fernet);
	return fernet;
}

// Runs a group of tests in each way. Returns how many have failed.
static inline int in_both_ways(int (*run)(struct way *way))
{
	struct way together = {"several at once", false};
	struct way alone = {"one by one", true};

	return run(&together) + run(&alone);
}
