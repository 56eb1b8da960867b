#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What volley new-handler writes builds against an installed Volley, passes its tests, and is
# served; volley handlers tells what it takes; and what cannot be is one clear line.
. "$(dirname "$0")/lib.sh"

needs_tool meson ninja pkg-config cc
DESTDIR=$tmp/root meson install -C "$build" --no-rebuild --quiet >"$tmp/install.log" 2>&1 ||
	fail "meson install"
pc=$(find "$tmp/root" -name volley.pc)
library=$(find "$tmp/root" -name libvolley.so)
[[ -n $pc && -n $library ]] || fail "no volley.pc or libvolley.so was installed"
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$tmp/root LD_LIBRARY_PATH=${library%/*}
volley=$(find "$tmp/root" -type f -name volley -perm -u+x -path '*/bin/*')

cd "$tmp"
"$volley" new-handler greeter >"$tmp/new.log" || fail "volley new-handler"
[[ $(cd greeter && echo *) == "README.md greeter.c meson.build test_greeter.c" ]] ||
	fail "not the files expected: $(ls greeter)"
! grep -rq 'my_handler\|SPDX' greeter || fail "a placeholder was left"
(meson setup greeter/build greeter && meson test -C greeter/build) >"$tmp/build.log" 2>&1 ||
	fail "the project does not build and pass"
grep -q '^Ok: *1' "$tmp/build.log" || fail "its test did not run"

"$volley" handlers greeter/build/greeter.so >"$tmp/handlers.log" || fail "volley handlers FILE"
grep -q '^  greeting  *text ' "$tmp/handlers.log" || fail "no key is shown"
grep -q '^  limit  *number .*(1 to 1G)$' "$tmp/handlers.log" || fail "no range is shown"
grep -q '^  text_bytes  *histogram ' "$tmp/handlers.log" || fail "no metric is shown"
"$volley" handlers --json greeter/build/greeter.so | "$python" -c 'import json, sys
handler, = json.load(sys.stdin)["handlers"]
assert handler["name"] == "greeter" and handler["abi"] >= 2
assert [key["name"] for key in handler["keys"]] == ["greeting", "limit"]
assert handler["keys"][1]["max"] == 10**9 and not handler["keys"][1]["required"]
assert [m["type"] for m in handler["metrics"]] == ["counter", "counter", "histogram"]' ||
	fail "volley handlers --json"
"$volley" handlers | grep -q '^echo ' || fail "volley handlers does not list echo"

serve - -b socket -l 127.0.0.1:9000 -H "greeter/build/greeter.so,greeting=Good day to ,limit=2"
"$python" -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b"Ann", ("127.0.0.1", 9000))
assert s.recv(100) == b"Good day to Ann"' || fail "the handler does not answer"
stop_serve
ledger balanced 'sent == 1' "[m['value'] for m in metrics] == [1, 0, 1]"

# refused STATUS WORD ARGUMENT...: one line that has the word.
refused() {
	local status=0 expected=$1 word=$2

	shift 2
	"$volley" "$@" >"$tmp/refused.out" 2>"$tmp/refused.err" || status=$?
	[[ $status == "$expected" && $(wc -l <"$tmp/refused.err") == 1 ]] ||
		fail "volley $*: status $status, $(<"$tmp/refused.err")"
	grep -qe "$word" "$tmp/refused.err" || fail "volley $*: $(<"$tmp/refused.err")"
}
refused 1 'greeter.*-o' new-handler greeter
refused 1 "nowhere/x" new-handler -o nowhere/x other
refused 2 'built in' new-handler echo
refused 2 'Greeter' new-handler Greeter
refused 2 'a-b' new-handler a-b
refused 2 'give a name' new-handler
refused 1 'nosuch' handlers nosuch
refused 1 'nosuch.so' handlers ./nosuch.so
refused 1 'not a handler' handlers "$library"
