#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Malformed, lying and hostile frames (hostile_frames.py), each followed to the counter that it must
# end in, then a flood of noise: the server goes on, and its ledger balances. Drawing: make_wire in
# lib.sh.
. "$(dirname "$0")/lib.sh"

make_wire_for dpdk
ip -n server link set s0 address 02:00:00:00:77:02
ip -n client link set c0 address 02:00:00:00:77:01

goes_on() {
	in_client ping -c 5 -i 0.02 -W 5 10.77.0.2 >"$tmp/ping.log" || fail "ping $1"
	in_client ping -6 -c 5 -i 0.02 -W 5 fd77::2 >"$tmp/ping.log" || fail "ping -6 $1"
	in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 100 || fail "echo $1"
}

serve server "${port[@]}" -l :9000 -H echo
goes_on before
in_client "$python" "$here/hostile.py" c0 "$server" "$tmp/serve.out" >"$tmp/expected" \
	2>"$tmp/hostile.log" || fail "frames did not end in their counters"
cat "$tmp/hostile.log"
goes_on after
stop_serve
mapfile -t expressions <"$tmp/expected"
ledger balanced 'handled >= 200' "${expressions[@]}"
