#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# metrics.sh: `volley serve --metrics` asked by Prometheus' own parser (metrics_scrape.py) while
# datagrams are answered: pages are whole and true, counters never go back, and neither garbage nor
# clients that never finish keep others from being answered, or cost a datagram.
. "$(dirname "$0")/lib.sh"

alarm=$build/tests/smoke/plugins/alarm.so
[[ ${VLY_METRICS:-1} == 1 ]] || skip "built without libmicrohttpd"
"$python" -c 'import prometheus_client' 2>/dev/null ||
	skip "no python3-prometheus-client here; run scripts/setup"

scrape() {
	"$python" "$here/metrics_scrape.py" "$@" >"$tmp/scrape.log" 2>&1 || fail "scrape: $*"
}

# No connection is left open, and none of a client's.
is_quiet() { [[ $(find "/proc/$server/fd" -lname 'socket:*' | wc -l) == "$sockets" ]]; }

serve - -b socket -l 127.0.0.1:9000 -w 2 -H "$alarm" -H "$alarm" -H echo --budget-us 100000 \
	--metrics :9900
grep -q '; metrics at \[::\]:9900$' "$tmp/serve.out" || fail "the ready line names no metrics"
sockets=$(find "/proc/$server/fd" -lname 'socket:*' | wc -l)

"$volley" ping -b socket -n 1000 127.0.0.1:9000 >"$tmp/ping.out" || fail "no answers"
scrape http 9900
scrape page 9900 'volley_datagrams_received_total{port="0"} == 1000' \
	'volley_datagrams_sent_total{port="0"} == 1000' \
	'volley_datagrams_dropped_total{port="0",reason="ring_full"} == 0' \
	'volley_queue_received_total{port="0",queue="0"} == 1000' \
	'volley_handler_alarm_fired_total{handler="alarm",position="1"} > 0' \
	'volley_handler_alarm_late_ns_count{handler="alarm",position="0"} > 0' \
	'volley_burst_overruns_total{handler="echo",position="2",worker="1"} == 0' \
	'volley_reloads_total{result="success"} == 0'

# All at once, while a load goes on: garbage, more clients than there are connections that never
# finish, and readers.
start_peer load "$volley" load -b socket -r 2k -t 2 --json 127.0.0.1:9000
scrape hostile 9900
scrape together 9900
kill -HUP "$server"
await 10 grep -q 'loaded anew' "$tmp/serve.err" || fail "no reload"
wait "$peer" || fail "the load failed"
grep -q '"lost":0[,}]' "$tmp/load.log" || fail "datagrams were lost: $(<"$tmp/load.log")"
scrape page 9900 'volley_reloads_total{result="success"} == 1' \
	'volley_datagrams_received_total{port="0"} > 1000'
await 15 is_quiet || fail "connections stay open: $(ls -l "/proc/$server/fd")"
stop_serve
ledger balanced 'drops == 0'
