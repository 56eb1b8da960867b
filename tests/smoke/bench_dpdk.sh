#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The pairs of `scripts/bench dpdk`, cut short: each side of the echo rows is measured, and the
# report is JSON. Its figures say nothing here.
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
needs_tool dpdk-testpmd
[[ -x $build/bench/wire/rate ]] || skip "built without bench"
VOLLEY_BENCH_PRIVATE=given timeout -k 5 100 "$python" -B "$root/bench/compare" dpdk \
	--build "$build" --only echo --rounds 1 --seconds 0.05 -o "$tmp/report" \
	>"$tmp/bench.out" 2>"$tmp/bench.err" || fail "bench/compare dpdk"
cat "$tmp/bench.out"
"$python" - "$tmp/report/dpdk.json" <<-'END' || fail "the report is not as expected"
	import json, sys
	report = json.load(open(sys.argv[1], encoding="utf-8"))
	for row in report["rows"]:
	    for failure in row["samples"]["failures"]:
	        print("not measured:", row["name"], failure)
	sys.exit(len(report["rows"]) != 3 or any("ratio" not in row for row in report["rows"]) or
	         any(not idle["mib"]["median"] for idle in report["idle"].values()))
END
for name in volley rate dpdk-testpmd; do
	! pgrep -x "$name" >/dev/null || fail "a process was left behind: $name"
done
