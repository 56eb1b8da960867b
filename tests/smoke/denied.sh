#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A system that forbids io_uring or some of it: what is forbidden is named with the fix, `auto`
# takes plain sockets, and what can be done without is done without.
. "$(dirname "$0")/lib.sh"

needs_backend uring
plugins=$build/tests/smoke/plugins
deny() { "$python" "$here/deny.py" "$@"; }

# says WORDS COMMAND...: it fails, with one line on standard error that has the words.
says() {
	local words=$1

	shift
	if "$@" >"$tmp/says.out" 2>"$tmp/says.err"; then fail "$*: it worked"; fi
	[[ $(wc -l <"$tmp/says.err") == 1 ]] || fail "$*: not one line: $(<"$tmp/says.err")"
	grep -qF -- "$words" "$tmp/says.err" ||
		fail "$*: '$words' is not named: $(<"$tmp/says.err")"
}

# Serves with `deny ARGUMENT...` as the backend says, and answers; the log is serve.err.
# served BACKEND OPTION ARGUMENT...; `options` and `environment` go with it.
options=()
environment=()
served() {
	local backend=$1 option=$2

	shift 2
	: >"$tmp/serve.out"
	env "${environment[@]}" "$python" "$here/deny.py" "$@" "$volley" serve -v --json \
		-b "$option" "${options[@]}" -l 127.0.0.1:9000 -H echo \
		>"$tmp/serve.out" 2>"$tmp/serve.err" &
	server=$!
	await 20 is_ready_or_gone || fail "$*: not ready"
	grep -q "^ready: $backend" "$tmp/serve.out" || fail "$*: not $backend: $(<"$tmp/serve.out")"
	"$volley" ping -b socket -n 20 127.0.0.1:9000 >"$tmp/ping.out" || fail "$*: no answers"
	stop_serve
	ledger balanced 'received == 20' 'sent == 20' 'drops == 0'
}

uring=("$volley" serve -b uring -l 127.0.0.1:9000 -H echo)
says 'forbidden by a seccomp filter' deny io_uring_setup EPERM "${uring[@]}"
says '--security-opt seccomp=docker/seccomp.json' deny io_uring_setup EPERM "${uring[@]}"
says 'this kernel has no io_uring' deny io_uring_setup ENOSYS "${uring[@]}"
says 'needs Linux 6.0' deny io_uring_setup EINVAL "${uring[@]}"
says 'RLIMIT_MEMLOCK is' deny io_uring_setup ENOMEM "${uring[@]}"
says 'RLIMIT_NOFILE is' deny io_uring_setup EMFILE "${uring[@]}"
says 'forbidden by a seccomp filter' deny io_uring_register EPERM "${uring[@]}"

# The same, where the system says that it is switched off for everybody.
echo 2 >"$tmp/disabled"
mount --bind "$tmp/disabled" /proc/sys/kernel/io_uring_disabled
says 'switched off for everybody' deny io_uring_setup EPERM "${uring[@]}"
says 'sysctl kernel.io_uring_disabled=0' deny io_uring_setup EPERM "${uring[@]}"
umount /proc/sys/kernel/io_uring_disabled

deny io_uring_setup EPERM "$volley" backends >"$tmp/backends.out" || fail "volley backends"
grep -q '^uring *no' "$tmp/backends.out" || fail "uring works though forbidden"
grep -q 'docker/seccomp.json' "$tmp/backends.out" || fail "the fix is not shown"

served socket auto io_uring_setup EPERM
grep -q 'auto: not uring: uring: forbidden' "$tmp/serve.err" || fail "auto does not say why"
served socket auto io_uring_register EPERM

# Without registered files (opcode 2), without a registered ring (20), it works all the same.
served uring uring io_uring_register EINVAL 1=2
served uring uring io_uring_register EINVAL 1=20
# Without provided buffer rings (22, Linux 5.19) one socket is served all the same, several are not.
served uring uring io_uring_register EINVAL 1=22
says 'needs Linux 6.0' deny io_uring_register EINVAL 1=22 "${uring[@]}" -l 127.0.0.2:9000

# Older kernels: rings without deferred task work (flag 1 << 13), or without a kernel thread (1 <<
# 1), get the next best; without single issuers (1 << 12) there is no ring of ours.
served_by_old() { # FLAGS BACKEND OPTION
	environment=("VLY_OLD_RING=$1" "LD_PRELOAD=$plugins/old_ring.so")
	shift
	served "$@" io_uring_setup EPERM 0=0 # of no entries: never
	environment=()
}
served_by_old 0x2000 uring uring
grep -q '^ready: .*cooperative task work' "$tmp/serve.out" || fail "task work was deferred"
options=(-o sqpoll=on)
served_by_old 0x2 uring uring
grep -q 'no kernel thread (SQPOLL): submitting ourselves' "$tmp/serve.err" || fail "not said"
grep -q '^ready: .*deferred task work' "$tmp/serve.out" || fail "not the next best"
options=()
served_by_old 0x1000 socket auto
grep -q 'auto: not uring: uring: needs Linux 6.0' "$tmp/serve.err" || fail "auto does not say why"
VLY_OLD_RING=0x2002 LD_PRELOAD=$plugins/old_ring.so "$volley" backends -v >"$tmp/backends.out"
grep -q 'DEFER_TASKRUN, Linux 6.1): no' "$tmp/backends.out" || fail "the probe sees what is not"
grep -q 'SQPOLL, Linux 5.11 unprivileged): no' "$tmp/backends.out" || fail "likewise of SQPOLL"

# Without receive offload (option 104), segmentation offload (103), timestamps (37), a program that
# steers flows (51): said with the version that brings it, and done without.
served socket socket setsockopt ENOPROTOOPT 2=104
grep -q 'no receive offload (UDP_GRO, Linux 5.0)' "$tmp/serve.err" || fail "UDP_GRO: not said"
grep -q '^ready: .*gro off, gso on' "$tmp/serve.out" || fail "gro: $(<"$tmp/serve.out")"
served uring uring setsockopt ENOPROTOOPT 2=103
grep -q 'no segmentation offload (UDP_SEGMENT, Linux 4.18)' "$tmp/serve.err" ||
	fail "UDP_SEGMENT: not said"
grep -q '^ready: .*gro on, gso off' "$tmp/serve.out" || fail "gso: $(<"$tmp/serve.out")"
options=(-q 2 -o timestamps=software)
served socket socket setsockopt ENOPROTOOPT 2=37
grep -q 'no receive timestamps (SO_TIMESTAMPING)' "$tmp/serve.err" || fail "stamps: not said"
served uring uring setsockopt ENOPROTOOPT 2=51
grep -q 'the kernel chooses queues itself .*Linux 4.5' "$tmp/serve.err" || fail "steer: not said"
options=()
deny setsockopt ENOPROTOOPT 2=104 "$volley" backends -v >"$tmp/backends.out"
[[ $(grep -c 'UDP_GRO, Linux 5.0): no' "$tmp/backends.out") == 2 ]] || fail "UDP_GRO"

"$volley" backends -v >"$tmp/backends.out"
for line in \
	'SINGLE_ISSUER, Linux 6.0.: yes' 'DEFER_TASKRUN, Linux 6.1' \
	'REGISTER_NAPI, Linux 6.9' \
	'provided buffer rings .Linux 5.19.: yes' 'multishot recvmsg .Linux 6.0.: yes' \
	'registered files .Linux 5.1.: yes' 'SENDMSG_ZC, Linux 6.1'; do
	grep -q "$line" "$tmp/backends.out" || fail "backends -v does not list: $line"
done
deny io_uring_register EINVAL 1=2 "$volley" backends -v >"$tmp/backends.out"
grep -q 'registered files .Linux 5.1.: no' "$tmp/backends.out" || fail "the probe sees what is not"

# Without the right to lock memory and without any to lock.
unlocked=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all
	prlimit --memlock=0:0 "$tmp/volley" serve -l 127.0.0.1:9000 -H echo -t 0.1)
cp "$volley" "$tmp/volley" # where every user may read it
says 'RLIMIT_MEMLOCK is 0 KiB' "${unlocked[@]}" -b uring
"${unlocked[@]}" -v >"$tmp/serve.out" 2>"$tmp/serve.err" || fail "auto finds nothing"
grep -q '^ready: socket' "$tmp/serve.out" || fail "not sockets: $(<"$tmp/serve.out")"
grep -q 'auto: not uring: .*RLIMIT_MEMLOCK' "$tmp/serve.err" || fail "auto does not say why"
