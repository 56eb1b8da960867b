#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The kernel pings an address that dpdk alone owns: address resolution (ARP, neighbour discovery)
# and echo answers are ours, and not even the first packet is lost. Drawing: make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

make_wire_for dpdk
serve server "${port[@]}" -l :9000 -H echo

in_client ping -c 20 -i 0.02 -W 5 10.77.0.2 >"$tmp/ping4.log" || fail "ping"
in_client ping -6 -c 20 -i 0.02 -W 5 fd77::2 >"$tmp/ping6.log" || fail "ping -6"
in_client ping -c 5 -i 0.02 -W 5 -s 1472 -M "do" 10.77.0.2 >"$tmp/ping_full.log" ||
	fail "ping with full frames"
in_client ping -6 -c 5 -i 0.02 -W 5 -s 1452 -M "do" fd77::2 >"$tmp/ping6_full.log" ||
	fail "ping -6 with full frames"
for log in ping4 ping6 ping_full ping6_full; do
	grep -q ' 0% packet loss' "$tmp/$log.log" || fail "$log: packets were lost"
done
in_client ip neigh show dev c0 | tee "$tmp/neigh.log"
grep -q '^10.77.0.2 lladdr' "$tmp/neigh.log" || fail "ARP did not resolve"
grep -q '^fd77::2 lladdr' "$tmp/neigh.log" || fail "neighbour discovery did not resolve"

# An address that is nobody's gets no answer.
! in_client ping -c 1 -W 1 10.77.0.3 >"$tmp/nobody.log" 2>&1 || fail "10.77.0.3 answered"
stop_serve
ledger balanced 'answered >= 52' 'handled == 0'
