#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# fates.sh socket|uring WORKERS: handlers that keep datagrams, forget them, or leave them undecided
# cost nobody else anything, and each datagram has its own line in the ledger.
. "$(dirname "$0")/lib.sh"

backend=$1 workers=$2
plugins=$build/tests/smoke/plugins
needs_backend "$backend"
options=(-b "$backend" -l 127.0.0.1:9000 -w "$workers")

# talk SENT EXPECTED: sends lines that begin with a and b in turn, on one socket; expects so many
# answers.
talk() {
	"$python" - "$1" "$2" <<-'END' || fail "not the answers expected"
		import socket, sys
		sent, expected = int(sys.argv[1]), int(sys.argv[2])
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.connect(("127.0.0.1", 9000))
		for i in range(sent):
		    s.send((b"a" if i % 2 == 0 else b"b") + str(i).encode())
		s.settimeout(5)
		for i in range(expected):
		    s.recv(100)
		s.settimeout(0.2)
		try:
		    s.recv(100)
		    sys.exit("more answers than expected")
		except TimeoutError:
		    pass
	END
}

serve - "${options[@]}" -H "$plugins/undecided.so"
talk 100 50
stop_serve
ledger balanced 'received == 100' 'sent == 50' 'undecided == 50' 'drops == 50'

serve - "${options[@]}" -H "$plugins/keep.so,count=20"
talk 100 80
stop_serve
ledger balanced 'received == 100' 'sent == 100' 'drops == 0'

serve - "${options[@]}" -H "$plugins/keep.so,count=20,forget"
talk 100 80
stop_serve
ledger balanced 'received == 100' 'sent == 80' 'unreleased == 20' 'drops == 20'

# A chain that nobody ends.
serve - "${options[@]}" -H "$plugins/undecided.so" -H sink
talk 10 5
stop_serve
ledger balanced 'received == 10' 'sent == 5' 'undecided == 5'
