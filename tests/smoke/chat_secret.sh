#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# chat_secret.sh dtls|fernet: a chat that nobody else can read. Inside dtls with OpenSSL's own
# clients, whose names are those that their keys prove; inside fernet with Python's cryptography.
. "$(dirname "$0")/lib.sh"

[[ ${VLY_CRYPTO:-1} == 1 ]] || skip "built without OpenSSL"
needs_tool openssl
declare -A inputs pids

# enter NAME PORT: a client of OpenSSL with that name's key, at that port of its own, which sends
# what it is told.
enter() {
	local input

	rm -f "$tmp/$1.input"
	mkfifo "$tmp/$1.input"
	: >"$tmp/$1.log" # a client of that name before has left its own
	exec {input}<>"$tmp/$1.input"
	openssl s_client -dtls1_2 -connect 127.0.0.1:9000 -bind "127.0.0.1:$2" -cipher PSK \
		-psk_identity "$1" -psk "${keys[$1]}" <"$tmp/$1.input" >"$tmp/$1.log" 2>&1 &
	pids[$1]=$!
	inputs[$1]=$input
	await 10 grep -q 'Verify return code' "$tmp/$1.log" || fail "$1: no session"
}

# tell NAME LINE EXPECTED: the client sends a line, and gets one that matches.
tell() {
	echo "$2" >&"${inputs[$1]}"
	hear "$1" "$3"
}

go() {
	kill "${pids[$1]}"
	wait "${pids[$1]}" 2>/dev/null || true
}

hear() { await 5 grep -q "^$2\$" "$tmp/$1.log" || fail "$1 does not hear \"$2\""; }

# join NAME AS EXPECTED: comes in by that name, with the proof that the first answer has.
join() {
	grep -q '^proof =' "$tmp/$1.log" || tell "$1" "join $1" 'proof =........'
	tell "$1" "join $2 lab $(sed -n 's/^proof //p' "$tmp/$1.log")" "$3"
}

in_dtls() {
	declare -A keys=([alice]=$(openssl rand -hex 16) [bob]=$(openssl rand -hex 16))

	printf '%s\n' "alice:${keys[alice]}" "bob:${keys[bob]}" >"$tmp/psk"
	serve - -b socket -l 127.0.0.1:9000 -H "dtls,psk-file=$tmp/psk" -H chat,rate=1000,burst=1000
	enter alice 5001
	enter bob 5002
	join bob alice 'err your name is who you proved to be'
	join alice alice 'ok joined alice /lab last .*'
	join bob bob 'ok joined bob /lab last .*'
	hear alice '1 /lab \* bob joined'
	tell alice "say are you there" ok
	hear bob '1 /lab alice: are you there'
	hear alice '2 /lab alice: are you there'
	tell bob "to alice psst" ok
	hear alice '3 @ bob: psst'
	tell bob "who lab" 'members /lab 2 .*alice.*'

	# Who goes without a word is a member for a while; whoever comes from that address is not.
	go bob
	go alice
	enter bob 5001
	tell bob "say I am alice" 'err say join NAME'
	tell bob "join alice lab" 'proof =........'
	stop_serve
	ledger balanced 'dtls_handshakes == 3' 'chat_joined == 2' 'chat_displaced == 1' \
		'chat_refused == 2' 'dtls_opened == 10' 'dtls_sealed == 15'
}

in_fernet() {
	"$python" -c 'from cryptography.fernet import Fernet
print(Fernet.generate_key().decode())' >"$tmp/keys"
	serve - -b socket -l 127.0.0.1:9000 -H "fernet,key-file=$tmp/keys" \
		-H chat,rate=1000,burst=1000,notices=0,history=0
	"$python" "$here/chat_fernet.py" 9000 "$tmp/keys" 40 >"$tmp/members.log" 2>&1 ||
		fail "members with Python's cryptography"
	stop_serve
	# Each joined in two steps, said one thing and left; each heard all 40.
	ledger balanced 'fernet_opened == 160' 'chat_copies == 1600' 'fernet_sealed == 1760' \
		'fernet_bad_token == malformed == 1' 'chat_left == 40'
}

"in_$1"
