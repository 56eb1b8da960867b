// SPDX-License-Identifier: BSD-3-Clause
#include "tap/interfaces.h"

#include <net/if.h>
#include <stdio.h>

#include "tap/pcapng.h"

static uint32_t wire_of(const struct vly_wire *wires, uint32_t count, uint8_t queue)
{
	for (uint32_t i = 0; i < count; i++) {
		if (queue - wires[i].queue < wires[i].queue_count && queue >= wires[i].queue)
			return i;
	}
	return 0;
}

static uint32_t write_block(const struct vly_interface *interface, const struct vly_wire *wire,
			    uint32_t snap_bytes, uint8_t *bytes)
{
	const char *port = wire ? wire->name : "volley";
	char name[IF_NAMESIZE];

	if (!interface->ifindex)
		return vly_pcapng_interface(bytes, port, "a port of volley", snap_bytes);
	if (!if_indextoname(interface->ifindex, name))
		snprintf(name, sizeof(name), "if%u", interface->ifindex); // it is gone
	return vly_pcapng_interface(bytes, name, port, snap_bytes);
}

uint32_t vly_interfaces_find(struct vly_interfaces *interfaces, const struct vly_wire *wires,
			     uint32_t wire_count, uint8_t queue, uint32_t link, uint32_t snap_bytes,
			     uint8_t *bytes, uint32_t *len)
{
	struct vly_interface wanted = {.wire = wire_of(wires, wire_count, queue)};
	const struct vly_wire *wire = wire_count ? &wires[wanted.wire] : NULL;

	if (wire && wire->has_ifindex)
		wanted.ifindex = link;
	*len = 0;
	for (uint32_t i = 0; i < interfaces->count; i++) {
		if (interfaces->list[i].wire == wanted.wire &&
		    interfaces->list[i].ifindex == wanted.ifindex)
			return i;
	}
	if (interfaces->count == VLY_INTERFACES_MAX)
		return 0;
	interfaces->list[interfaces->count] = wanted;
	*len = write_block(&wanted, wire, snap_bytes, bytes);
	return interfaces->count++;
}
