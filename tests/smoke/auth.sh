#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# An echo behind auth: a Python client with tokens, and who is on no list. Drawing: make_wire in
# lib.sh.
. "$(dirname "$0")/lib.sh"

[[ ${VLY_CRYPTO:-1} == 1 ]] || skip "built without OpenSSL"
make_wire_for socket
secret=$(printf '%064d' 7)
echo "alice $secret" >"$tmp/keys"
echo "10.77.0.0/24 # the wire" >"$tmp/allow"
serve server -b socket -l :9000 -H "auth,allow=$tmp/allow,keys=$tmp/keys" -H echo
in_client "$python" "$here/auth_client.py" 10.77.0.2 9000 alice "$secret" || fail "tokens"
! in_client "$volley" ping -n 1 --timeout 0.2 '[fd77::2]:9000' >"$tmp/ping.out" 2>&1 ||
	fail "who is on no list is answered"
stop_serve
ledger balanced 'sent == 100' 'unauthorised >= 5' 'malformed == 1' \
	'{m["name"]: m["value"] for m in metrics}["replayed"] == 1' \
	'{m["name"]: m["value"] for m in metrics}["stale"] == 1' \
	'{m["name"]: m["value"] for m in metrics}["bad_mac"] == 1' \
	'{m["name"]: m["value"] for m in metrics}["denied"] >= 1'

# A secret that is no secret is named by its line, and not shown.
echo "alice 0123456789abcdef" >"$tmp/keys"
! "$volley" serve -b socket -l :9000 -H "auth,keys=$tmp/keys" -H echo >"$tmp/bad.out" 2>&1 ||
	fail "a bad file is taken"
grep -q "line 1: " "$tmp/bad.out" || fail "the line is not named"
! grep -q 0123456789 "$tmp/bad.out" || fail "the secret is shown"
