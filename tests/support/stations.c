// SPDX-License-Identifier: BSD-3-Clause
#include "stations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXTS = 4,
	PORT = 9000,
	CLIENT_PORT = 40000,
	MTU = 1500,
};

static void fail(const char *what, const struct vly_error *error)
{
	fprintf(stderr, "%s: %s\n", what, error->text);
	abort();
}

static uint32_t prefixes_parse(struct vly_prefix *prefixes, const char *const *texts)
{
	uint32_t count = 0;
	struct vly_error error;

	for (; count < TEXTS && texts[count]; count++)
		if (vly_prefix_parse(&prefixes[count], texts[count], &error) < 0)
			fail(texts[count], &error);
	return count;
}

static uint32_t listens_parse(struct vly_endpoint *listens, const char *const *texts)
{
	uint32_t count = 0;
	struct vly_error error;

	for (; count < TEXTS && texts[count]; count++)
		if (vly_endpoint_resolve(&listens[count], 1, texts[count], true, &error) < 1)
			fail(texts[count], &error);
	return count;
}

static uint32_t routes_parse(struct vly_route *routes, const char *const *texts)
{
	uint32_t count = 0;
	struct vly_error error;

	for (; count < TEXTS && texts[count]; count++)
		if (vly_route_parse(&routes[count], texts[count], &error) < 0)
			fail(texts[count], &error);
	return count;
}

static uint32_t neighbours_parse(struct vly_neighbour *neighbours, const char *const *texts)
{
	uint32_t count = 0;
	struct vly_error error;

	for (; count < TEXTS && texts[count]; count++)
		if (vly_neighbour_parse(&neighbours[count], texts[count], &error) < 0)
			fail(texts[count], &error);
	return count;
}

struct vly_stack *station_open_fresh(const struct station *station)
{
	static const char *const own[TEXTS] = {"10.0.0.1/24", "fd00::1/64"};
	struct vly_prefix prefixes[TEXTS] = {0};
	struct vly_endpoint listens[TEXTS] = {{.addr = {.port = PORT}}};
	struct vly_route routes[TEXTS];
	struct vly_neighbour neighbours[TEXTS];
	struct vly_stack_config config = station->config;
	static const uint8_t none[6];
	struct vly_stack *stack;
	struct vly_error error;

	config.addrs = prefixes;
	config.addr_count = prefixes_parse(prefixes, station->addrs[0] ? station->addrs : own);
	config.routes = routes;
	config.route_count = routes_parse(routes, station->routes);
	config.neighbours = neighbours;
	config.neighbour_count = neighbours_parse(neighbours, station->neighbours);
	config.listens = listens;
	config.listen_count = 1;
	if (station->listens[0])
		config.listen_count = listens_parse(listens, station->listens);
	if (station->is_client) {
		config.listen_count = 0;
		config.client_port = CLIENT_PORT;
	}
	if (!memcmp(config.link.mac, none, sizeof(none)))
		memcpy(config.link.mac, frame_our_mac, sizeof(frame_our_mac));
	if (config.link.mtu == 0)
		config.link.mtu = MTU;
	if (vly_stack_open(&stack, &config, &error) < 0)
		fail("vly_stack_open", &error);
	return stack;
}

struct vly_stack *station_open(const struct station *station)
{
	struct vly_stack *stack = station_open_fresh(station);
	struct frame *frames = aligned_alloc(64, TEXTS * sizeof(*frames));
	struct vly_dgram *spare[TEXTS];
	struct vly_stack_poll out;

	if (!frames)
		abort();
	for (int i = 0; i < TEXTS; i++) {
		frame_clear(&frames[i]);
		spare[i] = &frames[i].dgram;
	}
	vly_stack_poll(stack, spare, TEXTS, 0, &out);
	free(frames);
	return stack;
}
