#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Without privileges or huge pages, and several at a time: two servers and their clients, one pair
# of each of two ordinary users without any capability, beside a pair of root's. None is in the way
# of another, and nothing stays behind.
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
cp "$volley" "$tmp/volley" # where every user may read it

# as USER COMMAND...: in the background, where it takes the place of the shell.
as() {
	exec setpriv --reuid="$1" --regid="$1" --clear-groups --inh-caps=-all \
		--bounding-set=-all "${@:2}"
}

users=(0 65533 65534)
servers=()
clients=()
for user in "${users[@]}"; do
	mkdir "$tmp/of$user"
	chown "$user" "$tmp/of$user"
	as "$user" "$tmp/volley" serve --json -b dpdk -d "vhost-user:$tmp/of$user/pair" \
		-a 10.0.0.1/24 -l :9000 -H echo >"$tmp/serve$user.out" 2>"$tmp/serve$user.err" &
	servers+=($!)
done
for user in "${users[@]}"; do
	await 10 grep -q '^ready:' "$tmp/serve$user.out" || fail "user $user: no ready line"
	as "$user" "$tmp/volley" ping --json -b dpdk -d "virtio-user:$tmp/of$user/pair" \
		-a 10.0.0.2/24 --timeout 5 -n 1000 10.0.0.1:9000 \
		>"$tmp/ping$user.out" 2>"$tmp/ping$user.err" &
	clients+=($!)
done
for client in "${clients[@]}"; do
	wait "$client" || fail "a client had no answer"
done

# ends USER PID: the server stops, its books are in order, and nothing of it is left.
ends() {
	kill -INT "$2"
	wait "$2" || fail "user $1: the server ended with status $?"
	"$python" "$here/ledger.py" "$tmp/serve$1.out" balanced 'sent == 1000' ||
		fail "user $1: the server's ledger"
	"$python" "$here/ledger.py" "$tmp/ping$1.out" 'sent == received == 1000' ||
		fail "user $1: answers were lost"
	[[ ! -s $tmp/serve$1.err ]] || fail "user $1: the server chatters"
	[[ ! -e $tmp/of$1/pair ]] || fail "user $1: the socket stayed"
}
for i in "${!users[@]}"; do
	ends "${users[i]}" "${servers[i]}"
done
