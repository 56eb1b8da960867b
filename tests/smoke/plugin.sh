#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The example plug-ins: the one that was built, and the C program of the README, compiled as the
# README says.
. "$(dirname "$0")/lib.sh"

# answers QUESTION ANSWER
answers() {
	"$python" - "$@" <<-'END' || fail "not the answer expected"
		import socket, sys
		s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		s.settimeout(5)
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 33)
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0x28)
		s.sendto(sys.argv[1].encode(), ("::1", 9000))
		got = s.recv(2000)
		assert got == sys.argv[2].encode(), got
	END
}

serve - -b socket -l '[::1]:9000' -H "$build/apps/plugins/upper.so"
answers 'volley 0.1 says hi' 'VOLLEY 0.1 SAYS HI'
stop_serve
ledger balanced 'handled == 1'

# A handler that does not say that it ignores them is told hop limit and traffic class, also behind
# one that does.
echo ::1/128 >"$tmp/allowed"
serve - -b socket -l '[::1]:9000' -H "auth,allow=$tmp/allowed" \
	-H "$build/tests/smoke/plugins/hops.so"
answers 'who goes there' '33 40'
stop_serve

# The README's C program with a handler in it: its first block of indented lines that has both.
"$python" - "$root/README.md" "$tmp/readme.c" <<-'END' || fail "the README shows no handler in C"
	import re, sys
	text = open(sys.argv[1], encoding="utf-8").read()
	blocks = re.findall(r"(?:^(?:    .*)?\n)+", text, re.M)
	programs = [b for b in blocks if "#include" in b and "vly_handler " in b]
	if not programs:
	    sys.exit(1)
	program = re.sub(r"^    ", "", programs[0], flags=re.M)
	open(sys.argv[2], "w", encoding="utf-8").write(program)
END
cc -std=gnu11 -Wall -Wextra -Werror -O3 -shared -fPIC -I "$root/engine/include" \
	-o "$tmp/readme.so" "$tmp/readme.c" >"$tmp/cc.log" 2>&1 || fail "the README's handler"
serve - -b socket -l '[::1]:9000' -H "$tmp/readme.so"
answers 'volley' 'VOLLEY'
stop_serve
