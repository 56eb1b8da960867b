// SPDX-License-Identifier: BSD-3-Clause
//
// The client: asks servers and takes their answers, over a port of any backend. It waits where
// port.h only polls, sends again what was not answered, and tells answers from what comes late,
// twice or from elsewhere. Three ways to use one, of which a program takes the one that fits:
//
//     request    vly_client_request(), or start and poll with any number in flight
//     datagrams  vly_client_send() and vly_client_recv(); packed, many of them in one call
//     bursts     vly_client_send_burst() and vly_client_recv_burst(), without a copy
//
// Time-outs are nanoseconds; 0 does not wait, UINT64_MAX waits for ever. A wait spins, yields and
// sleeps as config.idle says. Errors are negative errno values with a line that names the fix.
//
// Threads: a client belongs to one thread, the first that sends or receives; opened `shared`, its
// functions may be called by any thread at any time, but for the bursts and vly_client_queue(). One
// that waits then keeps none from sending.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "dgram.h"
#include "engine.h"
#include "error.h"
#include "port.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vly_client;

enum vly_client_limits {
	VLY_MATCH_BYTES_MAX = 32,      // correlation bytes
	VLY_REQUESTS_REMEMBERED = 256, // that have ended, to tell late from foreign
	VLY_REQUEST_TIMEOUT_MS = 1000, // where a request says none
	VLY_PACKED_MAX = 65536,        // datagrams of one packed call
};

// By what an answer is known, beside the address and port that the request went to. An answer to
// what went to a multicast group, or to 255.255.255.255, may come from any address.
enum vly_match_how {
	// By nothing else: whatever comes from there answers the oldest request to it. For servers
	// that repeat nothing; what comes late is then taken for the next answer.
	VLY_MATCH_PEER = 0,
	// By `len` bytes that the caller has written at `offset` of the request, and that the
	// server repeats at `answer_offset` of its answer.
	VLY_MATCH_REPEATED = 1,
	// The same, and the library writes these bytes: random ones, others for each request.
	VLY_MATCH_NUMBERED = 2,
};

// One protocol is spoken by a client: this is the same for all its requests.
struct vly_match {
	enum vly_match_how how;
	uint16_t offset;        // in the request's payload
	uint16_t len;           // 1 to VLY_MATCH_BYTES_MAX; with VLY_MATCH_PEER it means nothing
	uint16_t answer_offset; // in the answer's payload
};

struct vly_client_config {
	struct vly_port_config port; // one queue is opened, whatever `queues` says
	enum vly_idle idle;
	bool shared; // by several threads; backend `auto` is then dpdk with a device, else socket
	struct vly_match match;
};

// Everything received ends in one of the first five; the rest tells of requests.
struct vly_client_counts {
	uint64_t received;  // given to the caller by a receive
	uint64_t answered;  // answers given to the caller
	uint64_t late;      // answers to requests that had ended without
	uint64_t duplicate; // further answers to requests that had one
	uint64_t foreign;   // from elsewhere, or an answer to nothing that is remembered
	uint64_t requests;  // started
	uint64_t resent;    // how often a request was sent again
	uint64_t timed_out; // requests that ended without an answer
	uint64_t refused;   // ICMP errors: nobody serves the port that something went to
};

// --- opening and closing: control thread --------------------------------------------------------

// Opens a port and a client on it. The caller owns it. The configuration need not outlive the call.
// Errors as of vly_port_open(), and -EINVAL for a match that cannot be.
int vly_client_open(struct vly_client **client, const struct vly_client_config *config,
		    struct vly_error *error);

// The same from "key=value" words, for programs in other languages. Keys, those with a +
// repeatable: backend, device, address+, listen+, join+, option+ ("option=gro=off"), route+,
// neighbour+, buffers, mtu, vlan, idle (adaptive, busy, block), shared (on, off), match
// ("numbered:OFFSET:LEN", "repeated:OFFSET:LEN[:ANSWER-OFFSET]"). They mean what the options of
// volley(1) do.
int vly_client_open_words(struct vly_client **client, const char *const *words, uint32_t count,
			  struct vly_error *error);

// Sends what still waits inside (at most a tenth of a second), and closes the port. Requests in
// flight end with -ECANCELED. NULL is allowed.
void vly_client_close(struct vly_client *client);

// For the getters and the ledger of port.h. Lives as long as the client.
const struct vly_port *vly_client_port(const struct vly_client *client);

// Any thread, if shared.
void vly_client_read_counts(struct vly_client *client, struct vly_client_counts *counts);

// A descriptor for poll(2) and event loops, owned by the client: readable when a receive may find
// something, after one that found nothing. Do not read it. -ENOTSUP where a backend can only be
// polled: then receive with a time-out of 0 as often as it suits. Or -EMFILE.
int vly_client_fd(struct vly_client *client);

// --- datagrams ----------------------------------------------------------------------------------

// Sends `len` bytes, which it copies. Returns 0, or
//   -EMSGSIZE     more than the port's buffers or the way there take
//   -ETIMEDOUT    the transmit queue stayed full for timeout_ns
//   -ENETUNREACH  no way to that address, or of a family that the port has not
//   -EIO          the kernel refused it
// A datagram that was sent may be lost all the same. `error` may be NULL.
int vly_client_send(struct vly_client *client, const struct vly_endpoint *peer, const void *bytes,
		    uint32_t len, uint64_t timeout_ns, struct vly_error *error);

// Receives one: copies at most `size` bytes of it. Returns the length of the whole payload, which
// may be more (the rest is then lost) or 0, or -ETIMEDOUT. `peer` may be NULL.
int vly_client_recv(struct vly_client *client, struct vly_endpoint *peer, void *bytes,
		    uint32_t size, uint64_t timeout_ns);

// A datagram among many whose payloads lie one behind the other: 24 bytes without a gap.
struct vly_packed {
	struct vly_addr peer;
	uint16_t len; // of its payload
	uint32_t ifindex;
};

// Sends `count` datagrams, at most VLY_PACKED_MAX. Returns how many were taken, in order: fewer
// when the transmit queue stayed full for timeout_ns, or one fits no buffer; that one begins the
// next call, which returns its error, as of vly_client_send(). One that is taken and finds no way
// is counted in the port's ledger, and is no error here.
int vly_client_send_packed(struct vly_client *client, const struct vly_packed *packed,
			   uint32_t count, const void *bytes, uint64_t timeout_ns,
			   struct vly_error *error);

// Waits for one datagram, and takes what else is there: at most `count`, and no more than what
// fits `size` bytes, which is at least VLY_DGRAM_BYTES_MAX. Returns how many, or 0 when none came.
int vly_client_recv_packed(struct vly_client *client, struct vly_packed *packed, uint32_t count,
			   void *bytes, uint32_t size, uint64_t timeout_ns);

// --- bursts: not for shared clients -------------------------------------------------------------

// The client's queue, for the alloc and release calls of port.h.
struct vly_queue *vly_client_queue(struct vly_client *client);

// Sends up to VLY_BURST_MAX datagrams of that queue. Returns how many were taken before timeout_ns
// was over; the caller keeps the rest.
uint32_t vly_client_send_burst(struct vly_client *client, struct vly_dgram **dgrams, uint32_t count,
			       uint64_t timeout_ns);

// Waits for one datagram, and takes what else is there, up to `count`. Returns how many; the caller
// owns them, and gives them back with vly_release_burst(), or sends them.
uint32_t vly_client_recv_burst(struct vly_client *client, struct vly_dgram **dgrams, uint32_t count,
			       uint64_t timeout_ns);

// --- requests -----------------------------------------------------------------------------------

// A question and its answer, in the caller's memory. While it is in flight it stays where it is.
struct vly_request {
	// Set by the caller, and left alone while in flight:
	struct vly_endpoint peer;
	void *bytes;      // of the question; with VLY_MATCH_NUMBERED the library writes into them
	uint32_t len;     // at least up to the end of the correlation bytes
	uint32_t retries; // how often it is sent again
	uint64_t timeout_ns;     // to wait after the first sending; 0: VLY_REQUEST_TIMEOUT_MS
	uint64_t timeout_max_ns; // to wait after any; 0: no limit
	uint32_t backoff;        // each wait is so many times the one before; 0: 2
	uint32_t answer_size;    // bytes that `answer` takes
	void *answer;
	void *arg; // the caller's own
	// Set by the library:
	// -EINPROGRESS: in flight; 0: answered; -ETIMEDOUT; -ECONNREFUSED: not answered, and an
	// ICMP error said that nobody serves that port; -ECANCELED; or why it could not be sent
	int status;
	uint32_t answer_len; // of the whole answer; what is beyond answer_size is lost
	struct vly_endpoint answerer;
	uint32_t sent;   // how often
	uint64_t rtt_ns; // from the last sending to the answer
	// Private:
	struct vly_request *next;
	uint64_t hash;
	uint64_t sent_ns;
	uint64_t wait_ns;
	uint64_t deadline_ns;
	bool is_refused;
};

// Sends a question and waits for its answer, sending again what is not answered. Returns
// request->status, and for an error a line that says what was tried. Other datagrams that come are
// counted, not returned.
int vly_client_request(struct vly_client *client, struct vly_request *request,
		       struct vly_error *error);

// Sends a question and does not wait. Returns 0: it is in flight, and vly_client_poll() ends it. Or
// -EINVAL (shorter than its correlation bytes, or the same bytes as another in flight), or as
// vly_client_send(): then it is not.
int vly_client_start(struct vly_client *client, struct vly_request *request,
		     struct vly_error *error);

// Takes answers, sends again what is due, and ends what has waited long enough. Returns as soon as
// a request has ended, or after timeout_ns: how many have ended, each with its status.
uint32_t vly_client_poll(struct vly_client *client, uint64_t timeout_ns);

// Ends a request that is in flight, with -ECANCELED. Its answer will count as late.
void vly_client_cancel(struct vly_client *client, struct vly_request *request);

#ifdef __cplusplus
}
#endif
