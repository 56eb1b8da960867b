#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Rows of `volley bench handlers`, cut short, one on a wire and one of a single function: what is to
# be measured is, and the report is JSON. Its figures say nothing here.
. "$(dirname "$0")/lib.sh"

[[ -x $build/bench/baselines/udp_load ]] || skip "built without bench"

# row TEXT KEY: the one row with the text in its name; it must have that key.
row() {
	VOLLEY_BENCH_PRIVATE=given timeout -k 5 60 "$volley" bench handlers --quick \
		--only "$1" --rounds 1 --seconds 0.05 -o "$tmp/report" \
		>"$tmp/bench.out" 2>"$tmp/bench.err" || fail "volley bench handlers --only '$1'"
	cat "$tmp/bench.out"
	"$python" - "$tmp/report/handlers.json" "$2" <<-'END' || fail "the report says otherwise"
		import json, sys
		rows = json.load(open(sys.argv[1], encoding="utf-8"))["rows"]
		for row in rows:
		    print(row["name"], row["samples"])
		sys.exit(len(rows) != 1 or any(sys.argv[2] not in row for row in rows))
	END
}
row 'socket, 64 clients' ratio
[[ ! -x $build/bench/volley-microbench ]] || row 'chain of 8' holds
for name in volley udp_load; do
	! pgrep -x "$name" >/dev/null || fail "a process was left behind: $name"
done
