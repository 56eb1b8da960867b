// SPDX-License-Identifier: BSD-3-Clause
//
// Questions and their answers. Requests in flight lie in buckets, by the hash of what their answer
// will be known by (client_match.h).
#include "core/client_match.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "core/clock.h"
#include "core/fail.h"

enum {
	BACKOFF_DEFAULT = 2,
	NUMBER_TRIES = 16, // until the correlation bytes are no other's
	POLL_SLICE_NS = 50000000,
	NS_OF_MS = 1000000,
};

// --- beginning and ending -----------------------------------------------------------------------

static void insert(struct vly_client *client, struct vly_request *request)
{
	struct vly_request **at = &client->flying[request->hash % VLY_CLIENT_BUCKETS];

	while (*at)
		at = &(*at)->next;
	request->next = NULL;
	*at = request;
	client->flying_count++;
}

static void take_out(struct vly_client *client, struct vly_request *request)
{
	struct vly_request **at = &client->flying[request->hash % VLY_CLIENT_BUCKETS];

	while (*at != request)
		at = &(*at)->next;
	*at = request->next;
	client->flying_count--;
}

static void end(struct vly_client *client, struct vly_request *request, int status)
{
	take_out(client, request);
	request->status = status;
	client->counts.timed_out += status == -ETIMEDOUT || status == -ECONNREFUSED;
	vly_client_remember(client, request);
}

static struct vly_request *find(struct vly_client *client, uint64_t hash,
				const struct vly_dgram *dgram)
{
	struct vly_request *request = client->flying[hash % VLY_CLIENT_BUCKETS];

	while (request && !vly_match_is_answer(client, request, hash, dgram))
		request = request->next;
	return request;
}

static bool is_number_free(struct vly_client *client, uint64_t hash)
{
	const struct vly_request *request = client->flying[hash % VLY_CLIENT_BUCKETS];

	while (request && request->hash != hash)
		request = request->next;
	return !request;
}

static int take_random(struct vly_client *client, uint8_t *bytes, uint32_t count,
		       struct vly_error *error)
{
	if (client->random_left < count) {
		if (getrandom(client->random, sizeof(client->random), 0) !=
		    (ssize_t)sizeof(client->random))
			return vly_fail(error, -EIO, "the kernel gave no random bytes");
		client->random_left = sizeof(client->random);
	}
	client->random_left -= count;
	memcpy(bytes, client->random + client->random_left, count);
	return 0;
}

// Gives the request its hash, and the bytes it is known by where they are ours to choose.
static int identify(struct vly_client *client, struct vly_request *request, struct vly_error *error)
{
	const struct vly_match *match = &client->match;
	uint32_t needed = match->how == VLY_MATCH_PEER ? 0 : (uint32_t)match->offset + match->len;

	if (request->len < needed)
		return vly_fail(error, -EINVAL,
				"a request of %u bytes has no room for its correlation bytes, "
				"which end at %u",
				request->len, needed);
	for (uint32_t i = 0; i < NUMBER_TRIES; i++) {
		uint8_t *bytes = (uint8_t *)request->bytes + match->offset;
		int rc = 0;

		if (match->how == VLY_MATCH_NUMBERED)
			rc = take_random(client, bytes, match->len, error);
		if (rc)
			return rc;
		request->hash = vly_match_hash_of(match, &request->peer.addr, bytes);
		if (match->how == VLY_MATCH_PEER || is_number_free(client, request->hash))
			return 0;
		if (match->how == VLY_MATCH_REPEATED)
			break;
	}
	return vly_fail(error, -EINVAL, "a request with the same correlation bytes is in flight");
}

// --- sending, and sending again -----------------------------------------------------------------

static void arrange_wait(struct vly_client *client, struct vly_request *request, uint64_t now_ns)
{
	if (request->timeout_max_ns && request->wait_ns > request->timeout_max_ns)
		request->wait_ns = request->timeout_max_ns;
	request->sent_ns = now_ns;
	request->sent++;
	request->deadline_ns = vly_deadline_ns(now_ns, request->wait_ns);
	if (request->deadline_ns < client->due_ns)
		client->due_ns = request->deadline_ns;
}

static uint64_t count_refusals(const struct vly_client *client)
{
	return atomic_load_explicit(&client->queue->ledger->dropped[VLY_DROP_RX_REFUSED],
				    memory_order_relaxed);
}

int vly_client_start(struct vly_client *client, struct vly_request *request,
		     struct vly_error *error)
{
	uint64_t now_ns = vly_clock_ns();
	int rc;

	request->wait_ns = request->timeout_ns ? request->timeout_ns
					       : (uint64_t)VLY_REQUEST_TIMEOUT_MS * NS_OF_MS;
	request->sent = 0;
	request->answer_len = 0;
	request->is_refused = false;
	vly_client_lock(client);
	if (!client->flying_count)
		client->refusals = count_refusals(client); // of what went before
	rc = identify(client, request, error);
	if (!rc)
		rc = vly_client_send_until(client, &request->peer, request->bytes, request->len,
					   vly_deadline_ns(now_ns, request->wait_ns), error);
	if (!rc) {
		request->status = -EINPROGRESS;
		insert(client, request);
		arrange_wait(client, request, vly_clock_ns());
		client->counts.requests++;
	}
	vly_client_unlock(client);
	return rc;
}

// Its wait is over. Returns whether the request has ended.
static bool send_again(struct vly_client *client, struct vly_request *request, uint64_t now_ns)
{
	uint64_t factor = request->backoff ? request->backoff : BACKOFF_DEFAULT;

	if (request->sent > request->retries) {
		end(client, request, request->is_refused ? -ECONNREFUSED : -ETIMEDOUT);
		return true;
	}
	// Without room to send, this try counts as lost on the way.
	vly_client_send_until(client, &request->peer, request->bytes, request->len, now_ns, NULL);
	client->counts.resent++;
	if (__builtin_mul_overflow(request->wait_ns, factor, &request->wait_ns))
		request->wait_ns = UINT64_MAX;
	arrange_wait(client, request, now_ns);
	return false;
}

// Deals with all whose wait is over. Returns how many have ended.
static uint32_t end_due(struct vly_client *client, uint64_t now_ns)
{
	uint32_t ended = 0;

	if (now_ns < client->due_ns)
		return 0;
	client->due_ns = UINT64_MAX;
	for (uint32_t i = 0; i < VLY_CLIENT_BUCKETS; i++) {
		struct vly_request *request = client->flying[i];

		while (request) {
			struct vly_request *next = request->next;

			if (request->deadline_ns <= now_ns)
				ended += send_again(client, request, now_ns);
			else if (request->deadline_ns < client->due_ns)
				client->due_ns = request->deadline_ns;
			request = next;
		}
	}
	return ended;
}

// ICMP errors do not name the datagram: only with one request in flight it is clear whose they are.
// Its last try need not wait any longer.
static void note_refusals(struct vly_client *client, uint64_t now_ns)
{
	uint64_t refusals = count_refusals(client);
	struct vly_request *request = NULL;

	if (refusals == client->refusals)
		return;
	client->refusals = refusals;
	for (uint32_t i = 0; client->flying_count == 1 && i < VLY_CLIENT_BUCKETS && !request; i++)
		request = client->flying[i];
	if (!request)
		return;
	request->is_refused = true;
	if (request->sent > request->retries) {
		request->deadline_ns = now_ns;
		client->due_ns = now_ns;
	}
}

// --- answers ------------------------------------------------------------------------------------

static void answer(struct vly_client *client, struct vly_request *request,
		   const struct vly_dgram *dgram, uint64_t now_ns)
{
	uint32_t size = dgram->len < request->answer_size ? dgram->len : request->answer_size;

	memcpy(request->answer, vly_dgram_data(dgram), size);
	request->answer_len = dgram->len;
	request->answerer = vly_client_peer_of(client, dgram);
	request->rtt_ns = now_ns - request->sent_ns;
	client->counts.answered++;
	end(client, request, 0);
}

// Returns whether a request has ended by it.
static bool take_one(struct vly_client *client, const struct vly_dgram *dgram, uint64_t now_ns)
{
	const struct vly_match *match = &client->match;
	struct vly_client_memory *memory = NULL;
	uint64_t hash;

	if (match->how == VLY_MATCH_PEER ||
	    (uint32_t)match->answer_offset + match->len <= dgram->len) {
		struct vly_request *request;

		hash = vly_match_hash_of(match, &dgram->peer,
					 vly_dgram_data(dgram) + match->answer_offset);
		request = find(client, hash, dgram);
		if (request) {
			answer(client, request, dgram, now_ns);
			return true;
		}
		memory = vly_client_recall(client, hash, &dgram->peer);
	}
	if (!memory)
		client->counts.foreign++;
	else if (memory->is_answered)
		client->counts.duplicate++;
	else
		client->counts.late++;
	if (memory)
		memory->is_answered = true;
	return false;
}

// Takes all that is held. Returns how many requests have ended.
static uint32_t take_held(struct vly_client *client, uint64_t now_ns)
{
	uint32_t ended = 0;

	for (uint32_t i = 0; i < client->held_count; i++) {
		struct vly_dgram *dgram = client->held[client->held_first + i];

		ended += take_one(client, dgram, now_ns);
		dgram->fate = VLY_FATE_RELEASE;
	}
	vly_release_burst(client->queue, client->held + client->held_first, client->held_count);
	client->held_count = 0;
	return ended;
}

static uint32_t poll_until(struct vly_client *client, uint64_t until_ns,
			   const struct vly_request *wanted)
{
	uint32_t ended = 0;

	for (;;) {
		uint64_t now_ns = vly_clock_ns();
		uint64_t rest_ns;

		if (vly_client_fill(client, now_ns)) {
			ended += take_held(client, vly_clock_ns());
		} else {
			note_refusals(client, now_ns);
			ended += end_due(client, now_ns);
		}
		if (ended || now_ns >= until_ns || (wanted && wanted->status != -EINPROGRESS))
			return ended;
		rest_ns = client->due_ns < until_ns ? client->due_ns : until_ns;
		if (rest_ns > now_ns)
			vly_client_rest(client, 0, now_ns, rest_ns);
	}
}

uint32_t vly_client_poll(struct vly_client *client, uint64_t timeout_ns)
{
	uint32_t ended;

	vly_client_lock(client);
	ended = poll_until(client, vly_deadline_ns(vly_clock_ns(), timeout_ns), NULL);
	vly_client_mark(client);
	vly_client_unlock(client);
	return ended;
}

static int fail_unanswered(const struct vly_request *request, struct vly_error *error)
{
	char text[VLY_ADDR_TEXT_BYTES];

	vly_addr_format(&request->peer.addr, text, sizeof(text));
	switch (request->status) {
	case -ETIMEDOUT:
		return vly_fail(error, -ETIMEDOUT,
				"no answer from %s: sent %u time%s, the last wait was %.3g s", text,
				request->sent, request->sent == 1 ? "" : "s",
				(double)request->wait_ns / 1e9);
	case -ECONNREFUSED:
		return vly_fail(error, -ECONNREFUSED,
				"%s refuses: nobody serves that port (an ICMP error says so)",
				text);
	default:
		return request->status;
	}
}

int vly_client_request(struct vly_client *client, struct vly_request *request,
		       struct vly_error *error)
{
	int rc = vly_client_start(client, request, error);

	if (rc)
		return request->status = rc;
	vly_client_lock(client);
	while (request->status == -EINPROGRESS)
		poll_until(client, vly_deadline_ns(vly_clock_ns(), POLL_SLICE_NS), request);
	vly_client_mark(client);
	vly_client_unlock(client);
	return fail_unanswered(request, error);
}

void vly_client_cancel(struct vly_client *client, struct vly_request *request)
{
	vly_client_lock(client);
	if (request->status == -EINPROGRESS)
		end(client, request, -ECANCELED);
	vly_client_unlock(client);
}

void vly_client_cancel_all(struct vly_client *client)
{
	for (uint32_t i = 0; i < VLY_CLIENT_BUCKETS; i++) {
		while (client->flying[i])
			end(client, client->flying[i], -ECANCELED);
	}
}
