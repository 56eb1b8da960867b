#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# AF_XDP on an interface that stays the kernel's: its addresses, ping, TCP and other UDP ports go on
# working while the engine has port 9000, also after the engine was killed; at the end the interface
# has no program left. Drawing: make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
"$volley" backends -v >"$tmp/backends.log"
grep -q 'af_xdp: can leave' "$tmp/backends.log" || skip "built without clang, libbpf or libmnl"
make_wire kernel

port=(-v -b dpdk -d af_xdp:s0 -l :9000 -H echo)

has_program() { ip -n server link show s0 | grep -q xdp; }

kernel_works() {
	local address

	in_client ping -c 3 -i 0.1 -W 5 10.77.0.2 >"$tmp/ping.log" || fail "$1: ping"
	in_client ping -6 -c 3 -i 0.1 -W 5 fd77::2 >"$tmp/ping6.log" || fail "$1: ping -6"
	for address in 10.77.0.2 fd77::2; do
		in_client "$python" "$here/dpdk_share.py" ask $address 9000 9001 ||
			fail "$1: the kernel's own sockets at $address"
	done
}

engine_works() {
	in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 200 || fail "$1: echo"
	in_client "$python" "$here/echo_client.py" fd77::2 9000 200 0 1452 || fail "$1: echo, IPv6"
	# In fragments; those to a port of the kernel's stay the kernel's.
	for udp in 9000 9001; do
		in_client "$python" "$here/echo_client.py" 10.77.0.2 $udp 20 0 65507 1 ||
			fail "$1: port $udp, large"
		in_client "$python" "$here/echo_client.py" fd77::2 $udp 20 0 65487 1 ||
			fail "$1: port $udp, large, IPv6"
	done
}

# The kernel's servers: TCP on the engine's port, UDP on the next.
start_peer kernel ip netns exec server "$python" "$here/dpdk_share.py" serve 9000 9001
await 10 grep -q listening "$tmp/kernel.log" || fail "the kernel's servers do not start"
kernel_works "before"

# More routes than are followed: said, and the others work.
for ((i = 1; i <= 70; i++)); do echo "route add 10.99.$i.0/24 via 10.77.0.1"; done |
	ip -n server -batch - || fail "70 routes"
serve server "${port[@]}"
grep -q 's0 has more than the 64 routes that are followed: [0-9]* are not' "$tmp/serve.err" ||
	fail "it is not said that routes are left out"
ip -n server route flush via 10.77.0.1
has_program || fail "no program on the interface"
kernel_works "with the engine"
engine_works "with the engine"
kernel_works "after the engine's traffic"
# As it is between two containers: the client's kernel leaves checksums to a card that never comes.
in_client ethtool -K c0 tx on >/dev/null
engine_works "with checksums left to a card"
in_client ethtool -K c0 tx off >/dev/null
# A tag with a priority alone is no VLAN; frames of a VLAN are the kernel's. Who sends them has no
# socket, so the client's kernel refuses the answer, and the engine hears that.
mac=$(ip -n server -br link show s0 | awk '{print $3}')
in_client "$python" "$here/dpdk_share.py" tagged c0 "$mac" 9000 || fail "scapy"
sleep 0.3
stop_serve
ledger balanced 'handled == sent == 881' 'drops == rx_refused == 1' \
	'answered + handled + 1 == received'
! has_program || fail "the program stayed after a normal end"
kernel_works "after the engine"

# A second process does not take it away from the first; a dead one leaves nothing in the way.
serve server "${port[@]}"
! ip netns exec server "$volley" serve "${port[@]}" >"$tmp/second.out" 2>&1 ||
	fail "a second process took the interface"
grep -q 'another process' "$tmp/second.out" || fail "the second process does not say why"
engine_works "beside a second process"
kill -KILL "$server"
await 20 is_gone "$server" || fail "the server outlives SIGKILL"
wait "$server" 2>/dev/null || true
has_program || fail "the program is gone before its time: this test tests nothing"
kernel_works "after SIGKILL"
serve server "${port[@]}" -a 10.77.0.2/24
grep -q 'dead process' "$tmp/serve.err" || fail "the restart does not tell of the stale program"
in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 200 || fail "echo after SIGKILL"
stop_serve
ledger balanced 'received == handled == sent == 200'
! has_program || fail "the program stayed after the second normal end"

# The whole interface, when that is wished.
serve server "${port[@]}" -a 10.77.0.2/24 -o share=off
in_client ping -c 3 -i 0.1 -W 5 10.77.0.2 >"$tmp/ping.log" || fail "share=off: ping"

# What the whole interface's program leaves after SIGKILL cannot be told from another program's.
kill -KILL "$server"
await 20 is_gone "$server" || fail "the server outlives SIGKILL"
wait "$server" 2>/dev/null || true
! ip netns exec server "$volley" serve "${port[@]}" >"$tmp/other.out" 2>&1 ||
	fail "another's program was replaced"
grep -q 'ip link set s0 xdp off' "$tmp/other.out" || fail "the refusal does not tell the fix"
ip -n server link set s0 xdp off
serve server "${port[@]}"
engine_works "after another's program"
stop_serve
! has_program || fail "the program stayed after the last normal end"
stop_peer
