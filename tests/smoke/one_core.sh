#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# one_core.sh socket|uring|dpdk: a server and a client that both spin for ever, pinned to one core,
# still make progress: each gives the core away when it finds nothing for long.
. "$(dirname "$0")/lib.sh"

backend=$1
needs_backend "$backend"
server_port=(-b "$backend" -l 127.0.0.1:9000)
client_port=(-b "$backend")
target=127.0.0.1:9000
if [[ $backend == dpdk ]]; then
	server_port=(-b dpdk -d "vhost-user:$tmp/pair" -a 10.0.0.2/24 -l :9000)
	client_port=(-b dpdk -d "virtio-user:$tmp/pair" -a 10.0.0.1/24)
	target=10.0.0.2:9000
fi

serve - "${server_port[@]}" -H echo --idle busy --cores 0
timeout -k 5 60 "$volley" ping --json "${client_port[@]}" --idle busy --cores 0 --timeout 5 -n 200 \
	"$target" >"$tmp/ping.out" 2>"$tmp/ping.err" || fail "volley ping ended with status $?"
stop_serve
"$python" "$here/ledger.py" "$tmp/ping.out" 'received == 200' 'lost == 0' || fail "pings were lost"
ledger balanced 'handled == 200'
