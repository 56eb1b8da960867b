#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# forward.sh BACKEND WORKERS: clients in front, three servers behind, all of them Python's; a server
# is killed, another is drained, and a client notices neither.
#
#   python clients, c0 10.77.0.1 ----- s0 10.77.0.2, volley serve -H forward
#   python servers, c0 10.77.0.1:7001 ... 7003 ------/
. "$(dirname "$0")/lib.sh"

make_wire_for "$1"
servers=$tmp/servers
printf '10.77.0.1:%d\n' 7001 7002 7003 >"$servers"
pids=()
for number in 7001 7002 7003; do
	ip netns exec client "$python" "$here/forward_server.py" 10.77.0.1 "$number" \
		>"$tmp/$number.log" 2>&1 &
	pids+=($!)
done
serve server "${port[@]}" -w "$2" -l 10.77.0.2:9000 -l 10.77.0.2:20000-20063 \
	-H "forward,servers=$servers,via=10.77.0.2:20000-20063,check=100ms,idle=500ms,fresh=500ms"

# ask TEXT EXPECTED...: 60 clients, each of them three times; what they are to see of the servers.
ask() {
	in_client "$python" "$here/forward_clients.py" 10.77.0.2 9000 "$@" ||
		fail "the clients did not see: $*"
}
ask 'all three serve' 7001 7002 7003
kill -KILL "${pids[0]}"
ask 'one is dead' 7002 7003
printf '10.77.0.1:7001\n10.77.0.1:7002 drain\n10.77.0.1:7003\n' >"$servers"
ask 'another drains' 7003
stop_serve
ledger balanced 'rx_missed == 0' \
	'[m["value"] for m in metrics if m["name"] == "to_clients"][0] >= 540'
