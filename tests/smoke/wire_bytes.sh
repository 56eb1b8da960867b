#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What dpdk puts on the wire, read by somebody else: tcpdump captures at the client's end, tshark
# finds nothing malformed and every checksum good. Drawing: make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

needs_tool tcpdump tshark
make_wire_for dpdk

# Counts the packets of the capture that match a display filter.
count() {
	tshark -r "$tmp/wire.pcap" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
		-Y "$1" 2>"$tmp/tshark.err" | wc -l
}

start_peer tcpdump ip netns exec client tcpdump -i c0 -n -U --immediate-mode -s 2000 -B 65536 \
	-w "$tmp/wire.pcap"
await 10 grep -q 'listening on' "$tmp/tcpdump.log" || fail "tcpdump does not listen"
serve server "${port[@]}" -l :9000 -H echo
in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 200 || fail "IPv4 echo"
in_client "$python" "$here/echo_client.py" fd77::2 9000 200 0 1452 || fail "IPv6 echo"
in_client ping -c 3 -i 0.02 -W 5 10.77.0.2 >"$tmp/ping.log" || fail "ping"
in_client ping -6 -c 3 -i 0.02 -W 5 fd77::2 >"$tmp/ping6.log" || fail "ping -6"
# A port that nobody serves: whatever comes back is well-formed as well.
in_client bash -c 'echo x >/dev/udp/10.77.0.2/9999; echo x >/dev/udp/fd77::2/9999' || true
sleep 0.3
stop_serve
stop_peer INT
ledger balanced 'sent == 400'

ours='(ip.src == 10.77.0.2 || ipv6.src == fd77::2)'
(($(count "$ours && udp && !icmp && !icmpv6") == 400)) || fail "not 400 answers in the capture"
for bad in '_ws.malformed' 'ip.checksum.status == "Bad"' 'udp.checksum.status == "Bad"' \
	'icmp.checksum.status == "Bad"' 'icmpv6.checksum.status == "Bad"' \
	'ipv6 && udp.checksum == 0'; do
	number=$(count "$bad")
	((number == 0)) || {
		tshark -r "$tmp/wire.pcap" -Y "$bad" -V 2>/dev/null | head -n 60
		fail "$number packets with: $bad"
	}
done
(($(count "$ours && (icmp.type == 0 || icmpv6.type == 129)") == 6)) || fail "not 6 echo answers"
