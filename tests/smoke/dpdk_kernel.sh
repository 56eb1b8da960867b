#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# AF_XDP on an interface that stays the kernel's, with nothing configured twice: addresses, routes
# and neighbours are the kernel's, also those that change while the engine runs. A client reaches
# peers that nobody has spoken to before, near and behind a router, and loses not even its first
# datagram. Drawing: make_wire in lib.sh; behind the client's end are 10.99.0.1 and fd99::1.
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
"$volley" backends -v >"$tmp/backends.log"
grep -q 'af_xdp: can leave' "$tmp/backends.log" || skip "built without clang, libbpf or libmnl"
make_wire kernel
ip -n client addr add 10.99.0.1/32 dev lo
ip -n client addr add fd99::1/128 dev lo nodad
ip -n server route add 10.99.0.0/24 via 10.77.0.1
ip -n server route add default via fd77::1
ip netns exec client "$volley" serve --json -b socket -l :9000 -H echo >"$tmp/echo.out" \
	2>"$tmp/echo.err" &
echo=$!
await 10 grep -q '^ready:' "$tmp/echo.out" || fail "no echo server"

# asks TARGET ARGUMENT...: as a client on the interface.
asks() {
	ip netns exec server "$volley" ping --json -b dpdk -d af_xdp:s0 --timeout 3 "${@:2}" "$1" \
		>"$tmp/ping.out" 2>"$tmp/ping.err"
}
forget() { ip -n server neigh flush dev s0; }
is_answered() {
	"$python" "$here/ledger.py" "$tmp/ping.out" "sent == received == $1" 'corrupt == 0'
}

for target in 10.77.0.1 '[fd77::1]' 10.99.0.1 '[fd99::1]'; do
	forget
	asks "$target:9000" -n 200 || fail "$target: no answer"
	is_answered 200 || fail "$target: datagrams were lost"
	! ip -n server link show s0 | grep -q xdp || fail "the program stayed"
done
ip netns exec server ping -c 2 -i 0.05 -W 5 10.99.0.1 >"$tmp/ping.log" || fail "the kernel's ping"

# Who is not there, or where no route goes, is said by name.
ip netns exec server bash -c 'echo 100 >/proc/sys/net/ipv4/neigh/s0/retrans_time_ms'
! asks 10.77.0.77:9000 -n 1 --timeout 1 || fail "nobody answered"
"$python" "$here/ledger.py" "$tmp/ping.out" 'tx_no_neighbour == 1' || fail "10.77.0.77"
! asks 10.88.0.1:9000 -n 1 --timeout 0.1 || fail "nowhere answered"
"$python" "$here/ledger.py" "$tmp/ping.out" 'tx_no_route == 1' || fail "10.88.0.1"

# The peer gets another MAC in the middle, and the kernel hears of it.
asks 10.77.0.1:9000 -n 100 -i 0.01 --timeout 0.1 &
ping=$!
sleep 0.4
ip -n client link set c0 address 02:00:00:00:00:77
in_client ping -c 1 -W 5 10.77.0.2 >"$tmp/ping.log" || fail "ping from the new MAC"
wait "$ping" || fail "no answers from a peer that moved"
"$python" "$here/ledger.py" "$tmp/ping.out" 'received >= 90' || fail "a peer that moved was lost"
kill "$echo"

# A server takes up an address that the interface gets, and lets go of one that it loses; until it
# has heard of it, the kernel refuses.
echoes() { in_client "$python" "$here/echo_client.py" "$1" 9000 100 0 1452 2>"$tmp/client.err"; }
serve server -v -b dpdk -d af_xdp:s0 -l :9000 -H echo
ip -n client addr add 10.78.0.1/24 dev c0
ip -n server addr add 10.78.0.2/24 dev s0
await 5 echoes 10.78.0.2 || fail "a new address"
ip -n server addr del 10.77.0.2/24 dev s0
ip -n server addr add 10.77.0.3/24 dev s0
await 5 echoes 10.77.0.3 || fail "an exchanged address"
echoes fd77::2 || fail "an address that stayed"
stop_serve
ledger balanced 'received == handled == sent >= 300' 'answered == 0'
