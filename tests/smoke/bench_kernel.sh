#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The tables of `scripts/bench kernel`, cut short: every server answers every load on loopback,
# those of others are started too, and the report is JSON. Its figures say nothing here.
. "$(dirname "$0")/lib.sh"

[[ -x $build/bench/baselines/udp_load ]] || skip "built without bench"
needs_backend uring
for only in "echo loopback" "outside"; do
	VOLLEY_BENCH_PRIVATE=given timeout -k 5 100 "$python" -B "$root/bench/compare" kernel \
		--build "$build" --quick --only "$only" --rounds 1 --seconds 0.02 -o "$tmp/$only" \
		>"$tmp/bench.out" 2>"$tmp/bench.err" || fail "bench/compare kernel: $only"
	cat "$tmp/bench.out"
done
"$python" - "$tmp/echo loopback/kernel.json" "$tmp/outside/kernel.json" <<-'END' ||
	import json, sys
	reports = [json.load(open(path, encoding="utf-8")) for path in sys.argv[1:]]
	rows = [row for report in reports for row in report["rows"]]
	wrong = [row for row in rows if "rate" not in row]
	for row in wrong:
	    print("not measured:", row["load"], row["bytes"], row["server"], row["failures"])
	ratios = [one for row in rows for one in row["ratios"]]
	sys.exit(len(wrong) > 0 or len(rows) != 32 + 18 or len(ratios) < 20)
END
	fail "the report is not as expected"
for name in volley plain_echo mmsg_echo train_echo train_sink uring_echo libuv_echo udp_load \
	sockperf; do
	! pgrep -x "$name" >/dev/null || fail "a process was left behind: $name"
done
