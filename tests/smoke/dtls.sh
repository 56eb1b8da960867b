#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# dtls with real clients: OpenSSL's and GnuTLS's, with pre-shared keys and with certificates. Who
# proves nothing gets no answer and is counted; a flood of hellos leaves nothing behind; lost
# datagrams of a handshake are sent again. No key is in what the server writes.
. "$(dirname "$0")/lib.sh"

[[ ${VLY_CRYPTO:-1} == 1 ]] || skip "built without OpenSSL"
needs_tool openssl gnutls-cli
psk=$(openssl rand -hex 32)
whoami=$build/tests/smoke/plugins/whoami.so
# Not ECDHE-PSK: gnutls-cli 3.7 crashes when it describes such a session, after the handshake.
psk_priority=NORMAL:-VERS-ALL:+VERS-DTLS1.2:-KX-ALL:+PSK

# start_client NAME COMMAND...: a client in the background that reads lines from descriptor $input.
start_client() {
	local name=$1

	shift
	rm -f "$tmp/$name.input"
	mkfifo "$tmp/$name.input"
	: >"$tmp/$name.log"
	exec {input}<>"$tmp/$name.input"
	"$@" <"$tmp/$name.input" >"$tmp/$name.log" 2>&1 &
	peer=$!
}

end_client() {
	exec {input}>&-
	stop_peer
}

# hears NAME ANSWER COMMAND...: the client says "hello" when it is through, and gets ANSWER.
hears() {
	local name=$1 answer=$2

	shift 2
	start_client "$name" "$@"
	await 10 grep -q 'Handshake was completed\|Verify return code' "$tmp/$name.log" ||
		fail "$name: no session"
	echo hello >&"$input"
	await 5 grep -q "^$answer says hello" "$tmp/$name.log" || fail "$name: not the answer"
	end_client
}

# is_refused NAME COMMAND...: the client gets nowhere while the server lets a handshake wait.
is_refused() {
	local name=$1

	shift
	start_client "$name" "$@"
	echo hello >&"$input"
	sleep 0.3
	! grep -q 'says hello' "$tmp/$name.log" || fail "$name was let in"
	end_client
}

s_client() {
	openssl s_client -dtls1_2 -connect 127.0.0.1:9000 "$@"
}

gnutls() {
	gnutls-cli --udp --port 9000 "$@" 127.0.0.1
}

certificate() { # NAME SUBJECT [ARGUMENT...]
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -x509 -days 2 \
		-subj "$2" -keyout "$tmp/$1.key" -out "$tmp/$1.pem" "${@:3}" 2>"$tmp/openssl.log" ||
		fail "openssl req"
}

printf '# clients\nbob:%s\nalice:%s\n' "$(openssl rand -hex 16)" "$psk" >"$tmp/psk"
certificate ca /CN=authority
certificate server /CN=server -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" \
	-addext subjectAltName=IP:127.0.0.1
certificate carol "/O=Volley/CN=carol" -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key"
certificate stranger /CN=carol
trust=(-CAfile "$tmp/ca.pem" -verify_return_error)

proofs=psk-file=$tmp/psk,cert=$tmp/server.pem,key=$tmp/server.key,ca=$tmp/ca.pem
serve - -b socket -l 127.0.0.1:9000 -H "dtls,$proofs,handshake=2s" -H "$whoami"
hears openssl_psk alice s_client -psk "$psk" -psk_identity alice -cipher PSK
hears gnutls_psk alice gnutls --pskusername alice --pskkey "$psk" --priority "$psk_priority"
hears openssl_cert carol s_client -cert "$tmp/carol.pem" -key "$tmp/carol.key" "${trust[@]}"
hears gnutls_cert carol gnutls --x509certfile "$tmp/carol.pem" --x509keyfile "$tmp/carol.key" \
	--x509cafile "$tmp/ca.pem"

is_refused wrong_psk s_client -psk "${psk//[0-7]/8}" -psk_identity alice -cipher PSK
is_refused wrong_name gnutls --pskusername eve --pskkey "$psk" --priority "$psk_priority"
is_refused no_cert s_client "${trust[@]}"
is_refused stranger s_client -cert "$tmp/stranger.pem" -key "$tmp/stranger.key" "${trust[@]}"
is_refused old_version openssl s_client -dtls1 -connect 127.0.0.1:9000 -cipher ALL:@SECLEVEL=0
is_refused no_dtls nc -u -w 1 127.0.0.1 9000

# A flood of hellos and noise: the memory stays, and a client still gets in.
before=$(awk '/VmRSS/ { print $2 }' "/proc/$server/status")
"$python" "$here/dtls_wire.py" flood 9000 20000 >"$tmp/flood.log" 2>&1 || fail "the flood"
after=$(awk '/VmRSS/ { print $2 }' "/proc/$server/status")
((after - before < 2048)) || fail "from $before to $after KiB by a flood of hellos"

# Through a wire that loses the flights in which both begin: each sends its own again.
start_peer lossy "$python" "$here/dtls_wire.py" lose 9001 9000 1
lossy=$peer
await 5 grep -q ready "$tmp/lossy.log" || fail "no wire"
hears lossy_psk alice openssl s_client -dtls1_2 -connect 127.0.0.1:9001 -psk "$psk" \
	-psk_identity alice -cipher PSK
peer=$lossy
stop_peer
sleep 2 # for the handshakes that are not done
! grep -qi -e "$psk" -e "$(sed -n 3p "$tmp/server.key")" "$tmp/serve.out" "$tmp/serve.err" \
	"/proc/$server/cmdline" || fail "a key is shown"
stop_serve
ledger balanced 'dtls_handshakes == 5' 'dtls_opened == dtls_sealed == 5' \
	'dtls_bad_certificate == 2' 'dtls_wrong_key == 2' 'dtls_unknown_identity >= 1' \
	'dtls_challenged > 10000' 'dtls_retransmitted >= 1' 'dtls_no_session > 1000' \
	'dtls_sessions == dtls_opening == 0'
