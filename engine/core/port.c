// SPDX-License-Identifier: BSD-3-Clause
//
// Opening, choosing and describing ports; the bursts are in queue.c.
#include "core/port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/clock.h"
#include "core/exception.h"
#include "core/fail.h"
#include "core/group.h"

enum {
	NS_OF_MS = 1000000,
	CLIENT_PORT_FIRST = 49152, // the dynamic ports, RFC 6335, section 6
	CLIENT_PORT_COUNT = 16384,
	HEAR_TRIES_MAX = 100, // the backend may be busy with it
	LARGE_SHARE = 16,     // frames' buffers for each large one, between these bounds
	LARGE_MIN = 32,
	LARGE_MAX = 256,
};

static int check_config(const struct vly_port_config *config, struct vly_error *error)
{
	if (config->queues > VLY_QUEUES_MAX)
		return vly_fail(error, -EINVAL, "%u queues are too many; give 1 to %u",
				config->queues, VLY_QUEUES_MAX);
	if (config->listen_count > VLY_LISTENS_MAX)
		return vly_fail(error, -EINVAL, "%u listen addresses are too many; give up to %u",
				config->listen_count, VLY_LISTENS_MAX);
	if (config->listen_span > 1 &&
	    (!config->listen_count ||
	     config->listens[0].addr.port + config->listen_span > UINT16_MAX + 1u))
		return vly_fail(error, -EINVAL,
				"%u ports from the first listen on are more than there are",
				config->listen_span);
	if (config->addr_count > VLY_ADDRS_MAX)
		return vly_fail(error, -EINVAL, "%u addresses are too many; give up to %u",
				config->addr_count, VLY_ADDRS_MAX);
	if (config->dad_ms > VLY_DAD_MAX_MS && config->dad_ms != VLY_DAD_NONE)
		return vly_fail(error, -EINVAL, "%u ms of probing are too long; give up to %u",
				config->dad_ms, VLY_DAD_MAX_MS);
	return 0;
}

static uint16_t random_client_port(void)
{
	return (uint16_t)(CLIENT_PORT_FIRST + (uint32_t)random() % CLIENT_PORT_COUNT);
}

// What the kernel knows already, so that the first datagram finds its route.
static void hear_first(struct vly_queue *queue)
{
	for (uint32_t i = 0; i < HEAR_TRIES_MAX && vly_queue_has_news(queue); i++)
		vly_queue_hear(queue, vly_clock_ns());
}

// Of a pool of frames so large.
static uint32_t large_count(uint32_t buffers)
{
	uint32_t count = buffers / LARGE_SHARE;

	if (!buffers || count > LARGE_MAX)
		return LARGE_MAX;
	return count < LARGE_MIN ? LARGE_MIN : count;
}

static uint64_t probe_ns_of(const struct vly_port_config *config)
{
	uint64_t ms = config->dad_ms ? config->dad_ms : VLY_DAD_DEFAULT_MS;

	return config->dad_ms == VLY_DAD_NONE ? 0 : ms * NS_OF_MS;
}

// Where the kernel has a say, it gives single ports.
static int fail_span(const struct vly_backend *backend, uint32_t span, struct vly_error *error)
{
	return vly_fail(error, -EINVAL,
			"%s: gives single ports, not %u in a row; take a listen for each",
			backend->name, span);
}

// Fills in addresses that the device has and the user gave none of.
static int open_stacks(struct vly_port *port, struct vly_port_config *config,
		       struct vly_error *error)
{
	struct vly_stack_config stack = {
		.listens = config->listens,
		.listen_count = config->listen_count,
		.listen_span = config->listen_span,
		.groups = config->groups,
		.group_count = config->group_count,
		.routes = config->routes,
		.route_count = config->route_count,
		.neighbours = config->neighbours,
		.neighbour_count = config->neighbour_count,
		.vlan = config->vlan,
		.has_kernel = config->exception != NULL,
	};

	port->backend->link_info(port->inner, &stack.link);
	stack.asks_outside = stack.link.news_version != NULL;
	if (config->listen_span > 1 && stack.asks_outside)
		return fail_span(port->backend, config->listen_span, error);
	if (!config->addr_count) {
		config->addrs = stack.link.addrs;
		config->addr_count = stack.link.addr_count;
	}
	stack.addrs = config->addrs;
	stack.addr_count = config->addr_count;
	if (!config->addr_count)
		return vly_fail(error, -EINVAL,
				"%s: the port has no address of its own; give one "
				"with -a, for instance -a 10.0.0.1/24",
				port->backend->name);
	port->board = vly_board_open(port->queue_count + 1);
	if (!port->board)
		return vly_fail(error, -ENOMEM, "out of memory");
	stack.large_count = large_count(config->buffers);
	stack.queue_count = port->queue_count;
	if (getrandom(&stack.id_seed, sizeof(stack.id_seed), GRND_NONBLOCK) < 0)
		stack.id_seed = (uint64_t)random() << 32 | (uint64_t)random();
	for (uint32_t i = 0; i < port->queue_count; i++) {
		int rc;

		port->queues[i].board = port->board;
		port->queues[i].column = i;

		stack.client_port =
			stack.link.client_port ? stack.link.client_port : random_client_port();
		port->queues[i].news_version = stack.link.news_version;
		stack.is_quiet = i > 0;
		stack.queue = i;
		stack.probe_ns = stack.link.is_alone ? 0 : probe_ns_of(config);
		rc = vly_stack_open(&port->queues[i].stack, &stack, error);
		if (rc)
			return rc;
		hear_first(&port->queues[i]);
	}
	return 0;
}

// After the stacks, which have filled in the addresses.
static int open_exception(struct vly_port *port, const struct vly_port_config *config,
			  struct vly_error *error)
{
	struct vly_link_info link;

	if (!config->exception)
		return 0;
	port->backend->link_info(port->inner, &link);
	if (link.kernel_hears)
		return vly_fail(error, -EINVAL,
				"exception: the kernel gets what is not ours from this device "
				"anyway; leave it out, or for af_xdp give -o share=off");
	if (config->vlan)
		return vly_fail(error, -EINVAL,
				"exception: not with a VLAN of ours, whose tag the kernel's "
				"interface would not have; leave out one of the two");
	return vly_exception_open(&port->exception, config->exception, &link, config, port->queues,
				  port->queue_count, error);
}

static int open_queues(struct vly_port *port, uint32_t first_queue, struct vly_error *error)
{
	port->queue_count = port->backend->queue_count(port->inner);
	port->queues = aligned_alloc(_Alignof(struct vly_queue),
				     port->queue_count * sizeof(struct vly_queue));
	if (!port->queues)
		return vly_fail(error, -ENOMEM, "out of memory");
	memset(port->queues, 0, port->queue_count * sizeof(struct vly_queue));
	for (uint32_t i = 0; i < port->queue_count; i++) {
		port->queues[i].backend = port->backend;
		port->queues[i].inner = port->backend->queue(port->inner, i);
		port->queues[i].ledger = port->ledgers[i];
		port->queues[i].buffer_count = port->backend->buffer_count(port->inner);
		port->queues[i].index = (uint8_t)(first_queue + i);
		if (port->backend->number)
			port->backend->number(port->queues[i].inner, port->queues[i].index);
	}
	return 0;
}

static int alloc_ledgers(struct vly_port *port, uint32_t count)
{
	size_t bytes = (sizeof(struct vly_ledger_block) + 127) / 128 * 128;

	for (uint32_t i = 0; i < count; i++) {
		port->ledgers[i] = aligned_alloc(128, bytes);
		if (!port->ledgers[i])
			return -ENOMEM;
		memset(port->ledgers[i], 0, bytes);
	}
	return 0;
}

// What a backend of datagrams takes no notice of: there the kernel has the say.
static void name_ignored(const struct vly_backend *backend, const struct vly_port_config *config)
{
	bool is_sim = strcmp(backend->name, "sim") == 0;

	if (is_sim && config->group_count)
		vly_log_line(&config->log, "sim: groups are not joined: its peers send to us");
	if (backend->layer == VLY_LAYER_FRAME || is_sim)
		return;
	if (config->addr_count && config->listen_count)
		vly_log_line(&config->log,
			     "%s: the addresses of -a are not listened on: the kernel has its own; "
			     "to serve one alone, say -l ADDRESS:PORT",
			     backend->name);
	if (config->route_count || config->neighbour_count || config->vlan)
		vly_log_line(&config->log,
			     "%s: gateway, routes, neighbours and VLAN are the kernel's; see: "
			     "ip route, ip neigh, ip link add type vlan",
			     backend->name);
	if (config->exception)
		vly_log_line(&config->log,
			     "%s: no exception path is needed: what is not ours stays the kernel's",
			     backend->name);
	if (config->mtu)
		vly_log_line(&config->log, "%s: the MTU is the interface's; see: ip link set mtu",
			     backend->name);
}

static int open_with(struct vly_port **out, const struct vly_backend *backend,
		     const struct vly_port_config *asked, uint32_t first_queue,
		     struct vly_error *error)
{
	union vly_value values[VLY_KEYS_MAX];
	struct vly_group groups[VLY_GROUPS_MAX];
	struct vly_port_config config = *asked;
	struct vly_error inner = {""};
	struct vly_port *port;
	int rc;

	config.queues = config.queues ? config.queues : 1;
	config.backend = backend->name;
	rc = vly_keys_parse(backend->keys, config.options, config.option_count, values, &inner);
	if (rc)
		return vly_fail(error, rc, "%s: %.300s", backend->name, inner.text);
	if (config.listen_span > 1 && backend->layer != VLY_LAYER_FRAME)
		return fail_span(backend, config.listen_span, error);
	rc = vly_groups_complete(&config, groups, error);
	if (rc)
		return rc;
	port = calloc(1, sizeof(*port));
	if (!port || alloc_ledgers(port, config.queues)) {
		rc = vly_fail(error, -ENOMEM, "out of memory");
		goto err_close;
	}
	port->backend = backend;
	port->log = config.log;
	rc = backend->open(&port->inner, &config, values, port->ledgers, error);
	if (rc)
		goto err_close;
	rc = open_queues(port, first_queue, error);
	if (!rc && backend->layer == VLY_LAYER_FRAME)
		rc = open_stacks(port, &config, error);
	if (!rc && port->board)
		rc = vly_port_verify(port, error);
	if (!rc && backend->layer == VLY_LAYER_FRAME)
		rc = open_exception(port, &config, error);
	if (rc)
		goto err_close;
	name_ignored(backend, &config);
	vly_port_describe(port, &config);
	*out = port;
	return 0;

err_close:
	vly_port_close(port);
	return rc;
}

// Tries each backend from the best on; says of each that is passed over why it is.
static int open_auto(struct vly_port **port, const struct vly_port_config *config,
		     uint32_t first_queue, struct vly_error *error)
{
	struct vly_error reason = {""};
	int rc = -ENOTSUP;

	for (uint32_t i = 0; vly_backends[i]; i++) {
		const struct vly_backend *backend = vly_backends[i];

		if (strcmp(backend->name, "sim") == 0)
			continue;
		if (backend->layer == VLY_LAYER_FRAME && !config->device) {
			vly_log_line(&config->log, "auto: not %s: no device is given with -d",
				     backend->name);
			continue;
		}
		rc = backend->probe(&reason);
		if (!rc)
			rc = open_with(port, backend, config, first_queue, &reason);
		if (!rc)
			return 0;
		vly_log_line(&config->log, "auto: not %s: %s", backend->name, reason.text);
	}
	// Why not even the last one, which needs the least.
	return vly_fail(error, rc, "%s", reason.text);
}

int vly_port_open_at(struct vly_port **port, const struct vly_port_config *config,
		     uint32_t first_queue, struct vly_error *error)
{
	const struct vly_backend *backend;
	struct vly_backend_report reports[8];
	uint32_t count;
	int rc = check_config(config, error);

	if (rc)
		return rc;
	if (!config->backend || strcmp(config->backend, "auto") == 0)
		return open_auto(port, config, first_queue, error);
	backend = vly_backend_find(config->backend);
	if (backend)
		return open_with(port, backend, config, first_queue, error);
	count = vly_backend_probe(reports, 8);
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(reports[i].name, config->backend) == 0)
			return vly_fail(error, -ENOTSUP, "%s", reports[i].detail.text);
	}
	return vly_fail(error, -EINVAL,
			"backend '%s' is not known; choose socket, uring, dpdk, sim "
			"or auto",
			config->backend);
}

int vly_port_open(struct vly_port **port, const struct vly_port_config *config,
		  struct vly_error *error)
{
	return vly_port_open_at(port, config, 0, error);
}

void vly_port_close(struct vly_port *port)
{
	if (!port)
		return;
	for (uint32_t i = 0; port->queues && i < port->queue_count; i++)
		vly_stack_close(port->queues[i].stack);
	vly_exception_close(port->exception);
	free(port->queues);
	free(port->board);
	if (port->backend)
		port->backend->close(port->inner);
	for (uint32_t i = 0; i < VLY_QUEUES_MAX; i++)
		free(port->ledgers[i]);
	free(port);
}

const char *vly_port_backend(const struct vly_port *port)
{
	return port->backend->name;
}

const char *vly_port_summary(const struct vly_port *port)
{
	return port->summary;
}

uint32_t vly_port_queue_count(const struct vly_port *port)
{
	return port->queue_count;
}

struct vly_queue *vly_port_queue(struct vly_port *port, uint32_t index)
{
	return index < port->queue_count ? &port->queues[index] : NULL;
}

struct vly_addr vly_port_local(const struct vly_port *port)
{
	if (port->queues[0].stack)
		return vly_stack_local(port->queues[0].stack, NULL);
	return port->backend->local(port->inner);
}

void vly_port_ledger(const struct vly_port *port, struct vly_ledger *ledger)
{
	memset(ledger, 0, sizeof(*ledger));
	for (uint32_t i = 0; i < VLY_QUEUES_MAX && port->ledgers[i]; i++)
		vly_ledger_block_read(port->ledgers[i], ledger);
}

void vly_port_queue_ledger(const struct vly_port *port, uint32_t queue, struct vly_ledger *ledger)
{
	memset(ledger, 0, sizeof(*ledger));
	vly_ledger_block_read(port->ledgers[queue], ledger);
}
