#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# flow_order.sh socket|uring|dpdk: with two workers behind rings, each of eight flows keeps its
# order. Drawing: make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

make_wire_for "$1"
for workers in 2 3; do
	serve server "${port[@]}" -l :9000 -H echo -w "$workers"
	in_client ping -c 1 -W 5 10.77.0.2 >"$tmp/ping.log" || fail "ping"
	in_client "$python" "$here/flow_order.py" 10.77.0.2 9000 8 2500 || fail "order"
	stop_serve
	# What is no datagram of the client's: ARP and other talk of its kernel.
	ledger balanced 'handled == 20000' \
		'drops == not_our_ip + not_our_mac + ethertype + ndp + icmp'
done
