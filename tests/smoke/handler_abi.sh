#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# handler_abi.sh socket|uring|dpdk WORKERS: timers fire while nothing comes, answers pass the
# handlers before, metrics are in the ledger and stay there over a reload, and a handler may send
# the largest datagram.
. "$(dirname "$0")/lib.sh"

backend=$1 workers=$2
alarm=$build/tests/smoke/plugins/alarm.so
needs_backend "$backend"
if [[ $backend == dpdk ]]; then
	port=(-b dpdk -d "vhost-user:$tmp/pair" -a 10.0.0.1/24)
	asker=(-b dpdk -d "virtio-user:$tmp/pair" -a 10.0.0.2/24)
	target=10.0.0.1:9000
else
	port=(-b "$backend")
	asker=(-b "$backend")
	target=127.0.0.1:9000
fi

# value NAME: an expression, the metric of that name.
value() { echo "sum(m['value'] for m in metrics if m['name'] == '$1')"; }
# field NAME FIELD: the same of a histogram.
field() { echo "sum(m['$2'] for m in metrics if m['name'] == '$1')"; }

serve - "${port[@]}" -l :9000 -w "$workers" -H "$alarm" -H echo
"$volley" ping "${asker[@]}" -n 100 "$target" >"$tmp/ping.out" 2>&1 || fail "no answers"
sleep 0.5 # of silence: all threads sleep but for the timer
kill -HUP "$server"
await 10 grep -q 'loaded anew' "$tmp/serve.err" || fail "no reload"
sleep 0.3
stop_serve
# Twice as often as a thread that sleeps through would wake; half of the time, late by less than a
# tenth of the period of what was due.
ledger balanced 'sent == 100' "$(value fired) > $(value due) > 10" \
	"$(value fired) == $(value late_ns)" "$(field late_ns p50) < 5000000" "$(value marked) == 0"

serve - "${port[@]}" -l :9000 -w "$workers" -H "$alarm,large"
"$volley" ping "${asker[@]}" -n 50 -s 60000 "$target" >"$tmp/ping.out" 2>&1 ||
	fail "no large answers"
stop_serve
ledger balanced 'sent == 50' 'originated == 50' 'released == 50'

[[ $backend != dpdk ]] || exit 0
serve - "${port[@]}" -l :9000 -w "$workers" -H "$alarm,mark" -H "$alarm,mark" -H echo
"$python" - <<'END' || fail "the answer is not marked"
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b"hello", ("127.0.0.1", 9000))
assert s.recv(100) == b"~ello"
END
stop_serve
ledger balanced 'sent == 1' "$(value marked) == 2" \
	"[m['position'] for m in metrics if m['name'] == 'marked'] == [0, 1]"
