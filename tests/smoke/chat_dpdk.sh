#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# volley chat past the kernel: over a virtio pair, alone with the chat; and over an interface of the
# kernel's that DPDK has for itself (s0 of the drawing at make_wire in lib.sh), with a member on the
# kernel's side.
. "$(dirname "$0")/lib.sh"

needs_backend dpdk

# say NAME ARGUMENT...: says two lines and asks who is there.
say() {
	local name=$1

	shift
	printf '%s\n' "from $name" "/who" "/to $name psst" |
		timeout -k 5 30 "$@" -n "$name" >"$tmp/$name.out" 2>"$tmp/$name.log" ||
		fail "volley chat as $name ended with status $?"
	grep -qx "/ $name: from $name" "$tmp/$name.out" || fail "$name does not hear itself"
	grep -qx "@ $name: psst" "$tmp/$name.out" || fail "$name does not get what is for it alone"
	grep -q "^members / .* $name" "$tmp/$name.out" || fail "$name is not there"
}

serve - -b dpdk -d "vhost-user:$tmp/pair" -a 10.0.0.1/24 -l :9000 -H chat
say vera "$volley" chat -b dpdk -d "virtio-user:$tmp/pair" -a 10.0.0.2/24 10.0.0.1:9000
say again "$volley" chat -b dpdk -d "virtio-user:$tmp/pair" -a 10.0.0.2/24 10.0.0.1:9000
stop_serve
ledger balanced 'chat_joined == 2' 'chat_left == 2' 'chat_members == 0' 'tx_no_neighbour == 0'

make_wire dpdk
serve client -b socket -l :9000 -H chat
start_peer ear ip netns exec client "$volley" chat -n ear -t 60 127.0.0.1:9000
say paul ip netns exec server "$volley" chat -b dpdk -d af_packet:s0 -a 10.77.0.2/24 10.77.0.1:9000
await 5 grep -qx "/ paul: from paul" "$tmp/ear.log" || fail "the other member does not hear paul"
stop_peer INT
stop_serve
ledger balanced 'chat_joined == 2' 'chat_members <= 1'
