#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What is installed is enough: a program builds with pkg-config against the shared library alone,
# and a plug-in against the installed headers, which the installed binary loads.
. "$(dirname "$0")/lib.sh"

needs_tool meson pkg-config cc
DESTDIR=$tmp/root meson install -C "$build" --no-rebuild --quiet >"$tmp/install.log" 2>&1 ||
	fail "meson install"
pc=$(find "$tmp/root" -name volley.pc)
[[ -n $pc ]] || fail "no volley.pc was installed"
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$tmp/root
library=$(find "$tmp/root" -name libvolley.so)
[[ -n $library ]] || fail "no libvolley.so was installed"

cat >"$tmp/tiny.c" <<'END'
#include <stdio.h>
#include <volley/volley.h>

int main(void)
{
	struct vly_port_config config = {.backend = "socket"};
	struct vly_error error;
	struct vly_port *port;

	if (vly_port_open(&port, &config, &error) < 0) {
		puts(error.text);
		return 1;
	}
	printf("%s %s\n", vly_version(), vly_port_backend(port));
	vly_port_close(port);
	return 0;
}
END
read -ra flags < <(pkg-config --cflags --libs volley)
cc -std=c11 -Wall -Wextra -Werror -o "$tmp/tiny" "$tmp/tiny.c" "${flags[@]}" >"$tmp/cc.log" 2>&1 ||
	fail "a program does not build against the installed library: ${flags[*]}"
export LD_LIBRARY_PATH=${library%/*}
ldd "$tmp/tiny" | grep -q "libvolley.so.*$tmp/root" || fail "tiny is not linked with libvolley.so"
"$tmp/tiny" | tee "$tmp/tiny.log"
grep -q ' socket$' "$tmp/tiny.log" || fail "the program does not run"

cp "$root/apps/plugins/upper.c" "$tmp/upper.c"
read -ra flags < <(pkg-config --cflags volley)
cc -O3 -shared -fPIC "${flags[@]}" -o "$tmp/upper.so" "$tmp/upper.c" >"$tmp/cc.log" 2>&1 ||
	fail "a plug-in does not build against the installed headers"
unset LD_LIBRARY_PATH
volley=$(find "$tmp/root" -type f -name volley -perm -u+x -path '*/bin/*')
[[ -n $volley ]] || fail "no bin/volley was installed"
serve - -b socket -l 127.0.0.1:9000 -H "$tmp/upper.so"
"$python" -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b"volley", ("127.0.0.1", 9000))
assert s.recv(100) == b"VOLLEY"' || fail "the plug-in does not answer"
stop_serve
ledger balanced 'handled == 1'
