#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The comparison of scripts/bench, cut short: each path is measured, or a reason stands in its row,
# and the report is JSON. Its figures say nothing here.
. "$(dirname "$0")/lib.sh"

plain_echo=$build/bench/baselines/plain_echo
[[ -x $plain_echo ]] || skip "built without bench"
VOLLEY_BENCH_PRIVATE=given timeout -k 5 150 "$python" -B "$root/bench/compare" --build "$build" \
	--rounds 1 --seconds 0.05 -o "$tmp/report" >"$tmp/bench.out" 2>"$tmp/bench.err" ||
	fail "bench/compare"
sed -n '/^wire/,/^$/p' "$tmp/bench.out"
"$python" - "$tmp/report/report.json" "${VLY_DPDK:-1}" "${VLY_URING:-1}" <<-'END' ||
	import json, sys
	built = {"dpdk": sys.argv[2] == "1", "uring": sys.argv[3] == "1"}
	report = json.load(open(sys.argv[1], encoding="utf-8"))
	wrong = [row for row in report["rows"] if "p50_us" not in row
	         and built.get(row["server"], True) and (row["wire"] != "virtio" or built["dpdk"])]
	for row in wrong:
	    print("not measured:", row["wire"], row["server"], row["idle"], row["failures"])
	sys.exit(len(wrong) > 0 or len(report["rows"]) != 17 or not report["machine"]["cpu"])
END
	fail "the report is not as expected"
[[ -z $(ip netns list) ]] || fail "namespaces were left behind"
for name in volley plain_echo dpdk-testpmd; do
	! pgrep -x "$name" >/dev/null || fail "a process was left behind: $name"
done
