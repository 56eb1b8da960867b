#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# kernel_line.sh socket|uring: a server that spins at one IPv4 address gives a peer that is alone a
# connected socket, which `ss -uan` shows, and takes it away when another joins; nothing is lost or
# overtaken by it. Where a socket has to tell more than who has sent (IPv6, a wildcard), or several
# share a port (two queues), nobody gets one. To lose no time slice to others, which would end the
# spinning, the server goes first where it may.
. "$(dirname "$0")/lib.sh"

needs_tool chrt ss taskset
needs_backend "$1"

# lines yes|no ADDRESS ARGUMENT...
lines() {
	local expected=$1 address=$2

	shift 2
	serve - --idle busy -H echo "$@"
	chrt -a -r -p 1 "$server" 2>/dev/null || echo "no real-time scheduling here"
	taskset -c 1 "$python" "$here/kernel_line.py" "$address" "$expected" \
		>"$tmp/peers.log" 2>&1 || fail "$address: $(tail -n 1 "$tmp/peers.log")"
	stop_serve
	ledger balanced "sent == $(<"$tmp/peers.log")" 'received == sent' 'drops == 0'
}

lines yes 127.0.0.1 --cores 0 -b "$1" -l 127.0.0.1:9000
lines no ::1 --cores 0 -b "$1" -l '[::1]:9000'
lines no 127.0.0.1 --cores 0 -b "$1" -l :9000
lines no 127.0.0.1 --cores 0,0 -b "$1" -q 2 -l 127.0.0.1:9000
