// SPDX-License-Identifier: BSD-3-Clause
//
// The client that drives the servers: what the files of udp_load share. It knows nothing of Volley
// either. Every datagram begins with the header of sockperf's protocol (a sequence number of eight
// bytes, "answer this, it is from a client" in two, the length in four, all in network order), so
// that sockperf's server answers it like any other.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "server.h"

enum {
	HEADER_BYTES = 14,
	PEERS = 64, // of `peers`, `frames` and `apart`: as many addresses, one after the other
	TRAIN_BYTES = 65507,    // at most in one message
	TRAIN_SEGMENTS = 64,    // at most in one message: what every kernel takes
	WINDOW_DATAGRAMS = 256, // under way at a time: the server finds enough, its buffer holds it
	WINDOW_TRAINS = 4,
	WINDOW_FRAMES = 512,     // eight of each peer
	GROWTH = 16,             // of `apart`: after so many a peer's are as small again
	FRAME_HEADER_BYTES = 42, // Ethernet, IPv4, UDP
	BUFFER_BYTES = 8 << 20,
	CONTROL_BYTES = 64,
	NS_PER_S = 1000000000,
};

enum mode {
	MODE_TRAINS, // one peer that sends trains (UDP_SEGMENT) and receives such (UDP_GRO)
	MODE_PEERS,  // 64 peers in turn, whose datagrams nothing can join
	MODE_FRAMES, // the same, sent past our own UDP and IP: the server is the limit
		     // (load_frames.c)
	MODE_APART,  // the same, each of a peer's larger than the one before:
		     // hardly any two can be joined
	MODE_FLOOD,  // trains without an answer
	MODE_PING,   // one datagram under way
	MODE_SPIN,   // the same, and the client spins
};

struct load {
	enum mode mode;
	int fd;
	uint32_t bytes;  // of a datagram; of `apart`, at least
	uint32_t batch;  // datagrams of one send
	uint32_t window; // datagrams under way
	uint32_t peers;  // who send in turn: the remainder of a sequence number tells whose it is
	uint64_t next;   // sequence number to send
	uint64_t seen;   // datagrams that came back, or are given up
	uint64_t due[PEERS]; // the first of each peer's that is neither
	uint64_t received;   // datagrams
	uint64_t passed_ns;
	struct sockaddr_in server;
	struct in_addr first_source; // of those with peers
	int frame_fd;                // of `frames` and `apart`
	uint8_t headers[PEERS][FRAME_HEADER_BYTES];
	struct iovec frame_iovs[PEERS][2];
	// What stands behind the server, if that is a forwarder: an echo of our own, so that
	// whoever spins on this core does both and neither waits for the other. fd -1: nothing
	// does.
	struct server behind;
	// The messages of a send: one train, or a datagram of each peer.
	uint8_t *payload; // of one send
	struct iovec iovs[PEERS];
	struct mmsghdr msgs[PEERS];
	_Alignas(8) uint8_t controls[PEERS][CONTROL_BYTES];
};

static inline uint64_t load_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static inline bool load_has_frames(const struct load *load)
{
	return load->mode == MODE_FRAMES || load->mode == MODE_APART;
}

static inline bool load_has_peers(const struct load *load)
{
	return load->mode == MODE_PEERS || load_has_frames(load);
}

// From one datagram of a send to the next.
static inline uint32_t load_stride(const struct load *load)
{
	return load->bytes + (load->mode == MODE_APART ? GROWTH : 0);
}

// --- load_frames.c

// Makes the messages of `frames` and `apart` of those of `peers`, and opens what sends them.
// Returns 0 or a negative errno: -EPERM without CAP_NET_RAW.
int load_prepare_frames(struct load *load);
// Gives the next send's datagrams their size, with `apart`.
void load_resize_frames(struct load *load);

// --- load_send.c

// Makes the messages of a send. Returns 0 or a negative errno.
int load_prepare(struct load *load);
// Sends `batch` datagrams with the next sequence numbers. False: the socket's buffer is full.
bool load_send(struct load *load);
// The sequence number that a datagram begins with.
uint64_t load_sequence(const uint8_t *datagram);

// --- load_window.c

// Keeps the window full for `seconds` and counts what comes back.
void load_run_window(struct load *load, double seconds);
// Sends for `seconds` without an answer.
void load_run_flood(struct load *load, double seconds);
