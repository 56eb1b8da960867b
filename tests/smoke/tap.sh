#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# tap.sh socket|uring|dpdk WORKERS: volley tap sees what a running server receives, sends and drops,
# and why, whatever passes by the kernel; who may tap, how it ends, and that nothing is left behind.
. "$(dirname "$0")/lib.sh"

backend=$1 workers=$2
needs_tool tshark tcpdump setpriv
make_wire_for "$backend"
interface=s0
if [[ $backend == dpdk ]]; then
	interface=af_packet:s0 # all frames come, those that are not ours too
	port=(-b dpdk -d "$interface" -a 10.77.0.2/24 -a fd77::2/64 --dad 0)
fi

# start_tap NAME ARGUMENT...: in the background, its file NAME.pcapng; $tap is its process.
start_tap() {
	local name=$1

	shift
	: >"$tmp/$name.err"
	ip netns exec server "$volley" tap -w "$tmp/$name.pcapng" "$@" "$server" \
		2>"$tmp/$name.err" &
	tap=$!
}

is_attached() {
	await 10 grep -q 'attached to' "$tmp/$1.err" || fail "the tap $1 is not attached"
}

tap() {
	start_tap "$@"
	is_attached "$1"
}

end_tap() {
	local status=0

	await 20 is_gone "$tap" || fail "volley tap still runs"
	wait "$tap" || status=$?
	((status == $1)) || fail "volley tap ended with status $status"
}

# talk COUNT: lines that begin with a, which are answered, and with b, which are dropped, in turn,
# two by IPv4 and two by IPv6.
talk() {
	in_client "$python" - "$1" <<-'END' || fail "not the answers expected"
		import socket, sys
		ways = (socket.AF_INET, '10.77.0.2'), (socket.AF_INET6, 'fd77::2')
		for i in range(int(sys.argv[1])):
		    family, host = ways[i // 2 % 2]
		    with socket.socket(family, socket.SOCK_DGRAM) as s:
		        s.settimeout(10)
		        s.bind(('', 20000 + i))
		        s.sendto((b'a' if i % 2 == 0 else b'b') * (i + 1), (host, 9000))
		        if i % 2 == 0:
		            assert len(s.recv(65535)) == i + 1, i
	END
}

# packets COUNT FILE FILTER: so many packets of the file are those of tcpdump's filter.
packets() {
	local count

	count=$(tcpdump -n -r "$tmp/$2.pcapng" "$3" 2>>"$tmp/tcpdump.log" | wc -l)
	((count == $1)) || fail "$count packets of $2 are $3, not $1"
}

serve server "${port[@]}" -l :9000 -w "$workers" -H "$build/tests/smoke/plugins/undecided.so"
tap all
if [[ $backend == dpdk ]]; then
	# Two of a protocol that nobody speaks: frames that are no datagrams.
	in_client "$python" -c "import socket
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
for i in range(2): s.sendto(b'none', ('10.77.0.2', 0))"
fi
talk 20
kill -INT "$tap"
end_tap 0
grep -Eq '[0-9]+ packets written, 0 missed' "$tmp/all.err" || fail "the counts are not said"
tshark -r "$tmp/all.pcapng" -o udp.check_checksum:TRUE -o ip.check_checksum:TRUE -T fields \
	-e frame.packet_flags_direction -e frame.interface_name -e frame.comment \
	-e frame.packet_id -e udp.srcport -e udp.dstport -e udp.payload -e udp.checksum.status \
	-Y 'udp.port == 9000' >"$tmp/all.txt" 2>>"$tmp/tshark.log" || fail "tshark does not read it"
"$python" - "$tmp/all.txt" "$interface" <<'END' || fail "not what has passed"
import sys
rows = [line.rstrip('\n').split('\t') for line in open(sys.argv[1])]
place = {'in': {}, 'out': {}, 'drop': {}}
for direction, interface, comment, number, source, target, payload, checksum in rows:
    assert interface == sys.argv[2], interface
    assert checksum == '1', (source, target)
    outwards = int(direction, 0) == 2
    client = int(target if outwards else source)
    assert (source if outwards else target) == '9000'
    what = 'drop' if comment else 'out' if outwards else 'in'
    if comment:
        assert comment == 'dropped: undecided (left without a fate by a handler)', comment
    assert client not in place[what], (what, client)
    place[what][client] = number, bytes.fromhex(payload)
everybody = range(20000, 20020)
assert sorted(place['in']) == list(everybody), place['in'].keys()
assert sorted(place['out']) == list(everybody)[::2], place['out'].keys()
assert sorted(place['drop']) == list(everybody)[1::2], place['drop'].keys()
for client in everybody:
    text = (b'b' if client % 2 else b'a') * (client - 20000 + 1)
    assert place['in'][client][1] == text, client
    if client % 2:
        assert place['drop'][client] == place['in'][client], client
    else:
        assert place['out'][client][1] == text, client
END
packets 40 all 'udp port 9000'
if [[ $backend == dpdk ]]; then
	packets 2 all 'ip proto 253'
	(($(grep -aoc 'dropped: ip_protocol' "$tmp/all.pcapng") > 0)) || fail "no dropped frames"
fi

# Filters, each beside the others, and a program behind that has seen enough.
start_tap some --prefix 10.77.0.0/24 --points in,drop -s 4
first=$tap
start_tap one --port 20005 -n 2
second=$tap
ip netns exec server "$volley" tap --prefix fd77::1 --points out "$server" 2>"$tmp/pipe.err" |
	tshark -l -c 3 -r - -T fields -e ipv6.dst >"$tmp/pipe.txt" 2>"$tmp/pipe.log" &
pipe=$!
for name in some one pipe; do is_attached $name; done
talk 20
tap=$second
end_tap 0
kill -TERM "$first"
tap=$first
end_tap 0
await 10 is_gone "$pipe" || fail "tshark does not end"
[[ $(<"$tmp/pipe.txt") == $'fd77::1\nfd77::1\nfd77::1' ]] || fail "a pipe gives something else"
packets 15 some 'udp and dst net 10.77.0.2 and dst port 9000' # 10 that came, 5 of them dropped
packets 15 some 'ip or ip6'
! grep -aqE 'a{5}|b{5}' "$tmp/some.pcapng" || fail "there is more of a payload than asked for"
packets 2 one 'udp port 20005'
packets 2 one 'ip or ip6'

# As many as there may be, a killed one makes room, a stranger has no business here.
start_tap a
first=$tap
for name in b c d; do start_tap $name; done
for name in a b c d; do is_attached $name; done
# refused WHY COMMAND...
refused() {
	local why=$1

	shift
	! ip netns exec server "$@" "$volley" tap -t 1 -w /dev/null "$server" \
		2>"$tmp/refused.err" || fail "let in: $*"
	grep -q "$why" "$tmp/refused.err" || fail "not told why: $(<"$tmp/refused.err")"
}
refused 'as often as it can be' env
refused 'its own user and root only' setpriv --reuid=65534 --clear-groups
kill -KILL "$first"
attached_again() {
	ip netns exec server "$volley" tap -t 0.1 -w /dev/null "$server" 2>"$tmp/e.err"
}
await 10 attached_again || fail "a killed tap makes no room"

# The server's end is theirs.
stop_serve
end_tap 0
grep -q 'has ended' "$tmp/d.err" || fail "a tap does not say why it ends"
if [[ $backend == dpdk ]]; then
	ledger balanced 'undecided == 20' 'ip_protocol == 2'
else
	ledger balanced 'received == 40' 'sent == 20' 'undecided == 20' 'drops == 20'
fi
grep -q "tapped by process $first of user 0" "$tmp/serve.err" || fail "it is not said who taps"

serve server "${port[@]}" -l :9000 --no-tap -H echo
refused 'started with --no-tap' env
stop_serve
