#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# drain.sh socket|uring|dpdk: a server is stopped while most of a fixed number of datagrams still
# waits for its handler, which is slow: each has been answered, or has a drop's name. Drawing:
# make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

count=900 # fewer than the smallest receive queue on the way holds
backend=$1
make_wire_for "$backend"

has_sent() { grep -qs sent "$tmp/client.log"; }

# stop_in_flight WORKERS CYCLES ARGUMENT...: the cycles are spent on each datagram.
stop_in_flight() {
	local workers=$1 cycles=$2

	shift 2
	serve server "${port[@]}" -l :9000 -w "$workers" "$@" \
		-H "$build/bench/plugins/work.so,cycles=$cycles"
	in_client ping -c 1 -W 5 10.77.0.2 >"$tmp/ping.log" || fail "ping" # resolves the address
	start_peer client in_client "$python" "$here/drain_client.py" 10.77.0.2 9000 "$count"
	await 10 has_sent || fail "the client has not sent"
	stop_serve TERM
	await 20 is_gone "$peer" || fail "the client still runs"
	wait "$peer" || fail "the client failed"
	answers=$("$python" -c 'import json, sys
print(json.loads(open(sys.argv[1]).read().splitlines()[-1])["answers"])' "$tmp/client.log")
	# What is no datagram of the client's: ARP and other talk of its kernel.
	ledger balanced "sent == $answers" \
		"sent + drops - not_our_ip - not_our_mac - ethertype - ndp - icmp == $count"
	echo "workers $workers, $cycles cycles $*: $answers of $count answered, the rest named"
}

stop_in_flight 0 1000000
ledger 'sent < 900' 'stopping > 0' # it takes longer for all than a stop may
stop_in_flight 2 1000000
if [[ $backend != dpdk ]]; then
	# With every buffer at the workers nothing can be received, until they are done.
	stop_in_flight 2 2000000 --buffers 320
	ledger 'stopping > 0'
fi
stop_in_flight 2 50000
ledger 'drops == not_our_ip + not_our_mac + ethertype + ndp + icmp' # there is time for all
stop_in_flight 1 200000 --ring 64
ledger 'ring_full > 0'
stop_in_flight 1 200000 --ring 64 --overload drop-oldest
ledger 'ring_oldest > 0'
stop_in_flight 1 50000 --ring 64 --overload block
