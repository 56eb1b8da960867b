// SPDX-License-Identifier: BSD-3-Clause
//
// A burst through a chain of handlers that only pass it on, and an echo behind them: what the chain
// itself costs. `cycles_each`, and an item, is of one handler, echo included, for one datagram.
#include <stdlib.h>
#include <string.h>

#include "handler/builtin.h"
#include "handler/chain.h"
#include "harness/harness.h"
#include "micro/cycles.h"

enum {
	BURST = 32,
};

static void pass(void *state, struct vly_burst *burst)
{
	(void)state;
	for (uint32_t i = 0; i < burst->count; i++)
		vly_pass(burst->in[i]);
}

static void let_go(void *state, struct vly_burst *burst)
{
	(void)state;
	(void)burst;
}

static const struct vly_handler_ops empty = {
	.abi = VLY_HANDLER_ABI,
	.name = "empty",
	.summary = "passes everything on",
	.on_burst = pass,
};

static const struct vly_handler_ops both_ways = {
	.abi = VLY_HANDLER_ABI,
	.name = "both-ways",
	.summary = "passes everything on, and looks at the answers",
	.on_burst = pass,
	.on_answer = let_go,
};

static void emit(void *arg, struct vly_dgram **tx, uint32_t tx_count, struct vly_dgram **ended,
		 uint32_t ended_count, uint64_t now_ns)
{
	uint64_t *sent = arg;

	(void)tx;
	(void)ended;
	(void)ended_count;
	(void)now_ns;
	*sent += tx_count;
}

static uint32_t alloc(void *arg, struct vly_dgram **dgrams, uint32_t count)
{
	(void)arg;
	(void)dgrams;
	(void)count;
	return 0;
}

static const struct vly_chain_ops chain_ops = {
	.emit = emit,
	.alloc = alloc,
	.alloc_large = alloc,
};

static void drive(struct bench_run *run, struct vly_chain *chain)
{
	struct vly_dgram dgrams[BURST];
	struct vly_dgram *burst[BURST];
	uint64_t begin;

	memset(dgrams, 0, sizeof(dgrams));
	for (uint32_t i = 0; i < BURST; i++) {
		burst[i] = &dgrams[i];
		dgrams[i].rx_ns = 1;
	}
	begin = vly_cycles();
	while (bench_goes_on(run, BURST)) {
		for (uint32_t i = 0; i < BURST; i++)
			dgrams[i].fate = VLY_FATE_UNDECIDED;
		bench_use(dgrams);
		vly_chain_run(chain, burst, BURST, 1);
	}
	cycles_note(run, begin, bench_iterations(run) * chain->link_count);
}

static void run_chain(struct bench_run *run, const struct vly_handler_ops *ops)
{
	uint32_t count = (uint32_t)bench_arg(run);
	struct vly_loaded_handler handlers[VLY_CHAIN_MAX] = {{.ops = NULL}};
	const struct vly_handler_env place = {.worker_count = 1};
	struct vly_chain *chain = calloc(1, sizeof(*chain));
	uint64_t sent = 0;

	for (uint32_t i = 0; i < count; i++)
		handlers[i].ops = ops;
	handlers[count - 1].ops = &vly_handler_echo;
	if (!chain || vly_chain_open(chain, handlers, count, &place, NULL)) {
		bench_skip(run, "no memory");
	} else {
		chain->ops = &chain_ops;
		chain->arg = &sent;
		drive(run, chain);
		if (sent != bench_iterations(run))
			bench_skip(run, "not every datagram was answered");
		vly_chain_close(chain);
	}
	free(chain);
}

static void run_empty(struct bench_run *run)
{
	run_chain(run, &empty);
}

static void run_both_ways(struct bench_run *run)
{
	run_chain(run, &both_ways);
}

extern const struct bench_entry bench_chain[];
const struct bench_entry bench_chain[] = {
	{.name = "chain/empty",
	 .function = run_empty,
	 .arg_name = "handlers",
	 .args = {1, 2, 4, 8}},
	{.name = "chain/both-ways",
	 .function = run_both_ways,
	 .arg_name = "handlers",
	 .args = {2, 4, 8}},
	{.name = NULL},
};
