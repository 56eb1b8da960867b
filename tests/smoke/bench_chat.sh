#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The table of `volley bench chat`, cut short: every chat is started, joined by ten members, heard
# by all of them, and ended. Its figures say nothing here.
. "$(dirname "$0")/lib.sh"

[[ -x $build/bench/wire/crowd ]] || skip "built without bench"
needs_backend uring
needs_backend dpdk
VOLLEY_BENCH_PRIVATE=given timeout -k 5 60 "$volley" bench chat --quick --rounds 1 --seconds 0.05 \
	--only "10 members" -o "$tmp/report" >"$tmp/bench.out" 2>"$tmp/bench.err" ||
	fail "volley bench chat"
"$python" - "$tmp/report/chat.json" <<-'END' || fail "not all of them are measured"
	import json, sys
	rows = json.load(open(sys.argv[1], encoding="utf-8"))["rows"]
	wrong = [row for row in rows if not row["samples"] or row["samples"][0]["rate"] <= 0]
	for row in wrong:
	    print("not measured:", row)
	sys.exit(len(wrong) > 0 or len(rows) != 5)
END
sed -n '/^members/,$p' "$tmp/bench.out"
for name in volley crowd; do
	! pgrep -x "$name" >/dev/null || fail "a process was left behind: $name"
done
