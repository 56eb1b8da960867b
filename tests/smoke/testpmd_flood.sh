#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# testpmd_flood.sh WORKERS: testpmd sends as fast as it can and reads no answer; the server survives
# and knows the end of each datagram by name.
#
#   testpmd txonly, virtio-user ---- unix socket ---- vhost-user, volley serve
. "$(dirname "$0")/lib.sh"

workers=$1
needs_backend dpdk
serve - -b dpdk -d "vhost-user:$tmp/pair" -a 198.18.0.2/24 -l :9000 -H echo \
	-w "$workers" --cores 0 -o mac=02:00:00:00:00:02
testpmd flood 1 "net_virtio_user0,path=$tmp/pair,queues=1,packed_vq=1" \
	--eth-peer=0,02:00:00:00:00:02 --tx-ip=198.18.0.1,198.18.0.2 --tx-udp=9000,9000 \
	--txonly-multi-flow
testpmd_say set fwd txonly
testpmd_say start
sleep 3
testpmd_quit
# It still answers, once the flood is over.
"$volley" ping --json -b dpdk -d "virtio-user:$tmp/pair" -a 198.18.0.1/24 -n 1000 198.18.0.2:9000 \
	>"$tmp/ping.out" 2>"$tmp/ping.err" || fail "volley ping after the flood"
"$python" "$here/ledger.py" "$tmp/ping.out" 'received == 1000' || fail "no answers after the flood"
stop_serve
ledger balanced 'received > 100000' 'handled > 0' 'received == handled + answered + drops' \
	'unreleased == 0' 'undecided == 0'
tail -n 1 "$tmp/serve.out"
