#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# `volley bench`, cut short: each path is measured, or a reason stands in its row, and the report is
# JSON and a page. Its figures say nothing here. Then what it makes of bad input, of a full disk,
# and of an interruption.
. "$(dirname "$0")/lib.sh"

plain_echo=$build/bench/baselines/plain_echo
[[ -x $plain_echo ]] || skip "built without bench"
export VOLLEY_BENCH_PRIVATE=given

# bench STATUS ARGUMENT...: runs it, and looks at how it ends.
bench() {
	local wanted=$1 status=0

	shift
	timeout -k 5 150 "$volley" bench "$@" >"$tmp/bench.out" 2>"$tmp/bench.err" || status=$?
	((status == wanted)) || fail "volley bench $*: status $status, not $wanted"
}

# says TEXT: one line on standard error, with this in it.
says() {
	[[ $(wc -l <"$tmp/bench.err") == 1 ]] || fail "not one line of what is wrong"
	grep -qF -- "$1" "$tmp/bench.err" || fail "it does not say: $1"
	cat "$tmp/bench.err"
}

bench 0 --quick --rounds 1 --seconds 0.05 -o "$tmp/report"
sed -n '/^wire/,/^$/p' "$tmp/bench.out"
"$python" - "$tmp/report/report.json" "${VLY_DPDK:-1}" "${VLY_URING:-1}" <<-'END' ||
	import json, sys
	built = {"dpdk": sys.argv[2] == "1", "uring": sys.argv[3] == "1"}
	report = json.load(open(sys.argv[1], encoding="utf-8"))
	wrong = [row for row in report["rows"] if len(row["measures"]) < 2
	         and built.get(row["server"], True) and (row["wire"] != "virtio" or built["dpdk"])]
	for row in wrong:
	    print("not measured:", row["wire"], row["server"], row["idle"], row["failures"])
	sys.exit(len(wrong) > 0 or len(report["rows"]) != 17 or not report["machine"]["cpu"] or
	         not report["complete"])
END
	fail "the report is not as expected"
"$python" -B "$root/tests/bench/test_schema.py" "$tmp/report/report.json" >"$tmp/schema.log" 2>&1 ||
	fail "the report is not what its schema says"
grep -q 'Volley, measured' "$tmp/report/report.html" || fail "there is no page"

# All that is measured of a path, and that path beside itself: of one round nothing can be told.
bench 0 --only 'loopback socket preset' --rounds 1 --seconds 0.1 -o "$tmp/one"
sed -n '/^wire/,/^$/p' "$tmp/bench.out"
files=$(ls "$tmp/one")
[[ $(wc -w <<<"$files") == 6 && $files == *preset.hgrm* && $files == *load90.hgrm* ]] ||
	fail "not the files expected: $files"
grep -q '<svg' "$tmp/one/report.html" || fail "there is no plot"
bench 1 --compare "$tmp/one/report.json" --report "$tmp/one/report.json"
grep -q 'nothing can be told from so few rounds' "$tmp/bench.out" || fail "it tells all the same"

# A Python that cannot do it, in this test's mount namespace alone.
mount --bind /bin/false "$(readlink -f /usr/bin/python3)"
PATH=/usr/sbin:/usr/bin:/sbin:/bin bench 1 --quick
says '; apt-get install python3'
# scripts/bench, which looks at its words before setup, leaves that to later then.
mkdir "$tmp/scripts"
cp "$root/scripts/bench" "$tmp/scripts/"
printf '#!/bin/sh\necho setup is reached\nexit 1\n' >"$tmp/scripts/setup"
chmod +x "$tmp/scripts/setup"
[[ $("$tmp/scripts/bench" --nonsense 2>&1) == 'setup is reached' ]] ||
	fail "scripts/bench does not go on without Python"
umount "$(readlink -f /usr/bin/python3)"

bench 2 --nonsense
says "'--nonsense'"
bench 2 sideways
says "no matrix 'sideways'"
bench 2 --rounds 0
says "'0' is not a number from 1"
bench 1 --compare "$tmp/bench.out"
says "is not JSON"
bench 1 --only nonsense -o "$tmp/none"
says "no path has \"nonsense\" in its name"
touch "$tmp/file"
bench 1 -o "$tmp/file/report"
says "$tmp/file/report: Not a directory"

# No room for the report: what was there before stays, and nothing half-written.
mkdir "$tmp/small"
mount -t tmpfs -o size=4k none "$tmp/small"
echo before >"$tmp/small/report.json"
bench 1 --only 'loopback plain block' --rounds 1 --seconds 0.05 -o "$tmp/small"
grep -q "small/report.json: No space left on device" "$tmp/bench.err" || fail "the disk is not full"
[[ $(<"$tmp/small/report.json") == before && $(ls "$tmp/small") == report.json ]] ||
	fail "the report that was there before is gone, or half a one is there"

# Interrupted in its second round: the first one is kept, and marked.
"$volley" bench --only 'loopback plain' --rounds 1000 --seconds 0.1 -o "$tmp/part" \
	>"$tmp/bench.out" 2>"$tmp/bench.err" &
peer=$!
await 30 grep -q 'round 2 of 1000' "$tmp/bench.err" || fail "no second round"
kill -INT "$peer"
await 20 is_gone "$peer" || fail "it goes on 20 s after SIGINT"
status=0
wait "$peer" || status=$?
((status == 130)) || fail "status $status after SIGINT"
"$python" - "$tmp/part/report.json" <<-'END' || fail "the rounds before SIGINT are not kept"
	import json, sys
	report = json.load(open(sys.argv[1], encoding="utf-8"))
	sys.exit(report["complete"] is not False or not report["rows"][0]["measures"][0]["rounds"])
END
grep -q 'run was interrupted' "$tmp/part/report.html" || fail "the page does not tell"

[[ -z $(ip netns list) ]] || fail "namespaces were left behind"
for name in volley plain_echo dpdk-testpmd; do
	! pgrep -x "$name" >/dev/null || fail "a process was left behind: $name"
done
