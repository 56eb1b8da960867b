#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# kernel_faults.sh socket|uring: what may go wrong under a server on the kernel's sockets. It goes
# on, and every datagram is in the ledger. Drawing: make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

backend=$1
make_wire_for "$backend"
plugins=$build/tests/smoke/plugins
rejoin() { # the server's interface comes again, as it was
	ip link add c0 netns client type veth peer name s0 netns server
	ip netns exec client bash -c 'echo 0 >/proc/sys/net/ipv6/conf/c0/accept_dad'
	ip -n server addr add 10.77.0.2/24 dev s0
	ip -n client addr add 10.77.0.1/24 dev c0
	ip -n server link set s0 up
	ip -n client link set c0 up
}
ping_ok() {
	in_client "$volley" ping -b socket "$@" >"$tmp/ping.out" 2>&1 ||
		fail "no answers to ping $*: $(tail -n 3 "$tmp/ping.out")"
	grep -q '^lost  *0 ' "$tmp/ping.out" || fail "ping $*: $(<"$tmp/ping.out")"
}

# The smallest and the largest datagrams there are, and trains whose last segment is shorter.
serve server "${port[@]}" -l :9000 -H echo
for size in 0 1 1472 1473 65507; do ping_ok -n 5 -s "$size" 10.77.0.2:9000; done
ping_ok -n 5 -s 65507 '[fd77::2]:9000'
in_client "$python" "$here/train.py" 10.77.0.2 9000 >"$tmp/train.log" 2>&1 ||
	fail "trains: $(<"$tmp/train.log")"
stop_serve
ledger balanced 'received == 30 + 3 * 21' 'sent == received' 'drops == 0'

# A flood on few buffers and a small socket buffer: what there was no room for is counted, and
# afterwards all is as before. The ring's own buffers run out only where it does the receiving.
flooded() {
	serve server "${port[@]}" "$@" -o rcvbuf=64k --buffers 16 -w 1 --ring 8 -l :9000 -H echo
	in_client "$python" -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("10.77.0.2", 9000))
for i in range(30000):
    s.send(bytes(1000))
' || fail "the flood"
	sleep 0.3
	ping_ok -n 50 10.77.0.2:9000
	stop_serve
	ledger balanced 'received > 15000' 'received <= 30050' 'rx_missed + ring_full > 0' \
		'sent + drops == received'
}
flooded
[[ $backend == socket ]] || flooded -o multishot=on

# The interface goes and comes again.
for listen in :9000 10.77.0.2:9000; do
	serve server "${port[@]}" -l "$listen" -H echo
	ping_ok -n 20 10.77.0.2:9000
	ip -n server link del s0
	sleep 0.1
	! is_gone "$server" || fail "-l $listen: the server went with its interface"
	rejoin
	ping_ok -n 20 10.77.0.2:9000
	stop_serve
	ledger balanced 'received == 40' 'sent == 40' 'drops == 0'
done

# It goes while answers are still to be sent: there is no way for them any more.
serve server "${port[@]}" -l :9000 -H "$plugins/keep.so,count=5"
in_client "$python" -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(5):
    s.sendto(b"x", ("10.77.0.2", 9000))
' || fail "five datagrams"
sleep 0.2
ip -n server link del s0
stop_serve
ledger balanced 'received == 5' 'tx_no_route == 5' 'drops == 5'
rejoin

# Without IPv6 a server for all addresses serves those that there are.
ip netns exec server bash -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
serve server "${port[@]}" -l :9000 -H echo
ping_ok -n 5 10.77.0.2:9000
stop_serve
ledger balanced 'received == 5' 'sent == 5'
! ip netns exec server "$volley" serve "${port[@]}" -l '[fd77::2]:9000' -H echo 2>"$tmp/ipv6.err" ||
	fail "served on an IPv6 address without IPv6"
grep -q 'fd77::2.*is not an address of this machine' "$tmp/ipv6.err" || fail "$(<"$tmp/ipv6.err")"

# A kernel that was built without IPv6: the same.
: >"$tmp/serve.out"
without=(ip netns exec server "$python" "$here/deny.py" socket EAFNOSUPPORT '0=10' "$volley" serve)
"${without[@]}" --json "${port[@]}" -l :9000 -H echo >"$tmp/serve.out" 2>"$tmp/serve.err" &
server=$!
await 30 is_ready_or_gone || fail "without IPv6: not ready"
ping_ok -n 5 10.77.0.2:9000
stop_serve
ledger balanced 'received == 5' 'sent == 5'
! "${without[@]}" "${port[@]}" -l '[::1]:9000' -H echo 2>"$tmp/ipv6.err" ||
	fail "served on an IPv6 address without IPv6"
grep -q '::1' "$tmp/ipv6.err" || fail "it is not said that there is no IPv6: $(<"$tmp/ipv6.err")"
[[ $(wc -l <"$tmp/ipv6.err") == 1 ]] || fail "not one line: $(<"$tmp/ipv6.err")"

# A router that knows no way on: what it says of each datagram is counted, and fails no other. Of
# Linux, it says so five times, and then seldom.
ip -n server route add 10.78.0.0/24 via 10.77.0.1
in_client bash -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 0 >/proc/sys/net/ipv4/icmp_ratelimit'
ip -n client route add unreachable 10.78.0.0/24
serve server "${port[@]}" -o icmp-errors=on -l :9000 -H "$plugins/relay.so,to=10.78.0.1,port=9"
in_client "$python" -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(4):
    s.sendto(b"x", ("10.77.0.2", 9000))
    time.sleep(0.05)
' || fail "four datagrams"
sleep 0.2
stop_serve
ledger balanced 'sent == 4' 'rx_unreachable == 4' 'drops == 4' 'received == 8'

# Nobody at the port; nobody at the address.
! in_client "$volley" ping -b "$backend" -n 3 10.77.0.2:9 >"$tmp/ping.out" || fail "answered"
grep -q 'refused  *3  (connection refused: nobody serves 10.77.0.2:9)' "$tmp/ping.out" ||
	fail "the refusal is not named: $(<"$tmp/ping.out")"
