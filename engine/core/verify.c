// SPDX-License-Identifier: BSD-3-Clause
//
// Whether other stations have the port's addresses: asked before it is open, watched afterwards.
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "core/clock.h"
#include "core/fail.h"
#include "core/port.h"

enum {
	PAUSE_NS = 200000,
	IP_TEXT_BYTES = 48,
	MAC_TEXT_BYTES = 18,
	NO_COLUMN = VLY_QUEUES_MAX + 1, // of the board: the control thread has none
	ALERT_EVERY_NS = 1000000000,
};

static void names_of(const struct vly_stack_news *news, char *ip, char *mac)
{
	const uint8_t *m = news->mac;

	vly_ip_format(news->ip, ip, IP_TEXT_BYTES);
	snprintf(mac, MAC_TEXT_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		 m[5]);
}

// The next conflict that a stack of the port has put up.
static bool next_conflict(struct vly_port *port, struct vly_stack_news *news)
{
	while (vly_board_read(port->board, &port->reader, NO_COLUMN, news))
		if (news->kind == VLY_STACK_NEWS_CONFLICT)
			return true;
	return false;
}

// One turn of a queue: what comes is not for us yet, but for the answers to the probes.
static uint32_t turn(struct vly_queue *queue)
{
	struct vly_dgram *dgrams[VLY_BURST_MAX];
	uint64_t now_ns = vly_clock_ns();
	uint32_t count = vly_rx_burst(queue, dgrams, VLY_BURST_MAX, now_ns);

	for (uint32_t i = 0; i < count; i++)
		dgrams[i]->fate = VLY_DROP_NOT_OUR_IP;
	vly_release_burst(queue, dgrams, count);
	vly_queue_flush(queue, now_ns);
	return count;
}

static bool is_probing(const struct vly_port *port)
{
	for (uint32_t i = 0; i < port->queue_count; i++)
		if (vly_stack_is_probing(port->queues[i].stack))
			return true;
	return false;
}

int vly_port_verify(struct vly_port *port, struct vly_error *error)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct vly_stack_news news;
	bool has_conflict = false;

	// Nothing is taken from a wire on which nothing is asked, such as a capture.
	while (is_probing(port) && !has_conflict) {
		uint32_t work = 0;

		for (uint32_t i = 0; i < port->queue_count; i++)
			work += turn(&port->queues[i]);
		has_conflict = next_conflict(port, &news);
		if (!work)
			nanosleep(&pause, NULL);
	}
	for (uint32_t i = 0; i < port->queue_count; i++)
		if (port->backend->leave)
			port->backend->leave(port->queues[i].inner);
	if (has_conflict) {
		char ip[IP_TEXT_BYTES];
		char mac[MAC_TEXT_BYTES];

		names_of(&news, ip, mac);
		return vly_fail(error, -EADDRINUSE,
				"%s is in use by the station %s; give another address, or stop "
				"that one (see --dad)",
				ip, mac);
	}
	return 0;
}

void vly_port_watch(struct vly_port *port, const struct vly_log *alerts)
{
	struct vly_stack_news news;
	struct vly_stack_news last;
	uint32_t count = 0;
	char ip[IP_TEXT_BYTES];
	char mac[MAC_TEXT_BYTES];

	if (port->backend->watch)
		port->backend->watch(port->inner, alerts);
	if (!port->board || vly_clock_ns() - port->alerted_ns < ALERT_EVERY_NS)
		return;
	for (; next_conflict(port, &news); count++)
		last = news;
	if (!count)
		return;
	port->alerted_ns = vly_clock_ns();
	names_of(&last, ip, mac);
	vly_log_line(
		alerts,
		"the station %s claims %s, which is ours: what is sent there may reach either; "
		"give one of the two another address (%u such frames since the last line)",
		mac, ip, count);
}
