#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What our own stack sends to others than who asked it, and where: behind a gateway and behind a
# more specific route, with two queues of which only one hears the gateway's answer, to a neighbour
# that answers no ARP, and in a VLAN. A relay is asked at 10.77.0.2 and sends on to the client's
# other addresses. Drawing: make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
make_wire dpdk
relay=$build/tests/smoke/plugins/relay.so
ip -n client addr add 192.0.2.1/32 dev lo
ip -n client addr add 198.51.100.1/32 dev lo
ip -n client addr add 10.77.0.3/24 dev c0
in_client bash -c 'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter'

# relayed HERE FLOWS EACH FROM: the client gets all of it at HERE. It makes itself known as FROM
# before: a neighbour that has asked for us need not be asked.
relayed() {
	in_client ping -c 1 -W 5 -I "$4" 10.77.0.2 >"$tmp/ping.log" || fail "ping"
	in_client "$python" "$here/relay_client.py" 10.77.0.2 9000 "$1" 9100 "$2" "$3" ||
		fail "not all was relayed to $1"
	stop_serve
	ledger balanced "sent == $(($2 * $3))" 'tx_no_neighbour == 0' 'tx_no_route == 0'
}

# ARP requests of ours that the wire saw, by who was asked for.
watch_arp() {
	start_peer arp ip netns exec client tcpdump -i c0 -l -n -Q in \
		--immediate-mode arp
	await 10 grep -q 'listening on' "$tmp/arp.log" || fail "tcpdump did not start"
}
were_asked_for() {
	stop_peer INT
	sed -n 's/.*who-has \([0-9.]*\).*/\1/p' "$tmp/arp.log" | sort | uniq -c >"$tmp/asked.log"
	cat "$tmp/asked.log"
}

needs_tool tcpdump
watch_arp
serve server -b dpdk -d af_packet:s0 -a 10.77.0.2/24 -l :9000 -q 2 --gateway 10.77.0.1 \
	--route 198.51.100.0/24@10.77.0.3 -H "$relay,to=192.0.2.1"
grep -q ', 2 queues' "$tmp/serve.out" || fail "not two queues"
relayed 192.0.2.1 64 20 10.77.0.3
were_asked_for
grep -q ' 10.77.0.1$' "$tmp/asked.log" || fail "the gateway was not asked for"
! grep -q ' 10.77.0.3$' "$tmp/asked.log" || fail "the other router was asked for"

watch_arp
serve server -b dpdk -d af_xdp:s0 -o share=off -a 10.77.0.2/24 -l :9000 --gateway 10.77.0.1 \
	--route 198.51.100.0/24@10.77.0.3 -H "$relay,to=198.51.100.1"
relayed 198.51.100.1 8 20 10.77.0.1
were_asked_for
grep -q ' 10.77.0.3$' "$tmp/asked.log" || fail "the route's router was not asked for"

# Nobody answers ARP, and who is told the MAC needs no answer.
mac=$(ip -n client -brief link show c0 | awk '{ print $3 }')
ours=$(ip -n server -brief link show s0 | awk '{ print $3 }')
ip -n client link set c0 arp off
ip -n client neigh replace 10.77.0.2 lladdr "$ours" dev c0
serve server -b dpdk -d af_xdp:s0 -o share=off -a 10.77.0.2/24 -l :9000 \
	--neighbour "10.77.0.3@$mac" -H "$relay,to=10.77.0.3"
relayed 10.77.0.3 8 20 10.77.0.1
ip -n client link set c0 arp on

# In a VLAN: what is untagged, or of another one, is not for us.
serve server -b dpdk -d af_xdp:s0 -o share=off -a 10.78.0.2/24 -l :9000 --vlan 5 -H echo
in_client "$python" "$here/vlan_client.py" c0 5 10.78.0.1 10.78.0.2 9000 20 || fail "in the VLAN"
stop_serve
ledger balanced 'sent == 20' 'vlan >= 2'
tail -n 1 "$tmp/serve.out"
