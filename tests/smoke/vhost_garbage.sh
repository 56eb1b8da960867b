#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Peers that speak garbage on the socket of a virtio pair. A server cuts them off, says so in a line
# now and then, and serves the next good one; a client gives up with one line. Nobody crashes, hangs
# or gathers what they leave.
#
#     VLY_TEST_SEED    the first of the clients' seeds (1)
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
clients=60
first=${VLY_TEST_SEED:-1}
garbage=("$python" "$here/vhost_garbage.py")
wire=$tmp/wire

open_files() { find "/proc/$server/fd" -type l | wc -l; }

serve - -b dpdk -d "vhost-user:$wire" -a 10.0.0.1/24 -l :9000 -H echo
before=$(open_files)
echo "seeds from $first"
timeout 60 "${garbage[@]}" client "$wire" "$first" "$clients" ||
	fail "the garbage's end did not come"
! is_gone "$server" || fail "the server has died of it"
timeout 30 "$volley" ping -b dpdk -d "virtio-user:$wire" -a 10.0.0.2/24 -n 1000 10.0.0.1:9000 \
	>"$tmp/ping.out" 2>&1 || fail "the good peer after them was not served"
# DPDK forgets the descriptors of a message that brings more than it takes: few, but some.
(($(open_files) - before <= clients / 10)) || fail "$before files open before, $(open_files) now"
stop_serve
ledger balanced 'sent == 1000'
grep -q 'has trouble with a peer: ' "$tmp/serve.err" ||
	fail "it did not say what it thinks of them"
grep -q 'taken back memory' "$tmp/serve.err" || fail "it did not say that memory was taken back"
(($(wc -l <"$tmp/serve.err") < 60)) || fail "it chatters"

# Any other SIGBUS means what it does everywhere.
serve - -b dpdk -d "vhost-user:$wire" -a 10.0.0.1/24 -l :9000 -H echo
kill -BUS "$server"
status=0
wait "$server" || status=$?
((status == 128 + 7)) || fail "SIGBUS by hand: status $status"

for kind in $("${garbage[@]}" server -); do
	start_peer "$kind" "${garbage[@]}" server "$wire.$kind" "$kind"
	await 5 grep -q listens "$tmp/$kind.log" || fail "$kind: no server"
	status=0
	timeout 20 "$volley" ping -b dpdk -d "virtio-user:$wire.$kind" -o wait=500ms \
		-a 10.0.0.2/24 --timeout 0.2 -n 1 10.0.0.1:9000 >"$tmp/$kind.out" \
		2>"$tmp/$kind.err" || status=$?
	echo "$kind: $status, $(<"$tmp/$kind.err")"
	((status == 1)) || fail "$kind: status $status"
	(($(wc -l <"$tmp/$kind.err") == 1)) || fail "$kind: not one line"
	stop_peer
done
