#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Trains sent without a copy over a slow device, which still reads each when the next ones have long
# been received: they come back whole, so no buffer is used again before the kernel has let go of
# it. Drawing: make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

needs_tool tc ethtool
make_wire_for uring
in_client ethtool -K c0 tx on >/dev/null # trains arrive as such: in one piece
tc -n server qdisc add dev s0 root tbf rate 400mbit burst 128k limit 20m

for sqpoll in off on; do
	serve server "${port[@]}" -o zerocopy=on -o sqpoll="$sqpoll" -o sndbuf=16M -l :9000 -H echo
	grep -q 'zero copy' "$tmp/serve.out" || fail "sends are copied: $(<"$tmp/serve.out")"
	in_client "$python" "$here/zero_copy.py" 10.77.0.2 9000 >"$tmp/client.log" 2>&1 ||
		fail "sqpoll=$sqpoll: $(<"$tmp/client.log")"
	stop_serve
	ledger balanced 'received == 30 * 40' 'sent == received' 'drops == 0'
done
