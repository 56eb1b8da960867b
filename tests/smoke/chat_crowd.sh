#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# chat_crowd.sh socket|uring|dpdk: 100,000 members in a tree of a thousand rooms, each with an
# address of its own over loopback; or 20,000 (VLY_LONG=1: as many), each with a source port of its
# own, over a virtio pair. A message to all reaches each of them once; who asks something while it
# is on its way has the answer before its end.
. "$(dirname "$0")/lib.sh"

crowd=$build/bench/wire/crowd
backend=$1
needs_backend "$backend"
members=100000
server_port=(-b "$backend" -l 127.0.0.1:9000)
crowd_port=(-a 127.1.0.0/16)
target=127.0.0.1:9000
if [[ $backend == dpdk ]]; then
	server_port=(-b dpdk -d "vhost-user:$tmp/pair" -a 10.0.0.1/24 -l :9000)
	crowd_port=(-b dpdk -d "virtio-user:$tmp/pair" -a 10.0.0.2/24 -a 10.0.0.3/24)
	target=10.0.0.1:9000
	[[ ${VLY_LONG:-0} == 1 ]] || members=20000
fi

serve - "${server_port[@]}" -H chat,notices=0
timeout -k 5 60 "$crowd" "${crowd_port[@]}" -n $members -m 1 "$target" \
	>"$tmp/crowd.out" 2>"$tmp/crowd.log" || fail "the crowd"
rss=$(awk '$1 == "VmHWM:" {print $2}' "/proc/$server/status")
stop_serve
"$python" "$here/ledger.py" "$tmp/crowd.out" "members == $members" 'pongs > 0' \
	"copies >= $members" 'twice <= repaired' || fail "not what a crowd should hear"
ledger balanced "chat_copies == $members" 'chat_undelivered == 0' 'chat_members == 0' \
	'chat_rooms == 1'
tail -n 1 "$tmp/crowd.out"
echo "the server's memory: at most $((rss / 1024)) MB"
