#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# signals.sh socket|uring|dpdk: SIGINT and SIGTERM, once and twice, in the middle of traffic. The
# server ends well each time, and what it says it has sent is what the client has got. Drawing:
# make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

backend=$1
make_wire_for "$backend"

client_frames() { in_client cat /sys/class/net/c0/statistics/tx_packets; }
has_begun() { (($(client_frames) > frames + 1000)); }

# end_by WORKERS SIGNAL...
end_by() {
	local workers=$1 first=$2 frames

	serve server "${port[@]}" -l :9000 -H echo -w "$workers"
	# Resolves the address first: a kernel drops what overtakes the answer.
	in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 16 8 64 1 || fail "echo"
	frames=$(client_frames)
	start_peer flood in_client "$python" "$here/flood_client.py" 10.77.0.2 9000 1
	await 10 has_begun || fail "no flood"
	[[ $# == 2 ]] || kill -s "$first" "$server"
	stop_serve "${!#}"
	await 20 is_gone "$peer" || fail "the client still runs"
	wait "$peer" || fail "the client failed"
	grep -q '^ready: ' "$tmp/serve.out" || fail "no ready line"
	ledger balanced 'handled == sent' 'sent > 16' 'received == sent + answered + drops'
	ledger "sent == 16 + $("$python" -c 'import json, sys
print(json.load(open(sys.argv[1]))["answers"])' "$tmp/flood.log")"
}

end_by 0 INT
end_by 0 TERM
end_by 2 TERM
end_by 2 INT INT
