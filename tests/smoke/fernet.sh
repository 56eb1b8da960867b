#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# fernet with Python's cryptography as the peer: both ways, several keys, a rotation while it runs,
# what is refused and as what it is counted. No key is in what the server writes, or in what `ps`
# shows of it.
. "$(dirname "$0")/lib.sh"

[[ ${VLY_CRYPTO:-1} == 1 ]] || skip "built without OpenSSL"
client=("$python" "$here/fernet_client.py" 9000)
new_key() { "$python" -c 'from cryptography.fernet import Fernet
print(Fernet.generate_key().decode())'; }

# holds_no_key FILE...: none of the keys is in these, in base64 or as bytes in base 16. What ps
# shows is taken before: this looks for keys by a command line that has them.
holds_no_key() {
	local key

	for key in "$old" "$new"; do
		! grep -aqiF -e "${key%=}" -e "$(base64 -d <<<"${key//[-_]/+}" 2>/dev/null |
			od -An -v -tx1 | tr -d ' \n')" "$@" || fail "a key is in one of: $*"
	done
}

# Whether several at once is built in, and this processor has what it needs.
together='== 0'
[[ ${VLY_MULTI_BUFFER:-0} == 0 ]] || ! grep -qw aes /proc/cpuinfo || together='>= 8'

said() { (($(grep -c "$1" "$tmp/serve.err") == $2)); }

old=$(new_key) new=$(new_key)
(umask 077
	echo "$old" >"$tmp/old"
	echo "$new" >"$tmp/new"
	printf '# since today\n%s\n\n%s\n' "$new" "$old" >"$tmp/both")

cp "$tmp/old" "$tmp/keys"
serve - -b socket -l 127.0.0.1:9000 -H "fernet,key-file=$tmp/keys,ttl=60s,skew=5s" -H echo -v
"${client[@]}" "$tmp/old" 300 >"$tmp/old.log" 2>&1 || fail "Python's tokens are not understood"
"${client[@]}" "$tmp/old" refused >"$tmp/refused.log" 2>&1 || fail "one was not refused"

# A whole burst at once: it waits while the server cannot look.
kill -s STOP "$server"
start_peer burst "${client[@]}" "$tmp/old" burst
await 10 grep -q sent "$tmp/burst.log" || fail "Python did not send"
kill -s CONT "$server"
wait "$peer" || fail "a burst of Python's tokens is not understood"
peer=

# Rotation: first the new key is added, and seals; the old one still opens.
cp "$tmp/both" "$tmp/keys"
kill -s HUP "$server"
await 10 said 'loaded anew' 1 || fail "it did not take the new keys"
grep -v '^#' "$tmp/both" >"$tmp/client"
"${client[@]}" "$tmp/client" 100 >"$tmp/both.log" 2>&1 || fail "MultiFernet, new key first"
printf '%s\n%s\n' "$old" "$new" >"$tmp/client"
"${client[@]}" "$tmp/client" 100 >"$tmp/mixed.log" 2>&1 || fail "MultiFernet, old key first"

# A file that has lost its keys changes nothing, and the line does not show them.
echo "$new$new" >"$tmp/keys"
kill -s HUP "$server"
await 10 said 'not reloaded' 1 || fail "it took a file without keys"
"${client[@]}" "$tmp/new" 10 >"$tmp/new.log" 2>&1 || fail "the keys were lost with the file"
ps -efww >"$tmp/ps"
holds_no_key "/proc/$server/cmdline" "$tmp/ps" "$tmp/serve.err" "$tmp/serve.out"
stop_serve
ledger balanced 'fernet_opened == fernet_sealed == 551' \
	'fernet_opened_older_key == 100' \
	"fernet_sealed_together $together" "fernet_checked_together $together" \
	'malformed == fernet_bad_token == 2' 'unauthorised == 5' 'fernet_bad_mac == 2' \
	'fernet_expired == 2' 'fernet_future == 1' 'drops == 7'
holds_no_key "$tmp/serve.err" "$tmp/serve.out"

# From the environment; without keys it does not start.
export VLY_KEYS="$new,$old"
serve - -b socket -l 127.0.0.1:9000 -w 2 -H fernet,key-env=VLY_KEYS -H echo
"${client[@]}" "$tmp/new" 50 >"$tmp/env.log" 2>&1 || fail "keys from the environment"
ps -efww >"$tmp/ps"
holds_no_key "/proc/$server/cmdline" "$tmp/ps" "$tmp/serve.err"
stop_serve
ledger balanced 'fernet_opened == fernet_sealed == 50' 'drops == 0'
! "$volley" serve -b socket -l 127.0.0.1:9000 -H fernet >"$tmp/bad.out" 2>"$tmp/bad.err" ||
	fail "it served without keys"
grep -q key-file= "$tmp/bad.err" || fail "what is missing is not named"
