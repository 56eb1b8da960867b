#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# multicast.sh socket|uring QUEUES: groups that are joined arrive, from any source or from one, over
# IPv4 and IPv6, and broadcasts as well; each exactly once, however many queues there are. A group
# that nobody asked for does not arrive, though another program has joined it.
# Drawing: make_wire in lib.sh; the client has a second address of each family.
. "$(dirname "$0")/lib.sh"

backend=$1 queues=$2
make_wire_for "$backend"
ip -n client addr add 10.77.0.3/24 dev c0
ip -n client addr add fd77::3/64 dev c0 nodad
ip -n client route add 224.0.0.0/4 dev c0
ip -n server route add 224.0.0.0/4 dev s0

start_peer bystander ip netns exec server "$python" "$here/multicast_bystander.py" \
	239.9.9.9 10.77.0.2
await 10 grep -q joined "$tmp/bystander.log" || fail "the bystander did not join"

serve server "${port[@]}" -q "$queues" -l :9000 -H echo --join 239.1.1.1 \
	--join 232.1.1.1,source=10.77.0.1,if=s0 --join ff15::1,if=s0 \
	--join ff35::1,source=fd77::1,if=s0
multicast 3 239.1.1.1 10.77.0.1
multicast 3 239.1.1.1 10.77.0.3
multicast 3 232.1.1.1 10.77.0.1
multicast 0 232.1.1.1 10.77.0.3
multicast 0 239.9.9.9 10.77.0.1
multicast 3 ff15::1 fd77::1
multicast 3 ff15::1 fd77::3
multicast 3 ff35::1 fd77::1
multicast 0 ff35::1 fd77::3
multicast 3 10.77.0.255 10.77.0.1
multicast 3 255.255.255.255 10.77.0.1
multicast 3 10.77.0.2 10.77.0.1
# And a sender of ours, which takes the answer from whomever it comes.
for group in 239.1.1.1 239.1.1.1%c0 255.255.255.255%c0 '[ff15::1%c0]'; do
	in_client "$volley" ping -b "$backend" -n 5 --json "$group:9000" >"$tmp/ping.out" ||
		fail "ping $group: $(<"$tmp/ping.out")"
	grep -q '"received":5' "$tmp/ping.out" || fail "ping $group: $(<"$tmp/ping.out")"
	grep -q '"duplicate":0' "$tmp/ping.out" || fail "ping $group: $(<"$tmp/ping.out")"
done
stop_serve
ledger balanced 'received == 47' 'sent == 47' 'drops == 0'
stop_peer

# On the group itself: joined without being told, and shared with others on this machine.
serve server "${port[@]}" -q "$queues" -l 239.1.1.1:9000 -H echo
first=$server
serve server "${port[@]}" -q "$queues" -l 239.1.1.1:9000 -H sink
multicast 3 239.1.1.1 10.77.0.1
stop_serve
ledger balanced 'received == 3' 'released == 3' 'drops == 0'
server=$first
stop_serve

# What cannot be joined is said in a line that names the fix.
# refused WORDS ARGUMENT...
refused() {
	local words=$1

	shift
	if ip netns exec server "$volley" serve "${port[@]}" -H echo "$@" >"$tmp/refused.out" \
		2>"$tmp/refused.err"; then
		fail "served with $*"
	fi
	[[ $(wc -l <"$tmp/refused.err") == 1 ]] || fail "$*: not one line"
	grep -qF -- "$words" "$tmp/refused.err" ||
		fail "$*: '$words' is not named: $(<"$tmp/refused.err")"
}
refused 'no listen takes what comes to group 239.1.1.1' -l 10.77.0.2:9000 --join 239.1.1.1
refused 'given twice' -l :9000 --join 239.1.1.1 --join 239.1.1.1
refused 'is not a multicast group' -l :9000 --join 10.77.0.1
refused 'different families' -l :9000 --join 239.1.1.1,source=fd77::1
refused "no interface 'nosuch'" -l :9000 --join 239.1.1.1,if=nosuch
refused "'port=1' is nothing" -l :9000 --join 239.1.1.1,port=1
ip -n server route del 224.0.0.0/4
refused 'name one, as in 239.1.1.1,if=eth0' -l :9000 --join 239.1.1.1
groups=()
for i in {1..50}; do groups+=(--join "239.1.1.$i,if=s0"); done
refused 'igmp_max_memberships=64' -l :9000 "${groups[@]}"
