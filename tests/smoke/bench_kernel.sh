#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The table of `volley bench kernel`, cut short: every server answers every load on loopback, and
# the report is JSON. Its figures say nothing here.
. "$(dirname "$0")/lib.sh"

[[ -x $build/bench/baselines/udp_load ]] || skip "built without bench"
needs_backend uring
VOLLEY_BENCH_PRIVATE=given timeout -k 5 100 "$volley" bench kernel --quick --only loopback \
	--rounds 1 --seconds 0.02 -o "$tmp/report" >"$tmp/bench.out" 2>"$tmp/bench.err" ||
	fail "volley bench kernel"
cat "$tmp/bench.out"
"$python" - "$tmp/report/kernel.json" <<-'END' ||
	import json, sys
	rows = json.load(open(sys.argv[1], encoding="utf-8"))["rows"]
	wrong = [row for row in rows if "rate" not in row]
	for row in wrong:
	    print("not measured:", row["load"], row["bytes"], row["server"], row["failures"])
	ratios = [one for row in rows for one in row["ratios"]]
	sys.exit(len(wrong) > 0 or len(rows) != 50 or len(ratios) < 30)
END
	fail "the report is not as expected"
for name in volley plain_echo mmsg_echo train_echo train_sink uring_echo udp_load; do
	! pgrep -x "$name" >/dev/null || fail "a process was left behind: $name"
done
