// SPDX-License-Identifier: BSD-3-Clause
#include "handler/chat/members.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"

int vly_chat_members_open(struct vly_chat_members *members, uint32_t capacity, uint32_t window,
			  const struct vly_siphash_key *key, struct vly_error *error)
{
	*members = (struct vly_chat_members){
		.capacity = capacity,
		.window = window,
		.first_free = VLY_INDEX_END,
		.key = *key,
	};
	// Pages that nobody touches cost nothing: the memory grows with the members.
	members->slots = calloc(capacity, sizeof(members->slots[0]));
	members->sent = calloc((size_t)capacity * window, sizeof(members->sent[0]));
	if (members->slots && members->sent && !vly_index_open(&members->by_addr, capacity) &&
	    !vly_index_open(&members->by_name, capacity))
		return 0;
	vly_chat_members_close(members);
	return vly_fail(error, -ENOMEM, "no memory for %u members; give max-members=N", capacity);
}

void vly_chat_members_close(struct vly_chat_members *members)
{
	free(members->slots);
	free(members->sent);
	vly_index_close(&members->by_addr);
	vly_index_close(&members->by_name);
	members->slots = NULL;
	members->sent = NULL;
}

// Only the bytes that mean something: a structure's end may be padding.
static uint64_t addr_hash(const struct vly_chat_members *members, const struct vly_addr *addr)
{
	uint8_t bytes[18];

	memcpy(bytes, addr->ip, 16);
	memcpy(bytes + 16, &addr->port, 2);
	return vly_siphash(&members->key, bytes, sizeof(bytes));
}

static bool is_same_addr(const struct vly_addr *a, const struct vly_addr *b)
{
	return a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

uint32_t vly_chat_member_at(const struct vly_chat_members *members, const struct vly_addr *addr)
{
	uint32_t i = vly_index_first(&members->by_addr, addr_hash(members, addr));

	while (i != VLY_INDEX_END && !is_same_addr(&members->slots[i].addr, addr))
		i = vly_index_next(&members->by_addr, i);
	return i;
}

static bool has_name(const struct vly_chat_member *member, struct vly_chat_word name)
{
	return member->name_len == name.len && memcmp(member->name, name.at, name.len) == 0;
}

uint32_t vly_chat_member_named(const struct vly_chat_members *members, struct vly_chat_word name)
{
	uint64_t hash = vly_siphash(&members->key, name.at, name.len);
	uint32_t i = vly_index_first(&members->by_name, hash);

	while (i != VLY_INDEX_END && !has_name(&members->slots[i], name))
		i = vly_index_next(&members->by_name, i);
	return i;
}

static uint32_t take_slot(struct vly_chat_members *members)
{
	uint32_t number = members->first_free;

	if (number != VLY_INDEX_END)
		members->first_free = members->slots[number].next;
	else if (members->high < members->capacity)
		number = members->high++;
	return number;
}

uint32_t vly_chat_member_add(struct vly_chat_members *members, const struct vly_addr *addr,
			     struct vly_chat_word name)
{
	uint32_t number = take_slot(members);
	struct vly_chat_member *member;

	if (number == VLY_INDEX_END)
		return VLY_INDEX_END;
	member = &members->slots[number];
	*member = (struct vly_chat_member){
		.addr = *addr,
		.generation = member->generation,
		.next = VLY_INDEX_END,
		.previous = VLY_INDEX_END,
		.room = VLY_INDEX_END,
		.is_used = true,
		.name_len = (uint8_t)name.len,
	};
	memcpy(member->name, name.at, name.len);
	vly_index_add(&members->by_addr, addr_hash(members, addr), number);
	vly_index_add(&members->by_name, vly_siphash(&members->key, name.at, name.len), number);
	members->count++;
	return number;
}

void vly_chat_member_remove(struct vly_chat_members *members, uint32_t number)
{
	struct vly_chat_member *member = &members->slots[number];

	vly_index_remove(&members->by_addr, addr_hash(members, &member->addr), number);
	vly_index_remove(&members->by_name,
			 vly_siphash(&members->key, member->name, member->name_len), number);
	member->is_used = false;
	member->generation++;
	member->next = members->first_free;
	members->first_free = number;
	members->count--;
}

static uint32_t *place_of(const struct vly_chat_members *members, uint32_t number, uint32_t copy)
{
	return &members->sent[(size_t)number * members->window + (copy & (members->window - 1))];
}

uint32_t vly_chat_member_count(struct vly_chat_members *members, uint32_t number, uint64_t message)
{
	uint32_t copy = ++members->slots[number].number;

	*place_of(members, number, copy) = (uint32_t)message;
	return copy;
}

uint32_t vly_chat_member_sent(const struct vly_chat_members *members, uint32_t number,
			      uint32_t copy)
{
	return *place_of(members, number, copy);
}

bool vly_chat_member_may(struct vly_chat_member *member, uint64_t now_ns, uint64_t interval_ns,
			 uint32_t burst)
{
	uint64_t paid_ns = member->paid_ns > now_ns ? member->paid_ns : now_ns;

	if (paid_ns + interval_ns > now_ns + burst * interval_ns)
		return false;
	member->paid_ns = paid_ns + interval_ns;
	return true;
}

bool vly_chat_member_has_tag(const struct vly_chat_member *member, uint32_t tag)
{
	if (tag > member->last_tag)
		return false;
	return member->last_tag - tag >= VLY_CHAT_TAGS ||
	       (member->tags >> (member->last_tag - tag) & 1);
}

void vly_chat_member_note_tag(struct vly_chat_member *member, uint32_t tag)
{
	if (tag > member->last_tag) {
		uint32_t ahead = tag - member->last_tag;

		member->tags = ahead < VLY_CHAT_TAGS ? member->tags << ahead : 0;
		member->last_tag = tag;
	}
	if (member->last_tag - tag < VLY_CHAT_TAGS)
		member->tags |= (uint64_t)1 << (member->last_tag - tag);
}
