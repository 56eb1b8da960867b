// SPDX-License-Identifier: BSD-3-Clause
//
// The neighbour table: which MAC has an address, for both families, and the datagrams that wait
// for the answer. It knows no protocol: arp.c and ndp.c teach it, poll.c asks on its behalf.
//
// An entry is kept while it is in use; when the table is full, newcomers take the place of those
// that nothing was sent to for a while. What was only heard of never drives out what is in use, and
// only so many a second are added without having been asked for. In the words of RFC 4861, an entry
// is reachable for half a minute after an answer, then stale: the next use asks again, of the
// neighbour itself, while it goes on being sent to; three requests without an answer end it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <volley/dgram.h>

#include "stack/bytes.h"
#include "stack/eth.h"

enum vly_neigh_limits {
	VLY_NEIGH_MAX = 1024,
	VLY_NEIGH_BUCKETS = 2048,
	VLY_NEIGH_ASKING_MAX = 64, // being asked for at the same time
	VLY_NEIGH_HELD_MAX = 256,  // datagrams that wait, for all neighbours together
	VLY_NEIGH_HELD_EACH_MAX = 64,
	VLY_NEIGH_EVICT_STEPS = 16, // entries looked at for one newcomer
	VLY_NEIGH_HEARD_BURST = 64, // new ones that were only heard of, at once
	VLY_NEIGH_NONE = 0xffff,
};

enum vly_neigh_times {
	VLY_NEIGH_RETRY_NS = 1000000000,   // between two requests (RFC 4861: RETRANS_TIMER)
	VLY_NEIGH_GIVE_UP_NS = 3000000000, // after the third one (MAX_MULTICAST_SOLICIT)
	VLY_NEIGH_FRESH_NS = 30000000000,  // believed without asking again (REACHABLE_TIME)
	VLY_NEIGH_IN_USE_NS = 60000000000,
	VLY_NEIGH_HEARD_EVERY_NS = 1000000000 / VLY_NEIGH_HEARD_BURST, // so 64 a second
	VLY_NEIGH_NEWS_NS = 1000000000, // that an answer must extend the trust to be news
};

enum vly_neigh_state {
	VLY_NEIGH_FREE,
	VLY_NEIGH_EXPECTED,   // another stack of ours asks for it, no MAC yet
	VLY_NEIGH_INCOMPLETE, // being asked for, no MAC yet
	VLY_NEIGH_RESOLVED,
	VLY_NEIGH_PROBED, // resolved, used, and asked for again as it is no longer fresh
};

struct vly_neigh {
	uint8_t ip[16]; // IPv4 mapped
	uint8_t mac[VLY_MAC_BYTES];
	uint8_t state;  // enum vly_neigh_state
	bool is_asked;  // stands in table->asking; keeps the entry from being evicted
	bool is_static; // given beforehand: stays as it is
	uint64_t fresh_until_ns;
	uint64_t in_use_until_ns; // in the past: when it was last heard of or used; for evict()
	uint64_t retry_ns;        // while asked for: the next request
	uint64_t give_up_ns;      // and the end of it
	uint16_t next;            // of the same bucket, or of the free list
	uint16_t held_first;      // datagrams that wait: indices into the table's slots
	uint16_t held_last;
	uint16_t held_count;
};

struct vly_neigh_slot {
	struct vly_dgram *dgram;
	uint16_t next;
};

struct vly_neigh_table {
	uint16_t free_first;
	uint16_t slot_free_first;
	uint16_t hand; // where the search for something to evict goes on
	uint16_t asking_count;
	uint64_t heard_credit_ns;              // when the rate of those heard of would be used up
	uint16_t asking[VLY_NEIGH_ASKING_MAX]; // entries poll.c has to look at
	uint16_t buckets[VLY_NEIGH_BUCKETS];
	struct vly_neigh_slot slots[VLY_NEIGH_HELD_MAX];
	struct vly_neigh entries[VLY_NEIGH_MAX];
};

// What is known of a neighbour that made itself heard.
struct vly_neigh_news {
	uint8_t ip[16];
	uint8_t mac[VLY_MAC_BYTES];
	bool is_answer;   // to a request of ours: it is reachable, both ways
	bool may_replace; // a MAC that we have already
	bool may_add;     // a neighbour we did not ask for
	bool is_told;     // by another stack of ours or from outside: no limit of rate
};

// What came of news; -ENOENT: nothing.
enum vly_neigh_learned {
	VLY_NEIGH_WAITING = 1, // datagrams may wait for it
	VLY_NEIGH_CHANGED = 2, // it is worth telling others
};

void vly_neigh_init(struct vly_neigh_table *table);

// The neighbour of that address, or NULL.
struct vly_neigh *vly_neigh_find(struct vly_neigh_table *table, const uint8_t *ip);

static inline bool vly_neigh_is_resolved(const struct vly_neigh *neigh)
{
	return neigh->state >= VLY_NEIGH_RESOLVED;
}

// An entry that is given beforehand: never asked for, replaced or evicted. False when there is no
// room.
bool vly_neigh_add_static(struct vly_neigh_table *table, const uint8_t *ip, const uint8_t *mac);

// Another stack of ours asks for that address: makes room for the answer, which may come by us.
void vly_neigh_expect(struct vly_neigh_table *table, const uint8_t *ip, uint64_t now_ns);

// Nobody has that address: what waits for it is to be given up at the next poll.
void vly_neigh_end(struct vly_neigh_table *table, const uint8_t *ip);

// An entry to be asked for at once, new or expected before. NULL when there is no room, or when too
// many are being asked for already.
struct vly_neigh *vly_neigh_ask(struct vly_neigh_table *table, const uint8_t *ip, uint64_t now_ns);

// A resolved neighbour is being sent to. Returns true when it now has to be asked for again.
bool vly_neigh_use(struct vly_neigh_table *table, struct vly_neigh *neigh, uint64_t now_ns);

// Takes in what was heard. Returns enum vly_neigh_learned, or -ENOENT when it was of no use to us.
int vly_neigh_learn(struct vly_neigh_table *table, const struct vly_neigh_news *news,
		    uint64_t now_ns);

// Keeps a datagram until the neighbour is resolved. Returns false when too many wait.
bool vly_neigh_hold(struct vly_neigh_table *table, struct vly_neigh *neigh,
		    struct vly_dgram *dgram);

// The oldest datagram that waits for it, or NULL.
struct vly_dgram *vly_neigh_unhold(struct vly_neigh_table *table, struct vly_neigh *neigh);

// Ends the asking for table->asking[at], whose datagrams are all gone. An unresolved entry is
// forgotten, and so is one that did not answer (`is_lost`).
void vly_neigh_settle(struct vly_neigh_table *table, uint16_t at, bool is_lost);
