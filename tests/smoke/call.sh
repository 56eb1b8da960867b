#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# call.sh socket|uring|dpdk: volley call against volley serve (dpdk: over a virtio pair) and, where
# the kernel is the wire, against plain Python; what it prints, and each exit status.
. "$(dirname "$0")/lib.sh"

backend=$1
needs_backend "$backend"
if [[ $backend == dpdk ]]; then
	near=(-b dpdk -d "virtio-user:$tmp/call.sock" -a 10.0.0.2/24)
	far=(-b dpdk -d "vhost-user:$tmp/call.sock" -a 10.0.0.1/24)
	to=10.0.0.1:9000
else
	near=(-b "$backend") far=(-b "$backend")
	to=127.0.0.1:9000
fi

# call STATUS ARGUMENT...: with that exit status; what it printed is in call.out and call.err.
call() {
	local want=$1 status=0

	shift
	"$volley" call "${near[@]}" "$@" >"$tmp/call.out" 2>"$tmp/call.err" || status=$?
	((status == want)) || fail "volley call $*: status $status, not $want"
}
prints() { printf '%b' "$1" | cmp - "$tmp/call.out" || fail "not the answer expected"; }
complains() {
	[[ $(wc -l <"$tmp/call.err") == 1 ]] || fail "not one line on standard error"
	grep -q -- "$1" "$tmp/call.err" || fail "the line does not say: $1"
}

serve - "${far[@]}" -l :9000 -H "$build/apps/plugins/upper.so"
call 0 "$to" hello
prints HELLO
call 0 "$to"
prints ''
printf 'a\0b\n' | call 0 "$to" -
prints 'A\0B\n'
head -c 1400 /dev/zero | tr '\0' x >"$tmp/question"
call 0 -f "$tmp/question" "$to"
tr x X <"$tmp/question" | cmp - "$tmp/call.out" || fail "not the file's bytes"
call 0 --hex "$to" '61 62 ff'
prints '41 42 ff\n'
call 0 --json "$to" 'w'
"$python" -c 'import json, sys
answer = json.load(sys.stdin)
assert (answer["text"], answer["hex"], answer["sent"]) == ("W", "57", 1), answer
assert answer["from"] == sys.argv[1] and answer["rtt_ns"] > 0, answer' "$to" <"$tmp/call.out" ||
	fail "not the object expected"
stop_serve
ledger balanced 'handled == 6'

serve - "${far[@]}" -l :9000 -H sink
call 3 --timeout 20ms --retries 2 --backoff 1 "$to" hello
complains 'sent 3 times'
prints ''
stop_serve
ledger balanced 'handled == 3'

call 2 "$to" one two
complains "not also 'two'"
call 2 --retries many "$to"
complains '--retries'
call 1 --hex "$to" 4x
complains 'position 1'
call 1 -f "$tmp/none" "$to"
complains 'No such file'
head -c 65508 /dev/zero >"$tmp/large"
call 1 -f "$tmp/large" "$to"
complains '65507'
[[ $backend != dpdk ]] || exit 0

call 1 --timeout 20 --retries 0 127.0.0.1:9001 hello
complains 'refuses'

# A server that hears badly, and answers from elsewhere first.
cat >"$tmp/server.py" <<'END'
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(('127.0.0.1', 9002))
print('ready', flush=True)
sock.recvfrom(100)
data, peer = sock.recvfrom(100)
other.sendto(b'wrong', peer)
sock.sendto(b'heard ' + data, peer)
END
start_peer server "$python" "$tmp/server.py"
await 10 grep -q ready "$tmp/server.log" || fail "the Python server did not start"
call 0 --timeout 50ms --retries 20 --backoff 1 localhost:9002 you
prints 'heard you'
wait "$peer" || fail "the Python server failed"
