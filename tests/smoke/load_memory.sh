#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The memory of `volley load` is what it is after a moment, however long it runs, and no more at any
# rate than without a limit: it counts, and keeps nothing of what it counts.
. "$(dirname "$0")/lib.sh"

serve - -b socket -l 127.0.0.1:9000 -H echo --cores 0 --idle busy
"$python" -B - "$volley" <<-'END' || fail "its memory grows"
	import json, subprocess, sys
	MORE_KIB = 1024
	LEAST = 300000  # datagrams in the longer run: four bytes for each would be seen

	def run(*words):
	    """Its greatest memory, in KiB, and what it tells."""
	    child = """import resource, subprocess, sys
	done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True)
	print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
	sys.stdout.write(done.stdout.decode())"""
	    done = subprocess.run([sys.executable, "-c", child, sys.argv[1], "load", "-b", "socket",
	                           "--json", "--cores", "1", "--idle", "busy", *words,
	                           "127.0.0.1:9000"],
	                          stdout=subprocess.PIPE, check=True, timeout=30)
	    memory, told = done.stdout.split(b"\n", 1)
	    return int(memory), json.loads(told)

	most = 0  # what a run without a limit needs: none with a rate needs more
	for rate in "max", "400k":
	    first, _ = run("-r", rate, "-t", "0.2")
	    second, told = run("-r", rate, "-t", "1")
	    print(f"-r {rate}: {first} KiB, then {second} KiB with {told['sent']} datagrams sent")
	    most = most or second
	    if told["sent"] < LEAST or second > min(first, most) + MORE_KIB:
	        sys.exit(1)
END
stop_serve
