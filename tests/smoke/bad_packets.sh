#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Frames with one fault each, truncated, corrupted, wrongly addressed and in pieces, and a thousand
# of noise: each has the right name in the ledger, and the server goes on. Drawing: make_wire in
# lib.sh.
. "$(dirname "$0")/lib.sh"

make_wire_for dpdk
mac=$(ip -n server -brief link show s0 | awk '{ print $3 }')

# From many copies of each, with exact counts; then from one of each with noise.
for count in 7 1; do
	serve server "${port[@]}" -l :9000 -H echo
	in_client ping -c 1 -W 5 10.77.0.2 >"$tmp/ping.log" || fail "ping before"
	in_client "$python" "$here/bad_packets.py" c0 "$mac" "$count" >"$tmp/expected.out" ||
		fail "the frames could not be sent"
	in_client ping -c 5 -i 0.02 -W 5 10.77.0.2 >"$tmp/ping.log" || fail "ping after"
	in_client ping -6 -c 5 -i 0.02 -W 5 fd77::2 >"$tmp/ping.log" || fail "ping -6 after"
	in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 100 || fail "echo after"
	stop_serve
	mapfile -t expressions <"$tmp/expected.out"
	ledger balanced 'handled >= 100' "${expressions[@]}"
done
