#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The exception path: the engine has the whole interface, and the kernel behind it still serves TCP
# and ping, while the engine answers its port, in a flood as well. The interface for it goes with
# the process, also when that is killed.
#
#   namespace client                 namespace server
#   c0 10.77.0.1 ------ veth ------- s0 == engine == tap:volley0 10.77.0.2 == kernel
. "$(dirname "$0")/lib.sh"

make_wire_for dpdk
[[ -c /dev/net/tun ]] || skip "no /dev/net/tun here"

has_tap() { ip -n server link show volley0 >/dev/null 2>&1; }

serve_beside_kernel() {
	serve server "${port[@]}" -l :9000 -H echo --exception tap:volley0
	has_tap || fail "there is no interface volley0"
}

# A megabyte there and back by the kernel's TCP.
tcp() {
	in_client timeout 10 "$python" - "$1" <<-'END' || fail "TCP to $1, $2"
		import socket, sys
		text = bytes(range(256)) * 4096
		with socket.create_connection((sys.argv[1], 22), 5) as s:
		    s.settimeout(5)
		    s.sendall(text)
		    s.shutdown(socket.SHUT_WR)
		    got = b"".join(iter(lambda: s.recv(65536), b""))
		sys.exit(got != text)
	END
}

# The kernel's own socket, by datagrams that come and go in fragments: only the first of them says
# that the port is not the engine's.
fragments() {
	local host size

	for host in 10.77.0.2 fd77::2; do
		for size in 4000 60000; do
			in_client "$python" "$here/echo_client.py" $host 9001 5 $size $size 1 ||
				fail "the kernel's socket and $size bytes, $host, $1"
		done
		in_client "$python" "$here/echo_client.py" $host 9000 5 60000 60000 1 ||
			fail "the engine's port and 60000 bytes, $host, $1"
	done
}

# The kernel, not the engine, says that nobody serves a port.
refused() {
	in_client "$python" - <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(1)
		s.connect(("10.77.0.2", 9))
		for _ in range(10):
		    try:
		        s.send(b"anybody?")
		        s.recv(100)
		    except ConnectionRefusedError:
		        sys.exit(0)
		    except TimeoutError:
		        pass # lost on a wire that a flood has filled
		sys.exit(1)
	END
}

all_work() {
	in_client ping -c 3 -i 0.02 -W 5 10.77.0.2 >"$tmp/ping.log" || fail "ping $1"
	in_client ping -6 -c 3 -i 0.02 -W 5 fd77::2 >"$tmp/ping.log" || fail "ping -6 $1"
	in_client ping -c 5 -i 0.1 -s 4000 -W 5 10.77.0.2 >"$tmp/ping.log" ||
		fail "a long ping $1"
	in_client ping -6 -c 5 -i 0.1 -s 4000 -W 5 fd77::2 >"$tmp/ping.log" ||
		fail "a long ping -6 $1"
	tcp 10.77.0.2 "$1"
	tcp fd77::2 "$1"
	ip netns exec server ping -c 3 -i 0.02 -W 5 10.77.0.1 >"$tmp/ping.log" ||
		fail "the server's kernel reaches nobody, $1"
	# The flood fills the wire's own queue now and then, which loses datagrams for anybody.
	await 15 in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 100 || fail "echo $1"
	refused || fail "nobody says that a port is closed, $1"
}

# Answers TCP with what it was sent; wherever the kernel is asked.
ip netns exec server "$python" - >"$tmp/tcp.log" 2>&1 <<-'END' &
	import socket, socketserver
	class Echo(socketserver.BaseRequestHandler):
	    def handle(self):
	        text = b"".join(iter(lambda: self.request.recv(65536), b""))
	        self.request.sendall(text)
	class Server(socketserver.ThreadingTCPServer):
	    address_family, allow_reuse_address = socket.AF_INET6, True
	Server(("::", 22), Echo).serve_forever()
END

kernel_echo server AF_INET6 ::

serve_beside_kernel
await 5 in_client ping -c 1 -W 1 10.77.0.2 >"$tmp/ping.log" || fail "no ping at all"
all_work before
fragments before
in_client "$python" "$here/flood_client.py" 10.77.0.2 9000 2 >"$tmp/flood.log" &
all_work "in the flood"
wait $!
all_work after
fragments after
# An interface that is down takes nothing.
ip -n server link set volley0 down
in_client ping -c 3 -i 0.1 -W 1 10.77.0.2 >"$tmp/ping.log" && fail "a kernel that is down answers"
in_client "$python" "$here/echo_client.py" 10.77.0.2 9000 100 || fail "echo beside a kernel's end"
ip -n server link set volley0 up
in_client ping -c 3 -i 0.02 -W 5 10.77.0.2 >"$tmp/ping.log" || fail "ping after up"
stop_serve
! has_tap || fail "volley0 is still there"
# All but one of a datagram's fragments are absorbed: 410 of IPv4 and 420 of IPv6, twice.
ledger balanced 'to_kernel > 100' 'from_kernel > 100' 'answered == 1660' 'handled > 5000' \
	'kernel_full >= 3' 'icmp + arp + ndp + no_listener + ip_protocol == 0'
tail -n 1 "$tmp/serve.out"

# Killed: the kernel takes the interface away, and the next one starts.
serve_beside_kernel
kill -KILL "$server"
await 5 is_gone "$server" || fail "survived SIGKILL"
await 5 eval '! has_tap' || fail "volley0 outlived its process"
serve_beside_kernel
await 5 in_client ping -c 1 -W 1 10.77.0.2 >"$tmp/ping.log" || fail "no ping after the kill"
stop_serve
ledger balanced
