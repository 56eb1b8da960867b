#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# `volley load` against servers that stop, lie, lose and double, and against sockperf's.
. "$(dirname "$0")/lib.sh"

needs_tool sockperf

# load ARGUMENT...: its status is in $status, its object in load.out, its lines in load.err.
load() {
	status=0
	timeout -k 5 30 "$volley" load -b socket --json "$@" >"$tmp/load.out" 2>"$tmp/load.err" ||
		status=$?
}

# told EXPRESSION...: of the object, and the status is 0.
told() {
	((status == 0)) || fail "volley load ended with status $status"
	"$python" "$here/ledger.py" "$tmp/load.out" "$@" || fail "the figures are not as expected"
}

says() { grep -qF -- "$1" "$tmp/load.err" || fail "no line on standard error says '$1'"; }

# --- a server that stops for a while -------------------------------------------------------------
# Beside it a closed loop, which sees the pause once and asks nothing meanwhile. The pause is as
# long as it is found to be.
serve - -b socket -l 127.0.0.1:9000 -H echo
"$volley" ping -b socket -t 2.5 --json 127.0.0.1:9000 >"$tmp/ping.out" 2>"$tmp/ping.err" &
ping=$!
timeout 30 "$volley" load -b socket --json -r 2000 -t 2 127.0.0.1:9000 \
	>"$tmp/load.out" 2>"$tmp/load.err" &
loader=$!
sleep 1
from=$(date +%s%N)
kill -STOP "$server"
sleep 0.1
kill -CONT "$server"
pause=$(($(date +%s%N) - from))
status=0
wait "$loader" || status=$?
# Where the client was held up at the very end, it has told of what it did not send any more.
told 'sent == received == 4000 - unsent' 'lost == 0' "latency_ns[\"max\"] > $pause / 2" \
	"latency_ns[\"p999\"] > $pause / 2" 'kept_up'
wait "$ping" || fail "volley ping ended with status $?"
"$python" "$here/ledger.py" "$tmp/ping.out" "rtt_ns[\"max\"] > $pause / 2" \
	"rtt_ns[\"p999\"] < $pause / 2" || fail "the closed loop saw the pause in another way"

# --- a clock that jumps --------------------------------------------------------------------------
# jumped ARGUMENT...: a load in the middle of which the clock goes back.
jumped() {
	status=0
	LD_PRELOAD=$build/tests/smoke/plugins/clock_jump.so CLOCK_JUMP_AT_MS=400 \
		CLOCK_JUMP_MS=-50 timeout -k 5 30 "$volley" load -b socket "$@" 127.0.0.1:9000 \
		>"$tmp/load.out" 2>"$tmp/load.err" || status=$?
	((status == 1)) || fail "volley load with a clock that jumps ended with status $status"
	says 'CLOCK_MONOTONIC went backwards'
	(($(wc -l <"$tmp/load.err") == 1)) || fail "a clock that jumps is not told in one line"
}
jumped -r 2000 -t 0.8 --json --hgrm "$tmp/jumped.hgrm"
status=0
told 'sent == received + lost' '1500 < sent + unsent' 'sent_pps is None' 'received_pps is None' \
	'seconds is None' 'latency_ns is None' 'lag_ns is None' 'pause_max_ns is None'
[[ ! -s $tmp/jumped.hgrm ]] || fail "latencies of a clock that jumped were written"
jumped -r 2000 -t 0.8
grep -qE '^received +[0-9]+$' "$tmp/load.out" || fail "no count of what was received"
! grep -qE 'until it was answered|sent late|Gbit' "$tmp/load.out" ||
	fail "times are told that are wrong"
jumped --search -t 0.05 --repeats 50

# --- what it sends -------------------------------------------------------------------------------
load -r 20k -n 4000 --arrivals poisson --flows 16 -s imix 127.0.0.1:9000
told 'sent == received == 4000' 'size_bytes["max"] == 1472' 'reordered == 0' 'dropped == {}'
load -r 20k -n 4000 --arrivals burst:50 --flows 200 -a 127.0.0.1/8 -a 127.0.0.2/8 -a 127.0.0.3/8 \
	-a 127.0.0.4/8 127.0.0.1:9000
told 'sent == received == 4000' 'asked["flows"] == 200'
load -r max -t 0.3 127.0.0.1:9000
told 'sent == received + lost + corrupt + truncated' 'corrupt == truncated == 0' 'received > 0'
load --ramp 1k..9k -t 1 --hgrm "$tmp/load.hgrm" 127.0.0.1:9000
told '4900 < sent < 5100' 'received == sent'
grep -qE '^ *[0-9.]+ 1\.0+ +(5[0-9]{3}|49[0-9]{2}) +inf$' "$tmp/load.hgrm" ||
	fail "the last line of load.hgrm does not have them all"
load --search -s 64,1472 -t 0.05 --loss 1% --repeats 2 127.0.0.1:9000
told 'len(sizes) == 2' 'sizes[0]["bytes"] == 64' 'len(sizes[1]["rates_pps"]) == 2' \
	'sizes[0]["rate_pps"] > 0' 'sizes[0]["loss"] <= 0.01' 'sizes[0]["ci95_pps"] >= 0'
load --one-way -r 5k -n 100 127.0.0.1:9000
told 'sent == 100' 'lost is None' 'latency_ns is None'

# Interrupted: what there is, is told, and marked.
"$volley" load -b socket --json -r 1k -t 20 127.0.0.1:9000 >"$tmp/load.out" 2>"$tmp/load.err" &
loader=$!
sleep 1
kill -INT "$loader"
status=0
wait "$loader" || status=$?
told interrupted 'sent == received' '100 < sent < 20000'
says interrupted
stop_serve

# --- servers that are not quite echoes -----------------------------------------------------------
start_peer servers "$python" "$here/load_servers.py" "$tmp/kept"
await 10 grep -q ready "$tmp/servers.log" || fail "the servers did not start"
none='received == 0'
load -r 2k -n 200 127.0.0.1:9101
((status == 1)) || fail "nothing was received, and the status is $status"
status=0 told 'truncated == 200' 'lost == 0' "$none" 'latency_ns is None'
says 'no plain echo'
load --search -s 64 -t 0.05 127.0.0.1:9101
((status == 1)) || fail "a search without an echo, and the status is $status"
status=0 told 'sizes == []'
says 'no plain echo'
load -r 2k -n 200 127.0.0.1:9102
status=0 told 'corrupt == 200' 'lost == 0' "$none" 'latency_ns is None'
load -r 2k -n 200 127.0.0.1:9103
status=0 told 'corrupt == 200' 'lost == 0' "$none" 'latency_ns is None'
load -r 2k -n 200 127.0.0.1:9104
status=0 told 'unrecognised == 200' 'lost == 200' "$none" 'latency_ns is None'
load -r 2k -n 200 127.0.0.1:9105
told 'received == 200' 'duplicate >= 199' 'lost == reordered == 0'
load -r 2k -n 200 --warmup 0.01 127.0.0.1:9106
told 'received + lost == 200' 'lost <= 1' 'reordered >= 99'
load -r 2k -n 200 --timeout 0.3 127.0.0.1:9107
((status == 1)) || fail "nobody answered, and the status is $status"
says 'does not answer'
[[ ! -s $tmp/load.out ]] || fail "figures without an answer"
load -r 2k -n 200 127.0.0.1:9999
says 'refused'

# --- a capture -----------------------------------------------------------------------------------
"$python" "$here/load_capture.py" "$tmp/some.pcap" >"$tmp/payloads"
load -r 2k -n 4 --pcap "$tmp/some.pcap" 127.0.0.1:9108
told 'sent == 4' 'received == 4' 'lost is None' 'latency_ns is None'
tail -n 4 "$tmp/kept" | sort | diff - <(sort "$tmp/payloads") >"$tmp/diff.log" ||
	fail "the payloads are not those of the capture"
load -r 2k -n 100 --pcap "$tmp/some.pcap" --stamp 127.0.0.1:9108
told 'sent == received == 100' 'size_bytes["min"] == 200' 'latency_ns["min"] > 0'
stop_peer

# --- sockperf's server ---------------------------------------------------------------------------
start_peer sockperf sockperf server -i 127.0.0.1 -p 9200
await 10 grep -q 'Warmup\|\[SERVER\]\|listen on' "$tmp/sockperf.log" || fail "no sockperf"
load -r 5k -n 2000 --payload sockperf -s 64 127.0.0.1:9200
told 'sent == received == 2000' 'corrupt == lost == duplicate == 0'
load -r 5k -n 500 --payload sockperf -s 14 127.0.0.1:9200
told 'sent == received == 500'
stop_peer KILL
