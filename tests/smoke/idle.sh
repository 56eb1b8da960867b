#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# idle.sh socket|uring|dpdk|virtio: a server that may sleep does, with and without workers, and
# answers all the same what comes now and then. Drawing: make_wire in lib.sh; virtio is a pair of
# processes.
. "$(dirname "$0")/lib.sh"

if [[ $1 == virtio ]]; then
	needs_backend dpdk
	port=(-b dpdk -d "vhost-user:$tmp/pair" -a 10.0.0.2/24)
	ask=("$volley" ping -b dpdk -d "virtio-user:$tmp/pair" -a 10.0.0.1/24)
	ip=10.0.0.2 namespace=-
else
	make_wire_for "$1"
	ask=(ip netns exec client "$volley" ping -b socket)
	ip=10.77.0.2 namespace=server
fi

# The time that the server's threads have run, in nanoseconds.
time_run() { awk '{sum += $1} END {printf "%d\n", sum}' /proc/"$server"/task/*/schedstat; }

# Whether it takes less than a twentieth of a core while nothing comes; a spinning thread takes one.
sleeps() {
	local before

	before=$(time_run)
	sleep 0.25
	(($(time_run) - before < 12500000))
}

for idle in adaptive block; do
	for workers in 0 1; do
		serve "$namespace" "${port[@]}" -l :9000 -H echo -w "$workers" --idle "$idle"
		await 5 sleeps || fail "$idle, $workers workers: does not sleep without a peer"
		timeout -k 5 60 "${ask[@]}" --json --idle "$idle" --timeout 5 -n 20 -i 0.02 \
			"$ip:9000" >"$tmp/ping.out" 2>"$tmp/ping.err" || fail "$idle: volley ping"
		"$python" "$here/ledger.py" "$tmp/ping.out" 'received == 20' 'lost == 0' ||
			fail "$idle, $workers workers: pings were lost"
		await 5 sleeps || fail "$idle, $workers workers: does not sleep again"
		stop_serve
		ledger balanced 'handled == 20'
	done
done
