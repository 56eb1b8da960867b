#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# ports.sh WORKERS: one engine with five ports of three backends, all asked at the same time; each
# answers by itself, also from one and the same address, and keeps its own part of the ledger.
#
#   volley ping, virtio-user ------- unix socket a ---- vhost-user  \
#   volley ping, virtio-user ------- unix socket b ---- vhost-user   \
#   python, the kernel's c0 ------------- veth s0 ----- af_packet     volley serve
#   volley ping -b socket --------------- loopback ---- uring        /
#   volley ping -b socket --------------- loopback ---- socket      /
. "$(dirname "$0")/lib.sh"

workers=$1
needs_backend dpdk
needs_backend uring
make_wire dpdk
serve server -H echo -w "$workers" --buffers 1023 -l :9000 \
	-b dpdk -d "vhost-user:$tmp/a" -a 10.1.0.2/24 --next \
	-b dpdk -d "vhost-user:$tmp/b" -a 10.1.0.2/24 -a fd01::2/64 -l :9000 --buffers 1023 --next \
	-b dpdk -d af_packet:s0 -a 10.77.0.2/24 -l :9000 --next \
	-b uring -l 127.0.0.1:9001 --next \
	-b socket -l 127.0.0.1:9002
grep -q '^ready: .*10.77.0.2.*uring.*socket.*echo' "$tmp/serve.out" ||
	fail "the ready line does not name all ports"

asks=()
# ask NAMESPACE NAME ARGUMENT...
ask() {
	ip netns exec "$1" "$volley" ping --json --timeout 5 -n 2000 "${@:3}" \
		>"$tmp/$2.out" 2>"$tmp/$2.err" &
	asks+=("$2:$!")
}
ask client a -b dpdk -d "virtio-user:$tmp/a" -a 10.1.0.1/24 10.1.0.2:9000
ask client b -b dpdk -d "virtio-user:$tmp/b" -a fd01::1/64 '[fd01::2]:9000'
ask client c -b socket 10.77.0.2:9000
ask server d -b socket 127.0.0.1:9001
ask server e -b socket 127.0.0.1:9002
for one in "${asks[@]}"; do
	wait "${one#*:}" || fail "port ${one%:*} did not answer"
	"$python" "$here/ledger.py" "$tmp/${one%:*}.out" 'sent == received == 2000' \
		'corrupt == 0' || fail "port ${one%:*}: answers were lost"
done
stop_serve
ledger balanced 'handled == sent == 10000' 'len(ports) == 5' \
	'[port["sent"] for port in ports] == [2000] * 5' \
	'"10.77.0.2" in ports[2]["port"]' 'ports[4]["received"] == 2000'
tail -n 1 "$tmp/serve.out"
