#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# forward.sh BACKEND WORKERS [BEHIND]: clients in front, three servers behind, all of them Python's;
# one server is killed, another is drained, and the clients lose nothing that they keep asking for.
#
#   python clients, c0 10.77.0.1 ----- s0 10.77.0.2, volley serve -H forward
#   python servers, c0 10.77.0.1:7001 ... 7003 ------/   or, with BEHIND, a backend of the kernel's:
#   python servers, 127.0.0.1:7001 ... 7003, behind a second port of the engine
. "$(dirname "$0")/lib.sh"

make_wire_for "$1"
servers=$tmp/servers
host=10.77.0.1
there=client
own=10.77.0.2
ports=("${port[@]}" -l 10.77.0.2:9000 -l 10.77.0.2:20000-20063)
if [[ -n ${3:-} ]]; then
	host=127.0.0.1
	there=server
	own=127.0.0.1
	ports=("${port[@]}" -l 10.77.0.2:9000 --next -b "$3" -l 127.0.0.1:20000-20063)
fi
printf "$host:%d\n" 7001 7002 7003 >"$servers"
pids=()
for number in 7001 7002 7003; do
	ip netns exec "$there" "$python" "$here/forward_server.py" "$host" "$number" \
		>"$tmp/$number.log" 2>&1 &
	pids+=($!)
done
serve server -w "$2" "${ports[@]}" \
	-H "forward,servers=$servers,via=$own:20000-20063,check=100ms,idle=500ms,fresh=500ms"

# ask TEXT EXPECTED...: 60 clients, each of them three times; what they are to see of the servers.
ask() {
	in_client "$python" "$here/forward_clients.py" 10.77.0.2 9000 "$@" ||
		fail "the clients did not see: $*"
}
ask 'all three serve' 7001 7002 7003
kill -KILL "${pids[0]}"
ask 'one is dead' 7002 7003
printf "$host:%s\n" 7001 '7002 drain' 7003 >"$servers"
ask 'another drains' 7003
stop_serve
ledger balanced 'rx_missed == 0' \
	'[m["value"] for m in metrics if m["name"] == "to_clients"][0] >= 540'
