#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Two queues on an interface of the kernel, which spreads flows over them by their hash (packet(7),
# PACKET_FANOUT): 64 flows are all answered, in order, so both queues are polled and each answers
# by itself. Drawing: make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
make_wire dpdk
serve server -v -b dpdk -d af_packet:s0 -a 10.77.0.2/24 -l :9000 -H echo -q 2 \
	--buffers 16383 -o descriptors=4096
grep -q ', 2 queues' "$tmp/serve.out" || fail "not two queues"
# A kernel keeps only so many datagrams for an address that it still asks for.
in_client ping -c 1 -W 5 10.77.0.2 >"$tmp/ping.log" || fail "ping"
in_client "$python" "$here/flow_order.py" 10.77.0.2 9000 64 200 || fail "flows were not answered"
stop_serve
ledger balanced 'received >= 12800' 'handled == sent == 12800'
tail -n 1 "$tmp/serve.out"
