#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# dpdk_peer.sh client | server | owner | memif | memif-owner: one end of a pair is killed in the
# middle of its bursts, again and again, and comes back; the other end, which stays, takes the
# traffic up again by itself and its ledger balances.
#
#   testpmd txonly, then volley ping ---- unix socket ---- volley serve
#
# client: virtio-user dies, vhost-user stays; server: the other way round, and what stays owns the
# socket; owner: vhost-user owns the socket and dies; memif: a client dies, the server stays;
# memif-owner: the other way round.
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
mac=02:00:00:00:00:02
rounds=5
case $1 in
client)
	stays=(-d "vhost-user:$tmp/pair")
	flood="net_virtio_user0,path=$tmp/pair,queues=1"
	comes=(-d "virtio-user:$tmp/pair")
	;;
server)
	stays=(-d "virtio-user:$tmp/pair" -o server=on)
	flood="net_vhost0,iface=$tmp/pair,client=1"
	comes=(-d "vhost-user:$tmp/pair" -o server=off)
	;;
owner)
	rounds=3
	stays=(-d "virtio-user:$tmp/pair")
	flood="net_vhost0,iface=$tmp/pair"
	comes=(-d "vhost-user:$tmp/pair")
	;;
memif)
	rounds=2
	stays=(-d "memif:$tmp/pair" -o role=server)
	flood="net_memif0,role=client,socket=$tmp/pair,socket-abstract=no"
	comes=(-d "memif:$tmp/pair")
	;;
memif-owner)
	rounds=2
	stays=(-d "memif:$tmp/pair" -o role=client)
	flood="net_memif0,role=server,socket=$tmp/pair,socket-abstract=no"
	comes=(-d "memif:$tmp/pair" -o role=server)
	;;
esac
# virtio-user opens once it has its first peer, and so does a client.
[[ $1 != server && $1 != *owner ]] || testpmd first 1 "$flood"
serve - -v -b dpdk "${stays[@]}" -a 198.18.0.2/24 -l :9000 -H echo --cores 0 -o mac=$mac
[[ $1 != server && $1 != *owner ]] || stop_peer KILL

for ((round = 1; round <= rounds; round++)); do
	[[ $1 != *owner ]] || rm -f "$tmp/pair" # testpmd does not do it for one that was killed
	testpmd "flood$round" 1 "$flood" --eth-peer=0,$mac --tx-ip=198.18.0.1,198.18.0.2 \
		--tx-udp=9000,9000 --txonly-multi-flow
	testpmd_say set fwd txonly
	testpmd_say start
	[[ $1 != owner ]] || await 10 grep -q 'now ready for processing' "$tmp/flood$round.log" ||
		fail "round $round: nobody came to testpmd's socket"
	sleep 0.3
	! is_gone "$peer" || fail "round $round: testpmd ended by itself"
	stop_peer KILL 2>/dev/null
	timeout 30 "$volley" ping --json -b dpdk "${comes[@]}" -a 198.18.0.1/24 --warmup 100 \
		--timeout 5 -n 2000 198.18.0.2:9000 \
		>"$tmp/ping.out" 2>"$tmp/ping.err" || fail "round $round: no answers afterwards"
	"$python" "$here/ledger.py" "$tmp/ping.out" 'sent == received == 2000' 'corrupt == 0' ||
		fail "round $round: answers were lost"
	! is_gone "$server" || fail "round $round: the server died"
done
stop_serve
ledger balanced "handled > $((rounds * 2000))" 'unreleased == 0' 'undecided == 0'
tail -n 1 "$tmp/serve.out"
