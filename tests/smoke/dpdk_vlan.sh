#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A VLAN whose tags one end has taken off and put on by its device, and the other by our stack:
# datagrams, ARP and neighbour discovery cross in both families; who speaks no VLAN, or another, is
# not heard, and counted.
#
#   volley ping, virtio-user ---- unix socket ---- vhost-user, volley serve
. "$(dirname "$0")/lib.sh"

needs_backend dpdk

# asks COUNT ARGUMENT...
asks() {
	"$volley" ping --json -b dpdk -d "virtio-user:$tmp/pair" -n "$1" "${@:2}" \
		>"$tmp/ping.out" 2>"$tmp/ping.err"
}
is_answered() {
	"$python" "$here/ledger.py" "$tmp/ping.out" 'sent == received == 500' 'corrupt == 0' ||
		fail "$1: answers were lost"
}

for by in device software; do
	tagging=auto
	[[ $by == device ]] || tagging=off
	serve - -v -b dpdk -d "vhost-user:$tmp/pair" -a 10.0.0.1/24 -a fd00::1/64 -l :9000 -H echo \
		--vlan 5 -o "tagging=$tagging"
	grep -q "VLAN tags: by $by" "$tmp/serve.err" || fail "the tags are not made by $by"
	asks 500 -a 10.0.0.2/24 --vlan 5 10.0.0.1:9000 || fail "$by: no answers"
	is_answered "$by"
	asks 500 -a fd00::2/64 --vlan 5 '[fd00::1]:9000' || fail "$by: no answers over IPv6"
	is_answered "$by, IPv6"
	! asks 1 -a 10.0.0.2/24 --timeout 0.2 10.0.0.1:9000 || fail "$by: untagged was answered"
	! asks 1 -a 10.0.0.2/24 --timeout 0.2 --vlan 6 10.0.0.1:9000 ||
		fail "$by: another VLAN was answered"
	stop_serve
	ledger balanced 'sent == 1000' 'vlan >= 2'
done
