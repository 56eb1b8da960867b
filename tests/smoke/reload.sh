#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# reload.sh socket|uring: a handler is built again and again while eight flows ask it as fast as
# they can. No answer is lost or overtaken; one of a wrong ABI is refused, and the old goes on.
. "$(dirname "$0")/lib.sh"

backend=$1
needs_backend "$backend"
needs_tool cc
builds=8

# build_handler VERSION: an echo that adds a byte with its version to four that are asked.
build_handler() {
	cc -std=gnu11 -Wall -Wextra -Werror -O2 -shared -fPIC -I "$root/engine/include" \
		-DVERSION="$1" -o "$tmp/version.so" -x c - >"$tmp/cc.log" 2>&1 <<-'END' || fail "cc"
			#include <volley/handler.h>
			static void on_burst(void *state, struct vly_burst *burst)
			{
				(void)state;
				for (uint32_t i = 0; i < burst->count; i++) {
					vly_dgram_data(burst->in[i])[4] = VERSION;
					burst->in[i]->len = 5;
					vly_reply(burst->in[i]);
				}
			}
			const struct vly_handler_ops vly_handler = {
				.abi = VLY_HANDLER_ABI,
				.name = "version",
				.summary = "says which build it is",
				.on_burst = on_burst,
			};
		END
}

# said TEXT TIMES: whether the server has said it so often.
said() { (($(grep -c "$1" "$tmp/serve.err") == $2)); }

for workers in 0 2; do
	rm -f "$tmp/enough"
	build_handler 1
	serve - -b "$backend" -l 127.0.0.1:9000 -w "$workers" -H "$tmp/version.so"
	start_peer flows "$python" "$here/flow_order.py" 127.0.0.1 9000 8 10000000 "$tmp/enough"
	for ((i = 2; i <= builds; i++)); do
		build_handler "$i"
		if ((i % 2)); then kill -s HUP "$server"; else "$volley" reload "$server"; fi
		await 10 said 'loaded anew' $((i - 1)) || fail "build $i was not loaded"
		sleep 0.1 # for answers of this one
	done
	cp "$build/tests/smoke/plugins/wrong_abi.so" "$tmp/version.so"
	"$volley" reload "$server"
	await 10 said 'not reloaded, the old handlers go on: .*ABI' 1 || fail "a wrong ABI, unnamed"
	! is_gone "$peer" || fail "the flows have ended too early"
	sleep 0.1
	touch "$tmp/enough"
	await 20 is_gone "$peer" || fail "the flows still run"
	wait "$peer" || fail "an answer is lost or out of order"
	grep -q "builds 1 2 3 4 5 6 7 8\$" "$tmp/flows.log" || fail "not all builds have answered"
	stop_serve
	ledger balanced 'received == sent' 'drops == 0' 'sent > 1000'
done
