#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A row of `volley bench handlers`, cut short: both sides are measured, and the report is JSON. Its
# figures say nothing here.
. "$(dirname "$0")/lib.sh"

[[ -x $build/bench/baselines/udp_load ]] || skip "built without bench"
VOLLEY_BENCH_PRIVATE=given timeout -k 5 60 "$volley" bench handlers --quick \
	--only 'socket, 64 clients' --rounds 1 --seconds 0.05 -o "$tmp/report" \
	>"$tmp/bench.out" 2>"$tmp/bench.err" || fail "volley bench handlers"
cat "$tmp/bench.out"
"$python" - "$tmp/report/handlers.json" <<-'END' || fail "the report is not as expected"
	import json, sys
	rows = json.load(open(sys.argv[1], encoding="utf-8"))["rows"]
	for row in rows:
	    print(row["name"], row["samples"])
	sys.exit(len(rows) != 1 or any("ratio" not in row for row in rows))
END
for name in volley udp_load; do
	! pgrep -x "$name" >/dev/null || fail "a process was left behind: $name"
done
