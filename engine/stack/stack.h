// SPDX-License-Identifier: BSD-3-Clause
//
// The stack: from an Ethernet frame to a UDP payload and back, for backends that give frames.
// Pure: bytes, state and now_ns in, a verdict out; no port, queue, mbuf, clock or global. One
// stack belongs to one queue and its thread. The function that is fuzzed is the one that runs.
//
// A frame and a payload are the same struct vly_dgram: the stack moves data_offset and len from
// one to the other, in place.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/dgram.h>
#include <volley/error.h>
#include <volley/ledger.h>
#include <volley/port.h>

#include "backend/backend.h"

struct vly_stack;

struct vly_stack_config {
	// The kernel has our addresses, too, and gets what we drop: it answers ARP, NDP, pings and
	// ports that nobody serves. We learn neighbours as ever.
	bool has_kernel;
	struct vly_link_info link;
	const struct vly_prefix *addrs; // at least one
	uint32_t addr_count;
	const struct vly_endpoint *listens; // ports served; none: client with `client_port`
	uint32_t listen_count;
	uint32_t listen_span;           // of the first: ports from its own on; 0: one
	const struct vly_group *groups; // to receive, checked, those listened at among them;
					// ifindex means nothing here
	uint32_t group_count;
	uint16_t client_port;           // when there are no listens
	uint16_t vlan;                  // 802.1Q id to speak, 0: untagged
	const struct vly_route *routes; // to what is on no prefix of ours, or on a longer one
	uint32_t route_count;
	const struct vly_neighbour *neighbours; // known beforehand: never asked for, nor replaced
	uint32_t neighbour_count;
	bool is_quiet;     // another stack probes and announces these addresses, and joins groups
	uint64_t probe_ns; // how long they are probed before they are ours; 0: ours at once
	bool asks_outside; // neighbours are known outside: the stack asks with
			   // VLY_STACK_NEWS_ASKED, not on the wire, and announces nothing

	uint64_t id_seed;     // a random number, the same for all queues of a port
	uint32_t queue;       // which of the port's this is,
	uint32_t queue_count; // of how many; 0: one
	uint32_t large_count; // large buffers; 0: VLY_LARGE_DEFAULT
};

enum vly_stack_verdict {
	VLY_STACK_DELIVER,  // a UDP payload for us: peer, local, len, data_offset, ttl, tos,
			    // flow_hash and link are set
	VLY_STACK_REPLY,    // the buffer now holds an answer frame, ready to transmit as it is
	VLY_STACK_ABSORBED, // taken note of (an ARP reply, a neighbour advertisement); release it
	VLY_STACK_DROP,     // *reason says why; the frame is as it came; release it
	VLY_STACK_HELD,     // a fragment whose bytes are kept: release it; it counts nowhere yet
	VLY_STACK_WHOLE,    // the last fragment that was missing: release it. The datagram is to be
			    // had from vly_stack_take_whole(), now
};

// Memory for all of it is taken here. Returns 0, -EINVAL or -ENOMEM.
int vly_stack_open(struct vly_stack **stack, const struct vly_stack_config *config,
		   struct vly_error *error);
void vly_stack_close(struct vly_stack *stack);

// The address that a client's datagrams leave from, for the family of `peer` (NULL: the first).
struct vly_addr vly_stack_local(const struct vly_stack *stack, const struct vly_addr *peer);

// Reads one received frame. On entry frame->link holds VLY_FRAME_* of what the device verified.
enum vly_stack_verdict vly_stack_input(struct vly_stack *stack, struct vly_dgram *frame,
				       uint64_t now_ns, enum vly_drop *reason);

// A datagram that was put together. It lies in a large buffer, which no device can send.
struct vly_stack_whole {
	struct vly_dgram *dgram;
	enum vly_stack_verdict verdict; // DELIVER; REPLY: for vly_stack_split(); ABSORBED; DROP,
					// with has_kernel for vly_stack_split() too, as it came
	enum vly_drop reason;
	uint32_t fragments; // that it came in; all but one end as absorbed
};

struct vly_stack_whole vly_stack_take_whole(struct vly_stack *stack);

// Large buffers (stack/large.h): an empty one, or NULL; back to the stack; whether it is one.
struct vly_dgram *vly_stack_large_take(struct vly_stack *stack);
void vly_stack_large_give(struct vly_stack *stack, struct vly_dgram *dgram);
bool vly_stack_large_has(const struct vly_stack *stack, const struct vly_dgram *dgram);

// Whether any is elsewhere than in the pool: if not, no datagram needs to be looked at.
bool vly_stack_large_is_out(const struct vly_stack *stack);

enum vly_stack_output_verdict {
	VLY_STACK_TRANSMIT, // dgram is now a frame with link set to VLY_FRAME_* for the device
	VLY_STACK_WAIT,     // its next hop is being asked for: the stack has kept the datagram, and
			    // gives it back through vly_stack_poll()
	VLY_STACK_REFUSED,  // *reason says why; the datagram is unchanged
	VLY_STACK_SPLIT,    // it leaves in several frames, or lies in a large buffer: now
			    // vly_stack_split() makes them
};

// Builds the frame around a payload, in place. fate VLY_FATE_REPLY takes the way back from the
// frame that the payload came in (dgram->link), with no look-up; anything else is routed.
enum vly_stack_output_verdict vly_stack_output(struct vly_stack *stack, struct vly_dgram *dgram,
					       uint64_t now_ns, enum vly_drop *reason);

// How many frames the last verdict VLY_STACK_SPLIT, or a whole datagram's, is about; at most
// VLY_STACK_SPLIT_MAX.
uint32_t vly_stack_split_count(const struct vly_stack *stack);

// Makes them of so many empty datagrams, ready to transmit. The datagram itself is then to be
// released. False when one is too small.
bool vly_stack_split(struct vly_stack *stack, struct vly_dgram **frames);

enum vly_stack_limits {
	VLY_STACK_SPLIT_MAX = 128, // frames of a datagram: enough for an MTU of 576
	VLY_STACK_POLL_MAX = 32,   // datagrams of one poll, of each kind
};

// What a poll gives back: exactly one of the lists grows per datagram.
struct vly_stack_poll {
	struct vly_dgram *frames[VLY_STACK_POLL_MAX]; // ready to transmit
	uint32_t frame_count;
	struct vly_dgram *refused[VLY_STACK_POLL_MAX]; // given up, fate is the drop reason
	uint32_t refused_count;
	struct vly_dgram *split;       // or NULL: behind frames, one for vly_stack_split()
	uint32_t lost[VLY_DROP_COUNT]; // fragments that had been kept; nothing to release
};

// Time-driven work: datagrams whose neighbour answered or did not, and requests (ARP, neighbour
// solicitation) to send. `spare` are up to spare_count empty datagrams that the stack may turn
// into frames of its own (requests, announcements, unreachable messages), ready to transmit where
// they are; it takes them from the end and returns how many it took. out->frames has only
// datagrams that were kept.
uint32_t vly_stack_poll(struct vly_stack *stack, struct vly_dgram **spare, uint32_t spare_count,
			uint64_t now_ns, struct vly_stack_poll *out);

// Whether vly_stack_poll() has anything to do now; cheap, for each turn of the loop.
bool vly_stack_poll_is_due(const struct vly_stack *stack, uint64_t now_ns);

// --- what several stacks know together ----------------------------------------------------------

enum vly_stack_news_limits {
	VLY_STACK_NEWS_MAX = 64, // that wait to be taken; what is more is forgotten
};

enum vly_stack_news_kind {
	VLY_STACK_NEWS_ASKED, // a stack wants the MAC of ip, or to know whether it is still there
	VLY_STACK_NEWS_ANSWERED, // ip answered a stack of ours: it has that MAC, and can be reached
	VLY_STACK_NEWS_HEARD,    // ip made itself heard with that MAC
	VLY_STACK_NEWS_GONE,     // from outside only: nobody has ip; what waits for it is given up
	VLY_STACK_NEWS_CONFLICT, // that MAC claims ip, which is ours, or is to be
	VLY_STACK_NEWS_PATH,     // the way to ip, near or far, takes packets of mtu bytes
};

// One thing about a neighbour, or a peer behind one. The stacks of a port's queues pass it on to
// each other, because the answer to a request may come by another queue. With asks_outside, an
// ASKED is a question to whoever owns the neighbour table, and ANSWERED, HEARD or GONE is its
// answer; it is asked again each second, three times in all, and half a minute after an ANSWERED if
// still in use.
struct vly_stack_news {
	uint8_t ip[16]; // IPv4 mapped; of the next hop
	union {
		uint8_t mac[6];
		uint16_t mtu; // PATH
	};
	uint8_t kind; // enum vly_stack_news_kind
};

// Takes up to `max` news that this stack has for others, oldest first. Returns how many. To be
// called after vly_stack_poll(), which is due when there are any, and before what it made is
// transmitted.
uint32_t vly_stack_news_take(struct vly_stack *stack, struct vly_stack_news *news, uint32_t max);

// Tells it what another stack, or the outside, knows.
void vly_stack_news_put(struct vly_stack *stack, const struct vly_stack_news *news,
			uint64_t now_ns);

// Whether the addresses are still being probed: then nothing is ours, and a conflict is news. Ends
// by vly_stack_poll().
bool vly_stack_is_probing(const struct vly_stack *stack);

// Makes the next poll tell the routers that no group is wanted any more. False when none has heard
// of one from this stack, or it has told them: one poll may not be enough.
bool vly_stack_leave(struct vly_stack *stack);

// Exchanges the routes. Returns 0, or -EINVAL with the fix in `error`; then nothing has changed.
int vly_stack_set_routes(struct vly_stack *stack, const struct vly_route *routes, uint32_t count,
			 struct vly_error *error);

// Exchanges addresses and routes for those that the kernel has now, where it has the say
// (asks_outside); there may be none. What cannot be used of them is left out.
void vly_stack_follow(struct vly_stack *stack, const struct vly_prefix *addrs, uint32_t addr_count,
		      const struct vly_route *routes, uint32_t route_count);
