#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A capture is replayed once, and what is sent becomes another: as many datagrams as went in, each
# with its addresses exchanged and its payload whole, as scapy reads them.
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
"$python" "$here/dpdk_pcap.py" write "$tmp/in.pcap" 500 || fail "scapy"
serve - -b dpdk -d "pcap:$tmp/in.pcap" -o replay=once -o "capture=$tmp/out.pcap" -a 10.0.0.1/24 \
	-a fd00::1/64 -l :9000 -H echo -o mac=02:00:00:00:00:02
sleep 0.3
stop_serve
ledger balanced 'received == 501' 'handled == sent == 500' 'no_listener == 1'
"$python" "$here/dpdk_pcap.py" check "$tmp/out.pcap" 500 || fail "the capture is not as expected"

# Without: for ever.
serve - -b dpdk -d "pcap:$tmp/in.pcap" -a 10.0.0.1/24 -a fd00::1/64 -l :9000 -H sink \
	-o mac=02:00:00:00:00:02
sleep 0.3
stop_serve
ledger balanced 'received > 5010' 'handled > 5000'
