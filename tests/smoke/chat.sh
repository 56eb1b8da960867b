#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# chat.sh socket|uring|dpdk: members of all kinds in one chat: `nc -u`, a tutorial's Python client,
# many Python members in a tree of rooms. Drawing: make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

# A line from nc, with so many seconds to come.
hear() {
	local line

	read -r -t 5 line <&"${NC[0]}" || fail "nc hears nothing; \"$1\" was expected"
	# shellcheck disable=SC2053 # $1 is a pattern
	[[ $line == $1 ]] || fail "nc hears \"$line\", not \"$1\""
	heard=$line
}

backend=$1
needs_tool nc
make_wire_for "$backend"
serve server "${port[@]}" -l :9000 -H chat,rate=1000,burst=1000

coproc NC { exec ip netns exec client nc -u 10.77.0.2 9000; }
echo "who" >&"${NC[1]}"
hear "err say join NAME"
echo "join nina" >&"${NC[1]}"
hear "proof =????????"
echo "join nina ${heard#proof }" >&"${NC[1]}"
hear "ok joined nina / last 0 history 0 tag 0"
echo "say are you there" >&"${NC[1]}"
hear "ok"
hear "1 / nina: are you there"
in_client "$python" "$here/chat_tutorial.py" 10.77.0.2 9000 paul "hello nina" 0.5 \
	>"$tmp/paul.log" 2>&1 || fail "the tutorial's client"
hear "2 / \\* paul joined"
hear "3 / paul: hello nina"
hear "4 / \\* paul left"
grep -qx "2 / paul: hello nina" "$tmp/paul.log" || fail "paul does not hear himself"
printf '%s\n' "from a pipe" "/who" "/to nina psst" |
	in_client "$volley" chat -n pipe 10.77.0.2:9000 >"$tmp/pipe.out" 2>"$tmp/pipe.err" ||
	fail "volley chat in a pipe"
hear "5 / \\* pipe joined"
hear "6 / pipe: from a pipe"
hear "7 @ pipe: psst"
hear "8 / \\* pipe left"
grep -qx "/ nina: are you there" "$tmp/pipe.out" || fail "volley chat does not get the history"
grep -qx "/ pipe: from a pipe" "$tmp/pipe.out" || fail "volley chat does not hear itself"
grep -q "^members / 2 " "$tmp/pipe.out" || fail "volley chat does not show an answer"
! in_client "$volley" chat -n nina 10.77.0.2:9000 </dev/null >"$tmp/twice.out" 2>&1 ||
	fail "volley chat joins with a name that is taken"
grep -qx "volley chat: refused: that name is taken" "$tmp/twice.out" || fail "no word of it"
echo "leave" >&"${NC[1]}"
hear "ok left"
kill "$NC_PID"
stop_serve

serve server "${port[@]}" -l :9000 -H chat,rate=1000,burst=1000,notices=0,history=0
echo garbage | in_client nc -u -q 0 10.77.0.2 9000
in_client "$python" "$here/chat_peers.py" 10.77.0.2 9000 60 || fail "members over IPv4"
in_client "$python" "$here/chat_peers.py" fd77::2 9000 60 || fail "members over IPv6"
stop_serve
ledger balanced 'malformed == 1' \
	'{m["name"]: m["value"] for m in metrics}["copies"] == 720' \
	'{m["name"]: m["value"] for m in metrics}["repeated"] == 24' \
	'{m["name"]: m["value"] for m in metrics}["members"] == 0'
