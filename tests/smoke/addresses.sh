#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# addresses.sh socket|uring: a server for all addresses of a machine that has many. Each answer
# leaves from the address that was asked, whichever way it takes; and a handler sees with which hop
# limit and traffic class the question came. Two wires, as make_wire in lib.sh draws one: 10.77.0.0
# and fd77::, 10.88.0.0 and fd88::; the server has a second address on the first, and one that
# is asked by the first, on the second.
. "$(dirname "$0")/lib.sh"

make_wire_for "$1"
ip link add c1 netns client type veth peer name s1 netns server
ip netns exec server bash -c 'for i in all s0 s1; do
	echo 0 >/proc/sys/net/ipv4/conf/$i/rp_filter
done'
ip -n client addr add 10.88.0.1/24 dev c1
ip -n client addr add fd88::1/64 dev c1 nodad
ip -n server addr add 10.88.0.2/24 dev s1
ip -n server addr add fd88::2/64 dev s1 nodad
ip -n server addr add 10.77.0.22/24 dev s0
ip -n server addr add fd77::22/64 dev s0 nodad
ip -n server addr add 10.99.0.2/32 dev s1
for i in 0 1; do # beside those that duplicates are looked for of
	ip -n client addr add fe80::1$i/64 dev c$i nodad
	ip -n server addr add fe80::2$i/64 dev s$i nodad
done
ip -n client link set c1 up
ip -n server link set s1 up
ip -n client route add 10.99.0.2/32 via 10.77.0.2
asked=(10.77.0.2 10.77.0.22 10.88.0.2 10.99.0.2 fd77::2 fd77::22 fd88::2
	fe80::20%c0 fe80::21%c1)
for options in '-q 1' '-q 2 -l :9001'; do
	read -ra words <<<"$options"
	serve server "${port[@]}" "${words[@]}" -l :9000 -H "$build/tests/smoke/plugins/hops.so"
	in_client "$python" "$here/addresses.py" "${asked[@]}" >"$tmp/client.log" 2>&1 ||
		fail "$options: $(<"$tmp/client.log")"
	stop_serve
	ledger balanced "received == 4 * ${#asked[@]}" 'sent == received' 'drops == 0'
done
