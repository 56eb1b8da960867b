#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Datagrams larger than a frame, between a kernel's sockets and dpdk: of every size both ways, large
# pings, and a path that is narrower than the link. Drawing: make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

make_wire_for dpdk
serve server "${port[@]}" -l :9000 -H echo
in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 200 0 65507 1 || fail "IPv4 echo"
in_client "$python" "$here/echo_client.py" fd77::2 9000 200 0 65487 1 || fail "IPv6 echo"
in_client ping -c 5 -i 0.05 -W 5 -s 20000 10.77.0.2 >"$tmp/ping4.log" || fail "ping -s 20000"
in_client ping -c 5 -i 0.05 -W 5 -s 65507 10.77.0.2 >"$tmp/ping4l.log" || fail "ping -s 65507"
in_client ping -6 -c 5 -i 0.05 -W 5 -s 20000 fd77::2 >"$tmp/ping6.log" || fail "ping -6 -s 20000"
for log in ping4 ping4l ping6; do
	grep -q ' 0% packet loss' "$tmp/$log.log" || fail "$log: packets were lost"
done
stop_serve
# One datagram is handled and sent once, in however many frames it came and went.
ledger balanced 'handled == 400' 'sent == 400' 'answered > 400' 'fragment_timeout == 0'
