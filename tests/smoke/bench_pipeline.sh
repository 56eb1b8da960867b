#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Two tables of scripts/bench pipeline, cut short: each row is measured, and the report is JSON. Its
# figures say nothing here.
. "$(dirname "$0")/lib.sh"

[[ -x $build/bench/wire/pace && -f $build/bench/plugins/work.so ]] || skip "built without bench"
for table in workers overload; do
	VOLLEY_BENCH_PRIVATE=given timeout -k 5 100 "$python" -B "$root/bench/compare" pipeline \
		--build "$build" --quick --seconds 0.05 --only "$table" -o "$tmp/report" \
		>"$tmp/bench.out" 2>"$tmp/bench.err" || fail "bench/compare pipeline"
	"$python" - "$tmp/report/pipeline.json" "$table" <<-'END' || fail "$table is not measured"
		import json, sys
		rows = json.load(open(sys.argv[1], encoding="utf-8"))[sys.argv[2]]
		wrong = [row for row in rows if "failure" in row]
		for row in wrong:
		    print(row)
		sys.exit(len(wrong) > 0 or not rows)
	END
done
