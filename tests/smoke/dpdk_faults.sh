#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# dpdk_faults.sh pool DRIVER | deaf | link DRIVER: what breaks under a flood is counted by name, the
# server takes the traffic up again by itself, and its ledger balances.
#
#   pool   a handler keeps every datagram until there is no buffer left, then gives them back
#   deaf   a peer sends but never receives: the transmit ring is full
#   link   each end of a veth goes down and comes up again
#
# Drawing of the wire: make_wire in lib.sh; `deaf` has a virtio pair.
. "$(dirname "$0")/lib.sh"

needs_backend dpdk

flood() {
	ip netns exec client "$python" "$here/flood_client.py" 10.77.0.2 9000 "$1" \
		>"$tmp/flood.log" 2>&1 &
	peer=$!
}

answers() { in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 10 >"$tmp/echo.log" 2>&1; }

case $1 in
pool)
	make_wire_for dpdk
	port[3]=$2:s0
	serve server "${port[@]}" -l :9000 --buffers 2560 \
		-H "$build/tests/smoke/plugins/keep.so,count=16384,for=500ms"
	# The program that comes onto the interface takes the link down for a moment.
	await 5 in_client ping -c 1 -W 1 10.77.0.2 >"$tmp/ping.log" || fail "no ping before"
	flood 1
	wait "$peer" || fail "the flood ended with status $?"
	await 10 answers || fail "no answers after the pool was empty"
	stop_serve
	# Nothing of the flood is without a name.
	sent=$("$python" -c 'import json; print(json.load(open(0))["sent"])' <"$tmp/flood.log")
	ledger balanced 'rx_missed > 0' 'handled > 100' 'unreleased == 0' "received >= $sent"
	;;
deaf)
	mac=02:00:00:00:00:02
	serve - -b dpdk -d "vhost-user:$tmp/pair" -a 198.18.0.2/24 -l :9000 -H echo --cores 0 \
		-o mac=$mac
	testpmd deaf 1 "net_virtio_user0,path=$tmp/pair,queues=1" --eth-peer=0,$mac \
		--tx-ip=198.18.0.1,198.18.0.2 --tx-udp=9000,9000
	testpmd_say set fwd txonly
	testpmd_say start
	sleep 1
	testpmd_quit
	"$volley" ping --json -b dpdk -d "virtio-user:$tmp/pair" -a 198.18.0.1/24 --timeout 5 \
		-n 1000 198.18.0.2:9000 >"$tmp/ping.out" 2>"$tmp/ping.err" ||
		fail "no answers after the deaf peer"
	"$python" "$here/ledger.py" "$tmp/ping.out" 'sent == received == 1000' ||
		fail "answers were lost after the deaf peer"
	stop_serve
	ledger balanced 'tx_full > 1000' 'handled > 1000'
	;;
link)
	make_wire_for dpdk
	port[3]=$2:s0
	serve server "${port[@]}" -l :9000 -H echo
	await 5 answers || fail "no answers before"
	for end in client/c0 server/s0; do
		flood 1
		sleep 0.3
		ip -n "${end%/*}" link set "${end#*/}" down
		sleep 0.3
		ip -n "${end%/*}" link set "${end#*/}" up
		wait "$peer" || fail "the flood ended with status $?"
		await 10 answers || fail "no answers after $end was down"
		! is_gone "$server" || fail "the server died when $end was down"
	done
	stop_serve
	ledger balanced 'handled > 1000'
	;;
esac
tail -n 1 "$tmp/serve.out"
