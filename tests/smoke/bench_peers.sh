#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The table of `volley bench peers`, cut short: every server of others is started, asked by the same
# client, and ended. Its figures say nothing here.
. "$(dirname "$0")/lib.sh"

[[ -x $build/bench/baselines/plain_echo ]] || skip "built without bench"
needs_backend uring
needs_backend dpdk
VOLLEY_BENCH_PRIVATE=given timeout -k 5 100 "$volley" bench peers --quick --rounds 1 \
	--seconds 0.05 -o "$tmp/report" >"$tmp/bench.out" 2>"$tmp/bench.err" ||
	fail "volley bench peers"
sed -n '/^wire/,/^$/p' "$tmp/bench.out"
"$python" - "$tmp/report/peers.json" <<-'END' || fail "not all of them are measured"
	import json, sys
	rows = json.load(open(sys.argv[1], encoding="utf-8"))["rows"]
	# sockperf's server answers no ping, which is not in its protocol.
	wrong = [row for row in rows
	         if len(row["measures"]) != (2 if row["server"] == "sockperf" else 3)]
	for row in wrong:
	    print("not measured:", row["server"], row["idle"], row["failures"])
	sys.exit(len(wrong) > 0 or len(rows) != 16)
END
for name in volley plain_echo mmsg_echo train_echo uring_echo libuv_echo sockperf dpdk-testpmd; do
	! pgrep -x "$name" >/dev/null || fail "a process was left behind: $name"
done
