#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Groups where we speak IP ourselves: dpdk has the interface alone, tells the routers what it joins,
# answers when one asks, and leaves at the end. What comes is echoed from its own address, from any
# source or from one, over IPv4 and IPv6; broadcasts as well. Then beside the kernel, which joins
# for us.
# Drawing: make_wire in lib.sh; the client has a second address of each family.
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
make_wire dpdk
ip -n client addr add 10.77.0.3/24 dev c0
ip -n client addr add fd77::3/64 dev c0 nodad
ip -n client route add 224.0.0.0/4 dev c0

multicast_all() {
	multicast 3 239.1.1.1 10.77.0.1
	multicast 3 239.1.1.1 10.77.0.3
	multicast 3 232.1.1.1 10.77.0.1
	multicast 0 232.1.1.1 10.77.0.3
	multicast 0 239.9.9.9 10.77.0.1
	multicast 3 ff15::1 fd77::1
	multicast 3 ff15::1 fd77::3
	multicast 3 ff35::1 fd77::1
	multicast 0 ff35::1 fd77::3
	multicast 3 239.1.1.2 10.77.0.1 # listened at
	multicast 3 10.77.0.255 10.77.0.1
	multicast 3 255.255.255.255 10.77.0.1
}
groups=(--join 239.1.1.1 --join "232.1.1.1,source=10.77.0.1" --join ff15::1
	--join "ff35::1,source=fd77::1")

# What the server says of groups.
mark=0
start_peer reports ip netns exec client "$python" "$here/multicast_reports.py" c0
reports=$peer
await 20 grep -q listening "$tmp/reports.log" || fail "nobody listens"
# said LINE: the client has heard it since the last question, or does within ten seconds.
heard() { tail -n "+$((mark + 1))" "$tmp/reports.log" | grep -xF -- "$1" >/dev/null; }
said() {
	await 10 heard "$1" || fail "not heard: $1"
}
# ask WHAT: a router's question.
ask() {
	mark=$(wc -l <"$tmp/reports.log")
	in_client "$python" "$here/multicast_query.py" c0 "$1" >"$tmp/query.log" 2>&1 ||
		fail "the question $1: $(<"$tmp/query.log")"
}

serve server -b dpdk -d af_xdp:s0 -o share=off -a 10.77.0.2/24 -a fd77::2/64 -l :9000 \
	-l 239.1.1.2:9000 -H echo "${groups[@]}"
said 'igmp3 239.1.1.1 to-exclude'
said 'igmp3 239.1.1.2 to-exclude'
said 'igmp3 232.1.1.1 allow 10.77.0.1'
said 'mld2 ff15::1 to-exclude'
said 'mld2 ff35::1 allow fd77::1'
multicast_all
ask igmp3
said 'igmp3 239.1.1.1 is-exclude'
said 'igmp3 232.1.1.1 is-include 10.77.0.1'
ask mld2
said 'mld2 ff15::1 is-exclude'
said 'mld2 ff35::1 is-include fd77::1'
ask mld1
said 'mld1 ff15::1'
ask igmp2
said 'igmp2 239.1.1.1'
ask malformed
stop_serve
said 'leave2 239.1.1.1'
said 'done1 ff15::1'
! grep wrong: "$tmp/reports.log" || fail "a router would not believe that"
ledger balanced 'handled == 27' 'sent == 27' 'not_our_ip >= 9' 'igmp == 1'

# Beside the kernel, on its interface.
ip netns exec server bash -c 'echo 0 >/proc/sys/net/ipv6/conf/s0/disable_ipv6'
ip -n server addr add 10.77.0.2/24 dev s0
ip -n server addr add fd77::2/64 dev s0 nodad
serve server -b dpdk -d af_xdp:s0 -l :9000 -l 239.1.1.2:9000 -H echo "${groups[@]}"
multicast_all
stop_serve
ledger balanced 'handled == 27' 'sent == 27'
peer=$reports
stop_peer
