#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# split.sh socket|uring: a round trip in its parts. A server that is stopped for a while makes the
# kernel's part long and no other; one that tells nothing is told from one that does.
# Drawing: make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

backend=$1
make_wire_for "$backend"

# ping EXPRESSION...: of the JSON object of a ping with --split; p is its parts, rtt its round trip.
ping() {
	in_client "$volley" ping -b "$backend" --split --json --idle block "${count[@]}" \
		10.77.0.2:9000 >"$tmp/ping.out" 2>"$tmp/ping.err" ||
		fail "ping: $(<"$tmp/ping.err")"
	"$python" - "$tmp/ping.out" "$@" <<-'PYTHON' || fail "the parts are not as expected"
		import json, sys
		answer = json.load(open(sys.argv[1]))
		names = {"p": answer["parts_ns"], "rtt": answer["rtt_ns"]}
		wrong = [text for text in sys.argv[2:] if not eval(text, {}, names)]
		sys.exit("not so: %s: %s" % (wrong, answer) if wrong else 0)
	PYTHON
}

serve server "${port[@]}" -o timestamps=software --idle block -l :9000 -H echo,times
count=(-n 200)
ping 'p["handler"]["mean"] > 0' 'p["kernel"]["mean"] > 0' 'p["wire"]["mean"] > 0' \
	'abs(p["wire"]["mean"] + p["kernel"]["mean"] + p["handler"]["mean"] - rtt["mean"]) < 1000'
count=(-n 1 --timeout 5)
kill -STOP "$server"
(sleep 0.5; kill -CONT "$server") &
ping 'rtt["max"] > 2e8' 'p["kernel"]["max"] > 0.9 * rtt["max"]' \
	'p["wire"]["max"] < 0.1 * rtt["max"]'
stop_serve
ledger balanced 'drops == 0'

serve server "${port[@]}" -l :9000 -H echo
count=(-n 20)
ping 'p["handler"] is None' 'p["wire"]["mean"] > 0'
in_client "$volley" ping -b "$backend" --split -n 5 10.77.0.2:9000 >"$tmp/ping.out" || fail "ping"
grep -q 'serve there with -H echo,times' "$tmp/ping.out" || fail "it is not said who tells nothing"
! in_client "$volley" ping -b "$backend" --split -s 31 -n 5 10.77.0.2:9000 2>"$tmp/ping.err" ||
	fail "31 bytes have no room"
grep -q -- '--size 32 or more' "$tmp/ping.err" || fail "the size is not named"
stop_serve
