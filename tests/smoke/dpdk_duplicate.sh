#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# An address that the client's kernel has already, IPv4 or IPv6, is an error that names it and the
# station; one that it takes later is counted, named, and claimed again. Drawing: make_wire in
# lib.sh.
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
make_wire dpdk
mac=$(ip -n client -brief link show c0 | awk '{ print $3 }')
device=(-b dpdk -d af_xdp:s0 -o share=off)

for taken in 10.77.0.1/24 fd77::1/64; do
	status=0
	ip netns exec server "$volley" serve "${device[@]}" -a 10.77.0.2/24 -a "$taken" -l :9000 \
		-H echo -t 5 >"$tmp/taken.out" 2>"$tmp/taken.err" || status=$?
	[[ $status == 1 && $(wc -l <"$tmp/taken.err") == 1 ]] || fail "$taken: status $status"
	grep -q "${taken%/*} is in use by the station $mac" "$tmp/taken.err" ||
		fail "$taken: the error names neither"
done

serve server "${device[@]}" -a 10.77.0.2/24 -l :9000 -H echo
in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 100 || fail "echo before"
in_client "$python" -c "
from scapy.layers.l2 import ARP, Ether
from scapy.sendrecv import sendp
sendp(Ether(dst='ff:ff:ff:ff:ff:ff', src='$mac') / ARP(
    hwsrc='$mac', psrc='10.77.0.2', pdst='10.77.0.2'), iface='c0', verbose=False)" ||
	fail "the claim could not be sent"
await 5 grep -q "$mac claims 10.77.0.2" "$tmp/serve.err" || fail "the claim was not named"
in_client ip neigh flush dev c0
in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 100 || fail "echo after"
stop_serve
ledger balanced 'sent == 200' 'addr_conflict >= 1'
cat "$tmp/serve.err"
