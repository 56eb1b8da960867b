#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# python.sh socket|uring|dpdk: the Python module. Its examples, as they are and as the plain Python
# programs that they become by another import, talk to each other and to volley serve; dpdk: over
# virtio pairs, without the kernel.
. "$(dirname "$0")/lib.sh"

backend=$1
needs_backend "$backend"
examples=$root/apps/python/examples
export PYTHONPATH=$root/apps/python PYTHONDONTWRITEBYTECODE=1
export VOLLEY_LIBRARY=$build/engine/libvolley.so

# run NAME ARGUMENT...: an example, which must succeed; its output is in NAME.log.
run() {
	timeout 30 "$python" "$@" >"$tmp/${1##*/}.log" 2>&1 || fail "${1##*/} ${*:2}: status $?"
}
listens() { grep -qs listening "$tmp/$1.log"; }
start_server() {
	start_peer server "$python" "$@"
}
says() { grep -q -- "$2" "$tmp/$1.log" || fail "$1 does not say: $2"; }

# talk HOST: the chat between two clients of it, each on a socket of its own.
talk() {
	mkfifo "$tmp/to_anna"
	"$python" "$examples/chat_client.py" "$1" 9000 anna <"$tmp/to_anna" >"$tmp/anna.log" 2>&1 &
	peer=$!
	exec 9>"$tmp/to_anna"
	await 10 grep -q 'ok joined' "$tmp/anna.log" || fail "anna is not in"
}

if [[ $backend == dpdk ]]; then
	pair() { echo "backend=dpdk device=$1-user:$tmp/python.sock address=10.0.0.$2/24"; }
	serve - -b dpdk -d "vhost-user:$tmp/python.sock" -a 10.0.0.1/24 -l :9000 -H echo
	VOLLEY_PORT=$(pair virtio 2) run "$examples/echo_client.py" 10.0.0.1 9000 200
	says echo_client.py '200 answers from 10.0.0.1 port 9000'
	VOLLEY_PORT=$(pair virtio 2) run "$examples/event_driven.py" client 10.0.0.1 9000 200
	says event_driven.py '200 answers of 200'
	stop_serve
	ledger balanced 'handled == 400'

	serve - -b dpdk -d "vhost-user:$tmp/python.sock" -a 10.0.0.1/24 -l :9000 -H chat
	VOLLEY_PORT=$(pair virtio 2) talk 10.0.0.1
	echo hello >&9
	await 10 grep -q 'anna.*hello' "$tmp/anna.log" || fail "what anna says does not come back"
	exec 9>&-
	wait "$peer" || fail "the chat client failed"
	stop_serve
	ledger balanced

	VOLLEY_PORT=$(pair vhost 1) start_server "$examples/echo_server.py" 10.0.0.1
	await 20 listens server || fail "the echo server does not listen"
	answer=$("$volley" call -b dpdk -d "virtio-user:$tmp/python.sock" -a 10.0.0.2/24 \
		10.0.0.1:9000 hello) || fail "volley call: no answer from Python over dpdk"
	[[ $answer == hello ]] || fail "not the answer expected: $answer"
	stop_peer
	exit 0
fi

export VOLLEY_PORT=backend=$backend
run "$here/python_checks.py"

# With the import changed they are plain programs.
for name in echo_server echo_client chat_client; do
	sed 's/^import volley as socket$/import socket/' "$examples/$name.py" >"$tmp/plain_$name.py"
	! grep -q 'import volley' "$tmp/plain_$name.py" || fail "$name.py imports otherwise"
done

for address in 127.0.0.1 ::1; do
	start_server "$examples/echo_server.py" "$address" 9001
	await 20 listens server || fail "the echo server does not listen"
	run "$tmp/plain_echo_client.py" "$address" 9001 300
	says plain_echo_client.py '300 answers'
	run "$examples/echo_client.py" "$address" 9001 300
	says echo_client.py '300 answers'
	stop_peer
	# On a port of its own: a ring lets go of its socket some time after its process has ended.
	start_server "$tmp/plain_echo_server.py" "$address" 9002
	await 20 listens server || fail "the plain echo server does not listen"
	run "$examples/echo_client.py" "$address" 9002 300
	stop_peer
done

start_server "$examples/event_driven.py" server 127.0.0.1 9001
await 20 listens server || fail "the event-driven server does not listen"
run "$tmp/plain_echo_client.py" 127.0.0.1 9001 300
run "$examples/event_driven.py" client 127.0.0.1 9001 300
says event_driven.py '300 answers of 300'
stop_peer

serve - -b "$backend" -l :9000 -H echo
run "$examples/echo_client.py" localhost 9000 300
stop_serve
ledger balanced 'handled == 300'

serve - -b "$backend" -l :9000 -H chat
talk 127.0.0.1
echo hello | run "$tmp/plain_chat_client.py" 127.0.0.1 9000 bert
await 10 grep -q 'bert.*hello' "$tmp/anna.log" || fail "what bert says does not reach anna"
exec 9>&-
wait "$peer" || fail "the chat client failed"
stop_serve
ledger balanced
