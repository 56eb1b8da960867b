#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# `volley load -b dpdk` against an echo that is not ours, DPDK's testpmd, which swaps addresses and
# ports of whatever comes:
#
#   volley load, virtio-user ---- unix socket ---- vhost-user, testpmd
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
testpmd echo 0 "net_vhost0,iface=$tmp/pair,queues=1"
testpmd_say set fwd 5tswap
testpmd_say start

# load ARGUMENT...: what it tells must be as said before the --.
load() {
	local expected=()

	while [[ $1 != -- ]]; do
		expected+=("$1")
		shift
	done
	shift
	timeout -k 5 60 "$volley" load --json -b dpdk -d "virtio-user:$tmp/pair" --dad 0 \
		--neighbour 10.0.0.2@02:00:00:00:00:02 -a 10.0.0.1/24 "$@" 10.0.0.2:9000 \
		>"$tmp/load.out" 2>"$tmp/load.err" || fail "volley load ended with status $?"
	"$python" "$here/ledger.py" "$tmp/load.out" "${expected[@]}" ||
		fail "the figures are not as expected"
}

load 'sent == received == 20000' 'corrupt == duplicate == reordered == 0' -- -r 50k -n 20000
load 'sent == received == 20000' 'reordered == 0' -- -r 50k -n 20000 --flows 64 -s imix
# As many flows as addresses and ports can make; none of their answers is lost on its way in.
more=()
for i in {3..20}; do more+=(-a "10.0.0.$i/24"); done
load 'sent == received + lost == 300000' 'asked["flows"] == 1000000' 'received > 250000' \
	'corrupt == duplicate == unrecognised == stray == 0' -- \
	-r 200k -n 300000 --flows 1000000 "${more[@]}"
testpmd_quit
