# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What every smoke test begins with. Sourcing it runs the test again in network, mount and process
# namespaces of its own: whatever the test starts, makes or leaves ends with it, on success, error
# and Ctrl-C alike, and nothing of it touches this machine's interfaces.
#
#     VLY_BUILD    the build folder (default: build/)
#     VLY_DPDK     0: built without dpdk, so that its tests are skipped
#     VLY_URING    0: the same for uring; VLY_CRYPTO and VLY_METRICS likewise
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${VLY_BUILD:-$root/build}
volley=$build/apps/volley/volley
tmp=/run/smoke # a file system in memory of this test alone
python=/usr/bin/python3
server=
peer=

skip() {
	echo "SKIP: $*"
	exit 77
}

fail() {
	local file

	echo "FAIL: $*"
	for file in "$tmp"/*.{out,err,log}; do
		[[ -s $file ]] || continue
		echo "--- ${file##*/}, its end:"
		tail -n 20 "$file" | cut -c 1-2000
	done
	exit 1
}

needs_tool() {
	local tool

	for tool; do
		command -v "$tool" >/dev/null || skip "no $tool here; run scripts/setup"
	done
}

# Skips what was not built or what this kernel forbids: nothing else is a reason.
needs_backend() {
	case $1 in
	dpdk) [[ ${VLY_DPDK:-1} == 1 ]] || skip "built without dpdk" ;;
	uring)
		[[ ${VLY_URING:-1} == 1 ]] || skip "built without uring"
		[[ $(cat /proc/sys/kernel/io_uring_disabled 2>/dev/null || echo 0) == 0 ]] ||
			skip "this kernel has io_uring switched off (kernel.io_uring_disabled)"
		;;
	esac
}

enter_namespaces() {
	local into=(unshare --net --mount --pid --fork --kill-child --mount-proc)

	((EUID == 0)) || skip "needs root, for network namespaces"
	[[ -x $volley ]] || fail "no $volley; build first: ninja -C $build"
	"${into[@]}" true 2>/dev/null || skip "no network namespaces here (unshare failed)"
	VLY_SMOKE_INSIDE=1 exec "${into[@]}" bash "$0" "$@"
}

if [[ -z ${VLY_SMOKE_INSIDE:-} ]]; then
	enter_namespaces "$@"
fi
trap 'exit 130' INT TERM # the first process of a namespace gets no signal it has no trap for
mount -t tmpfs -o mode=755 none /run
mkdir -p "$tmp" /run/netns
ip link set lo up

# Waits until a command succeeds, at most so many seconds.
await() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }
is_ready_or_gone() { grep -q '^ready:' "$tmp/serve.out" || is_gone "$server"; }

#   namespace client            namespace server
#   c0 10.77.0.1  fd77::1  ---- s0 10.77.0.2  fd77::2, the kernel's or dpdk's
#
# make_wire kernel|dpdk [QUEUES]: whose the server's end is; the client's kernel spreads flows over
# its queues by their hash. It fills in checksums itself, as for a real wire: between two kernels it
# would leave them out.
make_wire() {
	local channels=(numtxqueues "${2:-1}" numrxqueues "${2:-1}")

	ip netns add client
	ip netns add server
	ip link add c0 netns client "${channels[@]}" type veth \
		peer name s0 netns server "${channels[@]}"
	ip -n client link set lo up
	ip -n server link set lo up
	ip netns exec client ethtool -K c0 tx off >/dev/null
	ip netns exec client bash -c 'echo 0 >/proc/sys/net/ipv6/conf/c0/accept_dad'
	if [[ $1 == kernel ]]; then
		ip -n server addr add 10.77.0.2/24 dev s0
		ip -n server addr add fd77::2/64 dev s0 nodad
	else
		ip netns exec server bash -c 'echo 1 >/proc/sys/net/ipv6/conf/s0/disable_ipv6'
	fi
	ip -n client addr add 10.77.0.1/24 dev c0
	ip -n client addr add fd77::1/64 dev c0 nodad
	ip -n server link set s0 up
	ip -n client link set c0 up
}

# Sets `port` to the options of a server on the wire: socket, uring or dpdk.
wire_port() {
	if [[ $1 == dpdk ]]; then
		port=(-b dpdk -d af_xdp:s0 -a 10.77.0.2/24 -a fd77::2/64)
	else
		port=(-b "$1")
	fi
}

make_wire_for() {
	needs_backend "$1"
	if [[ $1 == dpdk ]]; then make_wire dpdk; else make_wire kernel; fi
	wire_port "$1"
}

in_client() { ip netns exec client "$@"; }

# serve NAMESPACE ARGUMENT...: starts `volley serve` and waits for its ready line; `-` is the
# test's own namespace.
serve() {
	local within=(ip netns exec "$1")

	[[ $1 != - ]] || within=()
	shift
	: >"$tmp/serve.out"
	"${within[@]}" "$volley" serve --json "$@" >"$tmp/serve.out" 2>"$tmp/serve.err" &
	server=$!
	await 30 is_ready_or_gone || fail "volley serve $*: no ready line within 30 s"
	! is_gone "$server" || fail "volley serve $*: ended before it was ready"
}

# Ends the server by a signal (default INT). Its status must be 0, within 20 seconds.
stop_serve() {
	local status=0

	kill -s "${1:-INT}" "$server"
	await 20 is_gone "$server" || fail "volley serve still runs 20 s after SIG${1:-INT}"
	wait "$server" || status=$?
	((status == 0)) || fail "volley serve ended with status $status"
}

# ledger EXPRESSION...: checks the last server's ledger; names are the JSON object's, and each drop
# reason is its own name.
ledger() {
	"$python" "$here/ledger.py" "$tmp/serve.out" "$@" || fail "the ledger is not as expected"
}

# start_peer NAME ARGUMENT...: a peer program in the background, its output in NAME.log. That is
# emptied first: what the peer before has said there would tell of this one, which starts later.
start_peer() {
	local name=$1

	shift
	: >"$tmp/$name.log"
	"$@" >"$tmp/$name.log" 2>&1 </dev/null &
	peer=$!
}

stop_peer() {
	kill -s "${1:-TERM}" "$peer" 2>/dev/null || true
	await 20 is_gone "$peer" || fail "a peer still runs 20 s after SIG${1:-TERM}"
	wait "$peer" || true
}

# multicast EXPECTED GROUP SOURCE: three datagrams from the client's SOURCE to GROUP; so many
# answers, all from the server's own address.
multicast() {
	in_client "$python" "$here/multicast_send.py" "$@" >"$tmp/send.log" 2>&1 ||
		fail "not the answers expected: $*: $(<"$tmp/send.log")"
}

# testpmd NAME CORE VDEV ARGUMENT...: DPDK's own packet forwarder as a peer, without huge pages; its
# commands are read from the file descriptor $testpmd_input.
testpmd() {
	local name=$1 core=$2 vdev=$3

	shift 3
	needs_tool dpdk-testpmd
	mkfifo "$tmp/$name.input"
	exec {testpmd_input}<>"$tmp/$name.input"
	dpdk-testpmd --no-huge --no-shconf --no-pci -m 256 --no-telemetry \
		--file-prefix="$name" --lcores "0@$core,1@$core" --vdev="$vdev" -- \
		--interactive --total-num-mbufs=16384 "$@" \
		>"$tmp/$name.log" 2>&1 <&"$testpmd_input" &
	peer=$!
	await 30 grep -qs 'testpmd> ' "$tmp/$name.log" || fail "testpmd did not start"
}

# Gives testpmd a line.
testpmd_say() {
	echo "$*" >&"$testpmd_input"
}

testpmd_quit() {
	testpmd_say stop
	testpmd_say quit
	await 20 is_gone "$peer" || fail "testpmd still runs 20 s after quit"
	wait "$peer" || fail "testpmd ended with status $?"
}

# kernel_echo NETNS AF_INET|AF_INET6 ADDRESS: answers UDP on port 9001 there with what it was sent,
# by the kernel's own socket.
kernel_echo() {
	ip netns exec "$1" "$python" - "$2" "$3" >"$tmp/udp.log" 2>&1 <<-'END' &
		import socket, sys
		with socket.socket(getattr(socket, sys.argv[1]), socket.SOCK_DGRAM) as s:
		    s.bind((sys.argv[2], 9001))
		    while True:
		        s.sendto(*s.recvfrom(65536))
	END
}
