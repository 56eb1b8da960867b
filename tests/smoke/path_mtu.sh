#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# path_mtu.sh whole|share: a path that is narrower than the link. The client's kernel routes to a
# far host over a link with an MTU of 1300, and says so when an answer is too big for it. The
# answers after that arrive, in fragments. The server's end is dpdk's, or its kernel's but for the
# port (drawing: make_wire in lib.sh):
#
#   namespace far                 namespace client, a router
#   f0 10.78.0.1  fd78::1  ------ r0 10.78.0.254  fd78::fe    c0 ------ s0
. "$(dirname "$0")/lib.sh"

if [[ $1 == whole ]]; then
	make_wire_for dpdk
else
	needs_backend dpdk
	make_wire kernel
	port=(-b dpdk -d af_xdp:s0)
	ip -n server route add default via 10.77.0.1
	ip -n server -6 route add default via fd77::1
fi
ip netns add far
ip link add f0 netns far mtu 1300 type veth peer name r0 mtu 1300 netns client
in_client bash -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
ip netns exec far ethtool -K f0 tx off >/dev/null
ip -n far addr add 10.78.0.1/24 dev f0
ip -n far addr add fd78::1/64 dev f0 nodad
ip -n client addr add 10.78.0.254/24 dev r0
ip -n client addr add fd78::fe/64 dev r0 nodad
ip -n far link set f0 up
ip -n client link set r0 up
ip -n far route add default via 10.78.0.254
ip -n far -6 route add default via fd78::fe

in_far() { ip netns exec far "$@"; }

# What is too big the first time is lost, as over any kernel's UDP; not the second time.
for host in 10.77.0.2 fd77::2; do
	serve server "${port[@]}" -l :9000 -H echo
	in_far "$python" "$here/echo_client.py" $host 9000 20 0 1200 || fail "$host: what fits"
	! in_far timeout 0.5 "$python" "$here/echo_client.py" $host 9000 1 1400 1400 \
		>"$tmp/first.log" || fail "$host: the path is not narrow: this test tests nothing"
	in_far "$python" "$here/echo_client.py" $host 9000 20 1280 1472 1 || fail "$host: 1472"
	in_far "$python" "$here/echo_client.py" $host 9000 20 0 60000 1 || fail "$host: 60000"
	stop_serve
	# The far host's datagrams come in fragments, too.
	ledger balanced 'handled == 61' 'sent == 61' 'drops == not_our_ip' 'answered > 200'
done
