// SPDX-License-Identifier: BSD-3-Clause
//
// The sockets of one queue of a kernel backend: one for each listen address, or one on a port of
// the system's choice. They are set up to tell everything that a datagram's header wants to know
// (destination address, interface, hop limit, traffic class, segment size, losses), and to take it.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <volley/dgram.h>
#include <volley/error.h>
#include <volley/port.h>

#include "backend/kernel_options.h"
#include "stats/ledger_block.h"

struct vly_kernel_socket {
	int fd;
	bool is_ipv6; // takes IPv4 as well, mapped, if it is bound to the wildcard
	bool is_wildcard;
	bool is_shared; // its port has a socket in each queue
	bool is_bare;   // of IPv4, and tells but who sent it: all else is known, or not wanted
	bool may_join;  // joins (UDP_GRO) as soon as there are trains
	bool joins;
	bool tells_errors; // of ICMP, that what it sent has met
	bool drops_copies; // of broadcasts, which each of these gets: the first queue's delivers
	uint32_t missed;   // datagrams lost to a full receive buffer, as last reported
	uint16_t next;     // with a port of the same bucket, or VLY_KERNEL_SOCKET_NONE
	struct vly_addr bound; // with the port that it really has
};

// How far a line is (kernel_line.h).
enum vly_kernel_line_state {
	VLY_KERNEL_LINE_NONE, // it has no socket, yet or at all
	VLY_KERNEL_LINE_IDLE, // nobody's: connected to ourselves
	VLY_KERNEL_LINE_NEW,  // the peer's; what it sent before may still lie in the other socket
	VLY_KERNEL_LINE_OPEN,
	VLY_KERNEL_LINE_OLD, // given up; what it still has comes before all else
};

struct vly_kernel_line {
	enum vly_kernel_line_state state;
	uint32_t streak; // datagrams of one peer, one by one, up to now
	uint32_t credit; // of an open one; without it, it is given up
	uint32_t alone;  // bursts in which the other socket was not asked
	uint32_t taken;  // from the other socket, since the dialling
	struct vly_addr peer;
	const struct vly_kernel_options *options; // what its socket is set up with; NULL: no line
	struct vly_kernel_socket sock;
};

enum vly_kernel_socket_limits {
	VLY_KERNEL_SOCKET_BUCKETS = 256,
	VLY_KERNEL_SOCKET_NONE = 0xffff,
};

struct vly_kernel_sockets {
	struct vly_kernel_socket list[VLY_LISTENS_MAX];
	uint32_t count;
	_Atomic bool tells_class;    // control: w, owner: r; hop limit and traffic class
	struct vly_kernel_line line; // of the first, where it is the only one
	uint16_t bucket[VLY_KERNEL_SOCKET_BUCKETS]; // by port, each the first of its bucket
	uint64_t asked_ns;                          // when the kernel was last asked for its losses
	// Of the empty datagrams that wake us, sent to the first socket: those that have not come.
	// They may be among its losses, and are no losses. Who wakes: raises; owner: lowers.
	_Atomic uint32_t wakes;
};

// Whether the listens of `config` are free, before SO_REUSEPORT lets this process share them with
// itself, and unwillingly with another of the same user. `name` is the backend's, for the error
// line. Errors as below.
int vly_kernel_sockets_check(const char *name, const struct vly_port_config *config,
			     struct vly_error *error);

// Opens the sockets of queue `queue`. `first` is the first queue's set, or NULL if this is it: port
// 0 becomes the port that was found there. Joins the groups that fall to the queue. Close it in
// either case; it is zeroed before.
// Errors: -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, -EMFILE, -EINVAL, and those of kernel_group.h, each
// with the fix.
int vly_kernel_sockets_open(struct vly_kernel_sockets *sockets, const char *name,
			    const struct vly_port_config *config,
			    struct vly_kernel_options *options,
			    const struct vly_kernel_sockets *first, uint32_t queue,
			    struct vly_error *error);
// Whether hop limit and traffic class are told with each datagram, as they are at first. Control
// thread, while the queue runs, too.
void vly_kernel_sockets_ask_class(struct vly_kernel_sockets *sockets, bool is_wanted);
// Lets the kernel join what comes to a socket with may_join. There is no way back: a train that was
// joined just before would be taken for one datagram just after.
void vly_kernel_socket_join(struct vly_kernel_socket *sock);
void vly_kernel_sockets_close(struct vly_kernel_sockets *sockets);

// The socket that a datagram leaves by: the one bound to its local endpoint, else one that speaks
// the peer's family. NULL: none does.
const struct vly_kernel_socket *vly_kernel_sockets_pick(const struct vly_kernel_sockets *sockets,
							const struct vly_dgram *dgram);

// Counts what the kernel reports as lost so far by `missed`, its running count.
void vly_kernel_socket_missed(struct vly_kernel_socket *sock, uint32_t missed,
			      struct vly_ledger_block *ledger);

// Asks a socket for its running count of losses, of which up to `wakes` are none (NULL: 0). Returns
// the memory, in bytes, that what it has received takes.
uint32_t vly_kernel_socket_ask_missed(struct vly_kernel_socket *sock, const _Atomic uint32_t *wakes,
				      struct vly_ledger_block *ledger);

// Asks each socket for its running count, if the last time is long enough ago; a system call each.
// To be called every turn: what a few sockets have lost is known a millisecond later. Told with
// each datagram instead (SO_RXQ_OVFL), as where there are many sockets, it costs each a hundredth.
void vly_kernel_sockets_ask_missed(struct vly_kernel_sockets *sockets,
				   struct vly_ledger_block *ledger, uint64_t now_ns);

// "name: too many open files", with the limit and the fix, which is for all that a port of `config`
// opens; NULL: for a little more than there may be now. Returns code.
int vly_kernel_fail_files(const char *name, int code, const struct vly_port_config *config,
			  struct vly_error *error);

// Writes addr as the address form of a socket; returns its size. Mapped when is_ipv6.
socklen_t vly_kernel_addr_write(void *name, bool is_ipv6, const struct vly_addr *addr,
				uint32_t ifindex);
void vly_kernel_addr_read(struct vly_addr *addr, const void *name);

// Whether it is in fe80::/10 or ff00::/8: such an address means something on one interface only.
static inline bool vly_kernel_ip_is_scoped(const uint8_t *ip)
{
	return ip[0] == 0xff || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80);
}
