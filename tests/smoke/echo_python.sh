#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# echo_python.sh socket|uring|dpdk: a plain Python client gets each of 10,000 datagrams back, over
# IPv4 and IPv6, and the server's ledger knows of exactly as many. Drawing: make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

backend=$1
make_wire_for "$backend"
serve server "${port[@]}" -l :9000 -H echo

# 1472 and 1452 bytes fill an Ethernet frame.
in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 5000 0 1472 || fail "IPv4 echo"
in_client "$python" "$here/echo_client.py" fd77::2 9000 5000 0 1452 || fail "IPv6 echo"
stop_serve
ledger balanced 'handled == 10000' 'sent == 10000' \
	'drops == not_our_ip + not_our_mac + ethertype + ndp + icmp'
[[ $backend == dpdk ]] || ledger 'received == 10000'

# The largest payload of IPv4, which the kernel takes apart and puts together; IPv6 has 20 less.
[[ $backend != dpdk ]] || exit 0
serve server "${port[@]}" -l :9000 -H echo
in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 50 60000 65507 1 || fail "IPv4, largest"
in_client "$python" "$here/echo_client.py" fd77::2 9000 50 60000 65487 1 || fail "IPv6, largest"
stop_serve
ledger balanced 'handled == received == 100'
