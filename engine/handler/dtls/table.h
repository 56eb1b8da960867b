// SPDX-License-Identifier: BSD-3-Clause
//
// The sessions of one worker, by their peer's address: those whose handshake is under way, and
// those that are open, each in the order in which they were last heard of.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>
#include <volley/handler.h>

#include "handler/dtls/hello.h"
#include "handler/dtls/psk.h"

struct vly_dtls_session {
	struct vly_addr peer;
	struct vly_addr local;         // the address that the client speaks to
	struct vly_dtls_session *next; // of the same bucket
	struct vly_dtls_session *older;
	struct vly_dtls_session *newer;
	SSL *ssl;
	struct vly_timer timer; // while it opens: retransmission; then: idleness
	uint64_t begun_ns;
	uint64_t heard_ns;
	struct vly_dtls_limits limits; // of its records; all 0: not known yet
	bool is_open;
	bool has_name;
	uint8_t random[VLY_DTLS_RANDOM_BYTES]; // of the client's hello
	char name[VLY_DTLS_IDENTITY_BYTES];    // who it has proved to be
};

struct vly_dtls_list {
	struct vly_dtls_session *oldest;
	struct vly_dtls_session *newest;
	uint32_t count;
};

struct vly_dtls_table {
	struct vly_dtls_session **buckets;
	uint32_t mask;
	uint64_t seed; // so that nobody can choose addresses that share a bucket
	struct vly_dtls_list opening;
	struct vly_dtls_list open;
};

// For up to `sessions`. Returns 0 or -ENOMEM.
int vly_dtls_table_init(struct vly_dtls_table *table, uint32_t sessions, uint64_t seed);
void vly_dtls_table_fini(struct vly_dtls_table *table); // the sessions have been removed

struct vly_dtls_session *vly_dtls_table_find(const struct vly_dtls_table *table,
					     const struct vly_addr *peer);

// As the newest of those that open. Its peer is in no other.
void vly_dtls_table_add(struct vly_dtls_table *table, struct vly_dtls_session *session);
void vly_dtls_table_remove(struct vly_dtls_table *table, struct vly_dtls_session *session);

// It was heard of: it is the newest of its list.
void vly_dtls_table_touch(struct vly_dtls_table *table, struct vly_dtls_session *session);

// Its handshake is done.
void vly_dtls_table_promote(struct vly_dtls_table *table, struct vly_dtls_session *session);
