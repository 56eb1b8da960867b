#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# port_range.sh BACKEND: a server of 1,000 ports, each of which answers as itself.
. "$(dirname "$0")/lib.sh"

make_wire_for "$1"
serve server "${port[@]}" -l 10.77.0.2:9000-9999 -H echo
grep -q '^ready: .*10.77.0.2:9000-9999' "$tmp/serve.out" || fail "the ready line shows no range"
in_client "$python" "$here/port_range.py" 10.77.0.2 9000 9999 || fail "not every port answers"
stop_serve
ledger balanced 'handled >= 3000' 'rx_missed == 0'
