#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Datagrams larger than a frame: between a kernel's sockets and dpdk, of every size and both ways,
# with large pings; then between two of ours over a virtio pair, also with jumbo frames. Drawing:
# make_wire in lib.sh.
. "$(dirname "$0")/lib.sh"

make_wire_for dpdk
serve server "${port[@]}" -l :9000 -H echo
in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 200 0 65507 1 || fail "IPv4 echo"
in_client "$python" "$here/echo_client.py" fd77::2 9000 200 0 65487 1 || fail "IPv6 echo"
in_client ping -c 5 -i 0.05 -W 5 -s 20000 10.77.0.2 >"$tmp/ping4.log" || fail "ping -s 20000"
in_client ping -c 5 -i 0.05 -W 5 -s 65507 10.77.0.2 >"$tmp/ping4l.log" || fail "ping -s 65507"
in_client ping -6 -c 5 -i 0.05 -W 5 -s 20000 fd77::2 >"$tmp/ping6.log" || fail "ping -6 -s 20000"
for log in ping4 ping4l ping6; do
	grep -q ' 0% packet loss' "$tmp/$log.log" || fail "$log: packets were lost"
done
stop_serve
# One datagram is handled and sent once, in however many frames it came and went.
ledger balanced 'handled == 400' 'sent == 400' 'answered > 400' 'fragment_timeout == 0'

# pair_answers SIZE TARGET OPTION...: 20 of 20 answers to a dpdk client.
pair_answers() {
	local size=$1 target=$2

	shift 2
	"$volley" ping -v -b dpdk -d "virtio-user:$tmp/pair" -a 10.0.0.2/24 -a fd00::2/64 "$@" \
		-n 20 -s "$size" "$target" >"$tmp/ping.log" 2>&1 ||
		fail "volley ping -s $size $target $*"
	grep -qE '^received +20$' "$tmp/ping.log" || fail "volley ping -s $size $target $*: lost"
}

pair=(-b dpdk -d "vhost-user:$tmp/pair" -a 10.0.0.1/24 -a fd00::1/64 -l :9000 -H echo)
serve - "${pair[@]}"
for size in 60000 65487 1473 64; do
	pair_answers $size 10.0.0.1:9000
	pair_answers $size '[fd00::1]:9000'
done
stop_serve
ledger balanced 'handled == 160' 'sent == 160'

# Jumbo frames: in large buffers, and in chains of small ones where the driver gives those.
serve - -v "${pair[@]}" --mtu 9000
for scatter in off on; do
	for size in 8972 3000 60000 64; do
		pair_answers $size 10.0.0.1:9000 --mtu 9000 -o scatter=$scatter
	done
	[[ $scatter == on ]] || grep -q 'jumbo frames have buffers' "$tmp/ping.log" || fail "off"
	[[ $scatter == off ]] || grep -q 'in chains of 2048 bytes' "$tmp/ping.log" || fail "on"
done
grep -q 'jumbo frames have buffers of' "$tmp/serve.err" || fail "the server does not tell"
stop_serve
ledger balanced 'handled == 160' 'sent == 160'
