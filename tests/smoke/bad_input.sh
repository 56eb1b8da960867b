#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Whatever is given wrongly, the answer is one line on standard error that names it, status 1 or 2,
# and nothing left running.
. "$(dirname "$0")/lib.sh"

backends=(socket)
[[ ${VLY_URING:-1} == 0 ]] || backends+=(uring)
wrong=0
plugins=$build/tests/smoke/plugins
cp "$volley" "$tmp/volley" # where every user may read it
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all)
as=()

# bad WORD ARGUMENT...: `volley ARGUMENT...` must fail, with a line that has the word in it.
bad() {
	local word=$1 status=0 lines problem=

	shift
	timeout -k 5 20 "${as[@]}" "$tmp/volley" "$@" >"$tmp/bad.out" 2>"$tmp/bad.err" </dev/null ||
		status=$?
	lines=$(wc -l <"$tmp/bad.err")
	((status == 1 || status == 2)) || problem="status $status"
	((lines == 1)) || problem+=" $lines lines"
	grep -qF -- "$word" "$tmp/bad.err" || problem+=" '$word' is not named"
	! grep -q ready: "$tmp/bad.out" || problem+=" it was ready"
	! pgrep -x volley >/dev/null || problem+=" still running"
	[[ -n $problem ]] || return 0
	echo "volley $*: ${problem# }:"
	sed 's/^/    /' "$tmp/bad.err"
	wrong=$((wrong + 1))
}

echo_at() { echo serve -H echo -l "$1"; }
read -ra good < <(echo_at 127.0.0.1:9000)
dpdk=(serve -H echo -l :9000 -b dpdk)
wire=(-a 10.0.0.2/24)

bad nonsense nonsense
bad --nonsense serve --nonsense
bad -- "${good[@]}" --nonsense
bad 'see volley serve --help' serve --nonsense
bad 'see volley ping --help' ping -n
bad 'see volley --help' --nonsense
bad --exception "${good[@]}" --exception tap:volley0
bad --vlan "${good[@]}" -b socket --vlan 5
bad nonsense:here "${good[@]}" -d nonsense:here
bad extra "${good[@]}" extra
bad handler serve -l :9000
bad -l serve -H echo

bad nonsense serve -l :9000 -H nonsense
bad nonsense serve -l :9000 -H echo,nonsense=1
bad ./nonsense.so serve -l :9000 -H ./nonsense.so
echo 'no ELF' >"$tmp/text.so"
bad "'$tmp/text.so' is no shared object; build one with" serve -l :9000 -H "$tmp/text.so"
(printf '\177ELF'; head -c 100 /dev/zero) >"$tmp/torn.so"
bad "'$tmp/torn.so' cannot be loaded: wrong ELF class" serve -l :9000 -H "$tmp/torn.so"
bad /dev/null serve -l :9000 -H /dev/null
bad wrong_abi serve -l :9000 -H "$plugins/wrong_abi.so"
bad nonsense serve -l :9000 -H "$plugins/keep.so,nonsense=1"
bad count serve -l :9000 -H "$plugins/keep.so,count=1000000"
bad nonsense serve -l :9000 -H echo -H nonsense

bad 70000 serve -H echo -l :70000
bad 300.1.1.1 serve -H echo -l 300.1.1.1:9000
bad '[::1' serve -H echo -l '[::1'
bad 192.0.2.7 serve -H echo -b socket -l 192.0.2.7:9000
bad --queues "${good[@]}" -q 0
bad --queues "${good[@]}" -q 65
bad 'each port' "${good[@]}" --next
bad 'nobody came' "${dpdk[@]}" "${wire[@]}" -d "virtio-user:$tmp/lonely" -o server=on \
	-o wait=300ms
bad --device "${good[@]}" -b socket -d af_xdp:lo --next -l :9001
read -ra others < <(printf -- '--next -l :%d ' {9101..9116}; echo)
bad 'more than 16 ports' "${good[@]}" "${others[@]}"
bad --workers "${good[@]}" -w 1000
bad --workers "${good[@]}" -w x
bad --time "${good[@]}" -t x
bad nonsense "${good[@]}" --metrics nonsense
bad 99999 "${good[@]}" --metrics :99999
bad 'more than one port' "${good[@]}" --metrics 127.0.0.1:9900-9901
bad 'a second' "${good[@]}" --metrics :9900 --metrics :9901
if [[ ${VLY_METRICS:-1} == 1 ]]; then
	bad 'no such address' "${good[@]}" --metrics 192.0.2.7:9900
	"$python" -c 'import socket, time
s = socket.create_server(("127.0.0.1", 9901)); print("there", flush=True); time.sleep(60)' \
		>"$tmp/taken.out" &
	taken=$!
	await 10 grep -q there "$tmp/taken.out" || fail "no server on the port"
	bad '127.0.0.1:9901: the port is taken' "${good[@]}" --metrics 127.0.0.1:9901
	kill "$taken"
	as=("${nobody[@]}")
	bad 'below 1024' "${good[@]}" --metrics 127.0.0.1:80
	as=()
else
	bad libmicrohttpd "${good[@]}" --metrics :9900
fi
bad --idle "${good[@]}" --idle nonsense
bad --cores "${good[@]}" --cores x
bad 1000 "${good[@]}" --cores 1000
bad nonsense "${good[@]}" -b nonsense
bad nonsense "${good[@]}" -b socket -o nonsense=1
bad nonsense "${good[@]}" -a nonsense
bad 10.0.0.1/33 "${good[@]}" -a 10.0.0.1/33
bad 'say -l ADDRESS:PORT' "${good[@]}" -b socket -a 127.0.0.1/8
bad --mtu "${good[@]}" --mtu 1400
bad '192.0.2.7 is not an address of this machine' ping -b socket -a 192.0.2.7 127.0.0.1:9000

bad nonsense "${good[@]}" --gateway nonsense
bad second "${good[@]}" --gateway 10.0.0.1 --gateway 10.0.0.2
bad --route "${good[@]}" --gateway 10.1.0.0/16@10.0.0.1
bad PREFIX@IP "${good[@]}" --route 10.0.0.1
bad 10.1.0.0/33 "${good[@]}" --route 10.1.0.0/33@10.0.0.1
bad --neighbour "${good[@]}" --neighbour 10.0.0.9@nonsense
bad --vlan "${good[@]}" --vlan 4095

bad HOST:PORT ping
bad 'port 0' ping 127.0.0.1:0
bad --count ping -n 0 127.0.0.1:9000
bad --count ping -n 1 -t 1 127.0.0.1:9000
bad --size ping -s 65508 127.0.0.1:9000
bad 300.1.1.1 ping 300.1.1.1:9000

echo 15 >"$tmp/sizes"
load=(load 127.0.0.1:9000)
bad HOST:PORT load
bad 'port 0' load 127.0.0.1:0
bad --rate "${load[@]}" -r 0
bad --rate "${load[@]}" -r -5
bad --rate "${load[@]}" -r 1e12
bad --rate "${load[@]}" -r nan
bad --rate "${load[@]}" -r 10kk
bad --ramp "${load[@]}" --ramp 10k
bad --ramp "${load[@]}" --ramp 10k..0
bad --arrivals "${load[@]}" --arrivals nonsense
bad burst "${load[@]}" --arrivals burst:0
bad --time "${load[@]}" -t 0
bad --count "${load[@]}" -n 0
bad --flows "${load[@]}" --flows 1000001
bad '1024 flows' "${load[@]}" -b socket --flows 1025
bad refused "${load[@]}" -b socket --flows 3
bad --size "${load[@]}" -s 15
bad --size "${load[@]}" -s 65508
bad /nosuch "${load[@]}" -s /nosuch
bad "$tmp/sizes:1" "${load[@]}" -s "$tmp/sizes"
bad /nosuch "${load[@]}" --pcap /nosuch
bad "$tmp/sizes" "${load[@]}" --pcap "$tmp/sizes"
bad exclude "${load[@]}" --pcap /nosuch -s 64
bad --payload "${load[@]}" --payload nonsense
bad /nosuch/file "${load[@]}" --hgrm /nosuch/file
bad --loss "${load[@]}" --search --loss 100%
bad --loss "${load[@]}" --search --loss x
bad --repeats "${load[@]}" --search --repeats 0
bad --size "${load[@]}" --search -s imix
bad --size "${load[@]}" --search -s 64,15
bad --search "${load[@]}" --search -n 5
bad refused "${load[@]}" -b socket

# No way there: IPv6 is switched off, or nothing is routed.
ip netns add bare
ip -n bare link set lo up
ip netns exec bare bash -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
as=(ip netns exec bare)
bad 'no interface here has an IPv6 address' ping -b socket -n 1 --timeout 10ms '[::1]:9000'
bad 'no interface here has an IPv6 address' "${load[0]}" -b socket '[2001:db8::1]:9000'
bad 'ip route get 192.0.2.1' ping -b socket -n 1 --timeout 10ms 192.0.2.1:9000
bad 'no interface here has an IPv6 address' call -b socket '[::1]:9000' hello
as=()

# From a loopback address nothing leaves; the kernel says so for IPv4 alone.
ip link add l0 type veth peer name l1
ip addr add 192.0.2.1/24 dev l0
ip addr add 2001:db8::1/64 dev l0 nodad
ip link set l0 up
ip link set l1 up
for backend in "${backends[@]}"; do
	from="from -a 127.0.0.1, a loopback address"
	bad "$from" call -b "$backend" -a 127.0.0.1 192.0.2.9:9000 hello
	bad "$from" ping -b "$backend" -a 127.0.0.1 -n 1 --timeout 10ms 192.0.2.9:9000
	bad 'from -a ::1, a loopback' ping -b "$backend" -a ::1 -n 1 --timeout 10ms \
		'[2001:db8::9]:9000'
	bad '-a has no IPv4 address' call -b "$backend" -a ::1 192.0.2.9:9000 hello
	bad 'nobody serves that port' call -b "$backend" -a 127.0.0.1 --timeout 10ms \
		--retries 0 192.0.2.1:9000 hello
done
ip link del l0

# The port is taken.
cp "$volley" "$tmp/holder" # a name of its own, as no process named volley may be left
"$tmp/holder" serve -b socket -l 127.0.0.1:9000 -H echo >"$tmp/serve.out" 2>"$tmp/serve.err" &
server=$!
await 20 is_ready_or_gone || fail "no ready line"
for backend in "${backends[@]}"; do
	bad 127.0.0.1:9000 "${good[@]}" -b "$backend"
done
# A disk is full: said, once, and not as a success.
bad 'No space' load -b socket -n 10 --hgrm /dev/full 127.0.0.1:9000
stop_serve

# Not allowed.
as=("${nobody[@]}")
for backend in "${backends[@]}"; do
	bad 127.0.0.1:80 serve -H echo -l 127.0.0.1:80 -b "$backend"
done
as=()

if [[ ${VLY_DPDK:-1} == 1 ]]; then
	bad device "${dpdk[@]}" "${wire[@]}"
	bad nonsense "${dpdk[@]}" "${wire[@]}" -d nonsense:x
	bad nonsense "${dpdk[@]}" "${wire[@]}" -d nonsense
	bad nosuch "${dpdk[@]}" "${wire[@]}" -d af_xdp:nosuch
	bad nosuch "${dpdk[@]}" "${wire[@]}" -d af_packet:nosuch
	bad nosuch "${dpdk[@]}" "${wire[@]}" -d pci:nosuch
	bad 0000:77:00.0 "${dpdk[@]}" "${wire[@]}" -d pci:0000:77:00.0
	bad nosuch "${dpdk[@]}" "${wire[@]}" -d pcap:/nosuch.pcap
	bad /nosuch "${dpdk[@]}" "${wire[@]}" -d vhost-user:/nosuch/socket
	bad /nosuch "${dpdk[@]}" "${wire[@]}" -d virtio-user:/nosuch/socket
	bad -a "${dpdk[@]}" -d "vhost-user:$tmp/socket"
	bad 10.9.0.1 "${dpdk[@]}" "${wire[@]}" -d "vhost-user:$tmp/socket" --gateway 10.9.0.1
	bad fd00::1 "${dpdk[@]}" "${wire[@]}" -d "vhost-user:$tmp/socket" --gateway fd00::1
	bad 10.0.0.2 "${dpdk[@]}" "${wire[@]}" -d "vhost-user:$tmp/socket" --gateway 10.0.0.2
	bad 10.9.0.9 "${dpdk[@]}" "${wire[@]}" -d "vhost-user:$tmp/socket" \
		--neighbour 10.9.0.9@02:00:00:00:00:09
	bad /nosuch ping -b dpdk "${wire[@]}" -d virtio-user:/nosuch/socket -n 1 10.0.0.1:9000

	# An interface of the kernel's: down, up without an address, and with one.
	ip link add v0 type veth peer name v1
	bad 'ip link set v0 up' "${dpdk[@]}" "${wire[@]}" -d af_packet:v0
	ip link set v0 up
	ip link set v1 up
	bad 'ip link set v0 address' "${dpdk[@]}" "${wire[@]}" -d af_packet:v0 \
		-o mac=02:00:00:00:00:07
	bad share=on "${dpdk[@]}" "${wire[@]}" -d af_packet:v0 -o share=on
	bad -a "${dpdk[@]}" -d af_packet:v0
	bad 'MTU of 100;' "${dpdk[@]}" "${wire[@]}" -d af_packet:v0 --mtu 100
	bad 'no address in the kernel' "${dpdk[@]}" -d af_xdp:v0 -o share=on
	bad 'ip link set v0 address' "${dpdk[@]}" "${wire[@]}" -d af_xdp:v0 -o share=off \
		-o mac=02:00:00:00:00:07
	ip addr add 10.0.0.2/24 dev v0
	bad 10.0.0.3 "${dpdk[@]}" -a 10.0.0.3/24 -d af_xdp:v0 -o share=on
	bad 'VLANs, routes and neighbours' "${dpdk[@]}" -d af_xdp:v0 -o share=on --vlan 7
	bad 'VLANs, routes and neighbours' "${dpdk[@]}" -d af_xdp:v0 -o share=on \
		--neighbour 10.0.0.9@02:00:00:00:00:09
	bad share=maybe "${dpdk[@]}" -d af_xdp:v0 -o share=maybe
	bad tagging=maybe "${dpdk[@]}" "${wire[@]}" -d af_packet:v0 --vlan 7 -o tagging=maybe

	# Servers of a socket that do not speak vhost-user, or nothing at all.
	"$python" "$here/no_vhost.py" "$tmp/http" "$tmp/mute" >"$tmp/no_vhost.log" 2>&1 &
	peer=$!
	await 10 test -S "$tmp/mute" || fail "no_vhost.py did not start"
	bad 'does not speak vhost-user' "${dpdk[@]}" "${wire[@]}" -d "virtio-user:$tmp/http"
	bad 'does not answer' "${dpdk[@]}" "${wire[@]}" -d "virtio-user:$tmp/mute" -o wait=300ms
	stop_peer
	bad 'nobody serves' "${dpdk[@]}" "${wire[@]}" -d "virtio-user:$tmp/mute"

	as=("${nobody[@]}")
	bad af_xdp "${dpdk[@]}" "${wire[@]}" -d af_xdp:lo
	bad /run/nobody "${dpdk[@]}" "${wire[@]}" -d vhost-user:/run/nobody
	as=()
fi

((wrong == 0)) || fail "$wrong answers are not as they should be"
