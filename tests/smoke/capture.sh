#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# capture.sh: what the handler `capture` writes, tshark reads: addresses, ports, payloads,
# direction, checksums and times, of IPv4 and IPv6, in files that are turned over; why something was
# dropped; from several workers, over io_uring and dpdk; and that a full disk is said.
. "$(dirname "$0")/lib.sh"

needs_tool tshark tcpdump
cat >"$tmp/ask.py" <<'END'
import socket, sys
for number in range(100):
    family, host = ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1'))[number % 2]
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.bind((host, 20000 + number))
        payload = b'%03d' % number * (number + 1)
        sock.sendto(payload, (host, 9000))
        assert sock.recv(65535) == payload.upper(), number
END

started=$(date +%s)
serve - -b socket -l :9000 -H "capture,file=$tmp/all.pcapng,file-bytes=8k,files=100" \
	-H "capture,file=$tmp/some,prefix=::1,port=20011" -H "$build/apps/plugins/upper.so"
"$python" "$tmp/ask.py" || fail "an answer did not come"
stop_serve
ledger balanced 'handled == 100'
"$python" - "$tmp/serve.out" <<'END' || fail "the metrics are not as expected"
import json, sys
metrics = [json.loads(line) for line in open(sys.argv[1]) if line[0] == '{'][-1]['metrics']
seen = {(row['position'], row['name']): row['value'] for row in metrics}
assert seen[0, 'captured'] == seen[0, 'written'] == 200, seen
assert seen[0, 'missed'] == seen[0, 'lost'] == seen[0, 'filtered'] == 0, seen
assert seen[0, 'files'] > 2, seen
assert (seen[1, 'written'], seen[1, 'filtered']) == (2, 198), seen
END

show() {
	local file

	for file; do
		tshark -r "$file" -o udp.check_checksum:TRUE -o ip.check_checksum:TRUE -T fields \
			-e frame.packet_flags_direction -e ip.src -e ipv6.src -e udp.srcport \
			-e ip.dst -e ipv6.dst -e udp.dstport -e udp.payload -e udp.checksum.status \
			-e frame.time_epoch -e frame.interface_name 2>>"$tmp/tshark.log" ||
			fail "tshark does not read $file"
	done
}
show "$tmp"/all_*.pcapng >"$tmp/all.txt"
show "$tmp"/some_*.pcapng >"$tmp/some.txt"
"$python" - "$tmp/all.txt" "$tmp/some.txt" "$started" <<'END' || fail "tshark reads something else"
import sys, time
rows = [line.rstrip('\n').split('\t') for line in open(sys.argv[1])]
assert len(rows) == 200, len(rows)
last = 0
for index, row in enumerate(rows):
    number, outwards = divmod(index, 2)
    host = ('127.0.0.1', '::1')[number % 2]
    client, server = [host, str(20000 + number)], [host, '9000']
    direction, *rest, payload, checksum, when, interface = row
    ends = [rest[0] or rest[1], rest[2], rest[3] or rest[4], rest[5]]
    assert int(direction, 0) == 1 + outwards, row
    assert ends == (server + client if outwards else client + server), row
    assert bytes.fromhex(payload) == b'%03d' % number * (number + 1), row
    assert checksum == '1', row
    assert int(sys.argv[3]) <= float(when) <= time.time() and float(when) >= last, row
    assert interface == 'lo', row
    last = float(when)
some = [line.split('\t')[3:7:3] for line in open(sys.argv[2])]
assert some == [['20011', '9000'], ['9000', '20011']], some
END

# What a handler behind it drops is there twice: as it came, and once more with the reason.
serve - -b socket -l :9000 -H "capture,file=$tmp/drops" -H "$build/tests/smoke/plugins/undecided.so"
"$python" - <<'END' || fail "an answer did not come"
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.settimeout(5)
    sock.connect(('127.0.0.1', 9000))
    for text in (b'bad', b'bed', b'ask'):
        sock.send(text)
    assert sock.recv(100) == b'ask'
END
stop_serve
ledger balanced 'received == 3' 'undecided == 2'
tshark -r "$tmp"/drops_00001.pcapng -T fields -e frame.packet_flags_direction -e udp.payload \
	-e frame.comment -e frame.packet_id >"$tmp/drops.txt" 2>>"$tmp/tshark.log" ||
	fail "tshark does not read the drops"
"$python" - "$tmp/drops.txt" <<'END' || fail "the drops are not as expected"
import sys
rows = [line.rstrip('\n').split('\t') for line in open(sys.argv[1])]
reason = 'dropped: undecided (left without a fate by a handler)'
came = [row for row in rows if row[0].endswith('1') and not row[2]]
dropped = [row for row in rows if row[2]]
assert [bytes.fromhex(row[1]) for row in came] == [b'bad', b'bed', b'ask'], rows
assert [row[:2] for row in dropped] == [row[:2] for row in came[:2]], rows
assert all(row[2] == reason for row in dropped), rows
assert [row[3] for row in dropped] == [row[3] for row in came[:2]], rows
assert [bytes.fromhex(row[1]) for row in rows if row[0].endswith('2')] == [b'ask'], rows
assert len(rows) == 6 and len({row[3] for row in came}) == 3, rows
END

# packets FILE FILTER: how many of a file tcpdump's filter takes.
packets() {
	tcpdump -n -r "$1" "$2" 2>>"$tmp/tcpdump.log" | wc -l
}

# A full disk is said, once a second at most, and costs nobody an answer.
mkdir "$tmp/small"
mount -t tmpfs -o size=16k none "$tmp/small"
serve - -b socket -l :9000 -H "capture,file=$tmp/small/full" -H "$build/apps/plugins/upper.so"
"$python" "$tmp/ask.py" || fail "an answer did not come"
await 10 grep -q "handler 'capture': .*/small/full: No space left on device; .* make room" \
	"$tmp/serve.err" || fail "a full disk is not said"
stop_serve
ledger balanced 'handled == 100'
(($(packets "$tmp/small/full_00001.pcapng" udp) > 0)) || fail "what was written cannot be read"

# Workers have files of their own, a flow is in one of them.
if [[ ${VLY_URING:-1} == 1 ]]; then
	serve - -b uring -q 2 -w 2 -l :9000 -H "capture,file=$tmp/two" \
		-H "$build/apps/plugins/upper.so"
	"$python" "$tmp/ask.py" || fail "an answer did not come"
	stop_serve
	ledger balanced 'handled == 100'
	for worker in 0 1; do
		count[worker]=$(packets "$tmp/two-${worker}_00001.pcapng" udp)
		flow[worker]=$(packets "$tmp/two-${worker}_00001.pcapng" 'udp port 20011')
	done
	((count[0] + count[1] == 200 && count[0] && count[1])) || fail "not all: ${count[*]}"
	((flow[0] + flow[1] == 2 && flow[0] != 1)) || fail "a flow is in two files: ${flow[*]}"
fi

# Past the kernel, as fast as they can be read from memory.
if [[ ${VLY_DPDK:-1} == 1 ]]; then
	"$python" "$here/dpdk_pcap.py" write "$tmp/in.pcap" 500 || fail "scapy"
	serve - -b dpdk -d "pcap:$tmp/in.pcap" -o replay=once -a 10.0.0.1/24 -a fd00::1/64 \
		-l :9000 -o mac=02:00:00:00:00:02 -H "capture,file=$tmp/past" -H echo
	await 10 test -s "$tmp/past_00001.pcapng" || fail "nothing is written"
	sleep 0.3
	stop_serve
	ledger balanced 'handled == sent == 500'
	[[ $(packets "$tmp/past_00001.pcapng" udp) == 1000 ]] || fail "not what was replayed"
	grep -aq "pcap:$tmp/in.pcap" "$tmp/past_00001.pcapng" || fail "the interface is not named"
fi
