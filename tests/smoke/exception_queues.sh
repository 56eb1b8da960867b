#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The exception path behind two queues: a kernel spreads flows over them by their hash, of the
# engine's port and of the kernel's; all are answered, each in order, by whom they are for.
#
#   namespace client                        namespace server
#   wire0 10.77.0.1 -- DPDK's net_tap == engine == tap:volley0 10.77.0.2 == kernel
. "$(dirname "$0")/lib.sh"

needs_backend dpdk
[[ -c /dev/net/tun ]] || skip "no /dev/net/tun here"
[[ ${VLY_METRICS:-1} == 1 ]] || skip "built without libmicrohttpd"
ip netns add client
ip netns add server
ip -n server link set lo up

# What a queue has received.
received() {
	ip netns exec server "$python" - "$1" <<-'END'
		import sys, urllib.request
		name = f'volley_queue_received_total{{port="0",queue="{sys.argv[1]}"}} '
		with urllib.request.urlopen("http://127.0.0.1:9900/metrics", timeout=5) as page:
		    print(next(line for line in page.read().decode().splitlines()
		               if line.startswith(name)).split()[-1])
	END
}

kernel_echo server AF_INET 0.0.0.0

serve server -b dpdk -d vdev:net_tap0,iface=wire0 -a 10.77.0.2/24 -l :9000 -H echo -q 2 \
	--buffers 16383 --exception tap:volley0 --metrics 127.0.0.1:9900
grep -q ', 2 queues' "$tmp/serve.out" || fail "not two queues"
ip -n server link set wire0 netns client
ip -n client addr add 10.77.0.1/24 dev wire0
ip -n client link set wire0 up
await 5 in_client ping -c 1 -W 1 10.77.0.2 >"$tmp/ping.log" || fail "no ping at all"

# The client's kernel sends a flow by the queue that it was last answered by: the first of each flow
# comes by either, what follows an answer of the kernel's by the first.
before=("$(received 0)" "$(received 1)")
for flow in {1..16}; do
	in_client "$python" "$here/echo_client.py" 10.77.0.2 9001 50 0 1400 4 >"$tmp/echo.log" ||
		fail "flow $flow to the kernel's socket"
done
for queue in 0 1; do
	(($(received $queue) > before[queue])) || fail "queue $queue takes nothing to the kernel"
done
before=("$(received 0)" "$(received 1)")
in_client "$python" "$here/flow_order.py" 10.77.0.2 9000 64 200 || fail "flows were not answered"
for queue in 0 1; do
	(($(received $queue) >= before[queue] + 1000)) || fail "queue $queue has few flows"
done
in_client "$python" "$here/echo_client.py" 10.77.0.2 9001 50 || fail "the kernel's socket, after"
stop_serve
ledger balanced 'sent - from_kernel + tx_full == 12800' 'to_kernel >= 850' 'from_kernel >= 850' \
	'kernel_full == 0'
tail -n 1 "$tmp/serve.out"
