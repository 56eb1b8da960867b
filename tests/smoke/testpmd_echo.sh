#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# `volley ping -b dpdk` against an echo server that is not ours, DPDK's testpmd:
#
#   volley ping, virtio-user ---- unix socket ---- vhost-user, testpmd
#
# testpmd's icmpecho mode answers ARP and its 5tswap mode echoes UDP, but neither does both: it
# changes over while the ping is in its warm-up, which counts nothing. As icmpecho has every
# address, ours are not probed.
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
testpmd echo 0 "net_vhost0,iface=$tmp/pair,queues=1"
testpmd_say set fwd icmpecho
testpmd_say start

# Whether testpmd has sent anything: the answer to ARP.
has_sent() {
	testpmd_say show port stats 0
	sleep 0.1
	grep -qE 'TX-packets: [1-9]' "$tmp/echo.log"
}

"$volley" ping --json -b dpdk -d "virtio-user:$tmp/pair" -a 10.0.0.1/24 --dad 0 --warmup 20 \
	--timeout 0.3 -n 20000 10.0.0.2:9000 >"$tmp/ping.out" 2>"$tmp/ping.err" &
ping=$!
await 20 has_sent || fail "testpmd was asked for no address within 20 s"
testpmd_say stop
testpmd_say set fwd 5tswap
testpmd_say start
await 60 is_gone "$ping" || fail "the ping still runs after 60 s"
wait "$ping" || fail "volley ping ended with status $?"
testpmd_quit
"$python" "$here/ledger.py" "$tmp/ping.out" 'sent == received == 20000' 'lost == 0' \
	'corrupt == 0' 'rtt_ns["p50"] > 0' || fail "pings were lost"
