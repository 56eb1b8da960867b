// SPDX-License-Identifier: BSD-3-Clause
#include "backend/kernel_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend/kernel_bind.h"
#include "backend/kernel_error.h"
#include "backend/kernel_group.h"
#include "backend/kernel_line.h"
#include "core/compiler.h"
#include "core/fail.h"

enum {
	IN_USE_TRIES = 10,
	IN_USE_PAUSE_US = 10000,
	SOCKETS_FEW = 4,
	ASK_FEW_NS = 1000000,
	ASK_MANY_NS = 100000000,
	FILES_OF_QUEUE = 5, // beside its sockets: ring, event, end, line, waker or what lists them
	FILES_SPARE = 64,   // of the process: libraries, logs, taps
};

// --- addresses ----------------------------------------------------------------------------------

socklen_t vly_kernel_addr_write(void *name, bool is_ipv6, const struct vly_addr *addr,
				uint32_t ifindex)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->port)};

	if (!is_ipv6) {
		memcpy(&in.sin_addr, addr->ip + 12, sizeof(in.sin_addr));
		memcpy(name, &in, sizeof(in));
		return sizeof(in);
	}
	memcpy(&in6.sin6_addr, addr->ip, sizeof(in6.sin6_addr));
	if (vly_kernel_ip_is_scoped(addr->ip))
		in6.sin6_scope_id = ifindex;
	memcpy(name, &in6, sizeof(in6));
	return sizeof(in6);
}

void vly_kernel_addr_read(struct vly_addr *addr, const void *name)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;
	sa_family_t family;

	memcpy(&family, name, sizeof(family));
	if (family == AF_INET6) {
		memcpy(&in6, name, sizeof(in6));
		memcpy(addr->ip, &in6.sin6_addr, sizeof(addr->ip));
		addr->port = ntohs(in6.sin6_port);
	} else {
		memcpy(&in, name, sizeof(in));
		memset(addr->ip, 0, 10);
		memset(addr->ip + 10, 0xff, 2);
		memcpy(addr->ip + 12, &in.sin_addr, sizeof(in.sin_addr));
		addr->port = ntohs(in.sin_port);
	}
}

// --- one socket ---------------------------------------------------------------------------------

int vly_kernel_fail_files(const char *name, int code, const struct vly_port_config *config,
			  struct vly_error *error)
{
	struct rlimit limit = {0, 0};
	unsigned long files = FILES_OF_QUEUE + 1;

	if (code == -ENFILE)
		return vly_fail(error, code,
				"%s: too many open files on this machine; see: sysctl fs.file-nr "
				"fs.file-max",
				name);
	if (config)
		files = (config->queues ? config->queues : 1ul) *
			(vly_kernel_bind_count(config) + FILES_OF_QUEUE);
	getrlimit(RLIMIT_NOFILE, &limit);
	// What the rest of the process has open is fewer than the limit.
	files += limit.rlim_cur > FILES_SPARE ? limit.rlim_cur : FILES_SPARE;
	return vly_fail(error, code,
			"%s: too many open files (RLIMIT_NOFILE is %lu); run: ulimit -n %lu", name,
			(unsigned long)limit.rlim_cur, files);
}

static void set_flag(int fd, int level, int option)
{
	int on = 1;

	setsockopt(fd, level, option, &on, sizeof(on));
}

static void ask_limit(const struct vly_kernel_socket *sock, int on)
{
	setsockopt(sock->fd, SOL_IP, IP_RECVTTL, &on, sizeof(on));
	if (sock->is_ipv6)
		setsockopt(sock->fd, SOL_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on));
}

// Where the hop limit is told, so is the class: it begins before, and ends after.
static void ask_class(const struct vly_kernel_socket *sock, int on)
{
	if (!on)
		ask_limit(sock, on);
	setsockopt(sock->fd, SOL_IP, IP_RECVTOS, &on, sizeof(on));
	if (sock->is_ipv6)
		setsockopt(sock->fd, SOL_IPV6, IPV6_RECVTCLASS, &on, sizeof(on));
	if (on)
		ask_limit(sock, on);
}

void vly_kernel_sockets_ask_class(struct vly_kernel_sockets *sockets, bool is_wanted)
{
	// Who learns of a handler that wants it has seen this first.
	atomic_store(&sockets->tells_class, is_wanted);
	for (uint32_t i = 0; i < sockets->count; i++)
		ask_class(&sockets->list[i], is_wanted);
}

void vly_kernel_socket_join(struct vly_kernel_socket *sock)
{
	int on = 1;

	sock->may_join = false;
	sock->joins = setsockopt(sock->fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) == 0;
}

// Old kernels lack some of these; what is missing is then simply not told.
static void set_options(struct vly_kernel_socket *sock, struct vly_kernel_options *options,
			bool is_of_many)
{
	int fd = sock->fd;

	if (is_of_many)
		set_flag(fd, SOL_SOCKET, SO_RXQ_OVFL);
	if (sock->is_wildcard || sock->is_shared)
		set_flag(fd, SOL_IP, IP_PKTINFO); // else we know the address
	if (sock->is_ipv6)
		set_flag(fd, SOL_IPV6, IPV6_RECVPKTINFO);
	ask_class(sock, true);
	if (options->stamping && vly_kernel_stamps_enable(fd, options->stamping))
		options->stamping = VLY_KERNEL_STAMPING_OFF;
	sock->is_bare = !sock->is_ipv6 && !sock->is_wildcard && !sock->is_shared && !is_of_many &&
			!options->stamping;
	sock->may_join = options->gro;
	if (sock->may_join && !(sock->is_bare && options->joins_late))
		vly_kernel_socket_join(sock);
	vly_kernel_buffers_set(fd, options);
	if (!vly_kernel_busy_poll_set(fd, options->busy_poll_us))
		options->busy_poll_us = 0;
}

static int bind_socket(struct vly_kernel_socket *sock, const struct vly_endpoint *endpoint,
		       bool is_shared)
{
	struct sockaddr_in6 name;
	socklen_t size = sizeof(name);
	int off = 0;
	int on = 1;
	int rc;

	sock->fd = socket(sock->is_ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock->fd < 0)
		return -errno;
	if (sock->is_ipv6)
		setsockopt(sock->fd, SOL_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	vly_kernel_groups_prepare(sock->fd, sock->is_ipv6, &endpoint->addr);
	if (is_shared && setsockopt(sock->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)))
		goto err_close;
	size = vly_kernel_addr_write(&name, sock->is_ipv6, &endpoint->addr, endpoint->ifindex);
	if (bind(sock->fd, (struct sockaddr *)&name, size))
		goto err_close;
	size = sizeof(name);
	if (getsockname(sock->fd, (struct sockaddr *)&name, &size))
		goto err_close;
	vly_kernel_addr_read(&sock->bound, &name);
	return 0;

err_close:
	rc = -errno;
	close(sock->fd);
	sock->fd = -1;
	return rc;
}

// The wildcard :: is one socket for both families; without IPv6 in the kernel, one for IPv4.
static int open_socket(struct vly_kernel_socket *sock, const struct vly_endpoint *endpoint,
		       bool is_shared)
{
	static const struct vly_addr any;
	bool is_any = memcmp(endpoint->addr.ip, any.ip, sizeof(any.ip)) == 0;
	int rc;

	sock->is_ipv6 = !vly_addr_is_ipv4(&endpoint->addr);
	sock->is_wildcard = vly_addr_is_wildcard(&endpoint->addr);
	rc = bind_socket(sock, endpoint, is_shared);
	if ((rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL) && is_any) {
		sock->is_ipv6 = false;
		rc = bind_socket(sock, endpoint, is_shared);
	}
	return rc;
}

static int fail_open(const char *name, int code, const struct vly_port_config *config,
		     const struct vly_addr *addr, struct vly_error *error)
{
	if (code == -EMFILE || code == -ENFILE)
		return vly_kernel_fail_files(name, code, config, error);
	return vly_kernel_bind_fail(name, code, addr, error);
}

// --- a queue's sockets --------------------------------------------------------------------------

// A ring lets go of its sockets some milliseconds after its process has ended: a restart meets its
// own past there, which goes away.
static int try_socket(const struct vly_endpoint *endpoint)
{
	struct vly_kernel_socket sock = {.fd = -1};
	int rc = open_socket(&sock, endpoint, false);

	for (uint32_t i = 0; rc == -EADDRINUSE && i < IN_USE_TRIES; i++) {
		usleep(IN_USE_PAUSE_US);
		rc = open_socket(&sock, endpoint, false);
	}
	if (!rc)
		close(sock.fd);
	return rc;
}

int vly_kernel_sockets_check(const char *name, const struct vly_port_config *config,
			     struct vly_error *error)
{
	for (uint32_t i = 0; i < config->listen_count; i++) {
		const struct vly_endpoint *endpoint = &config->listens[i];
		int rc = try_socket(endpoint);

		if (rc)
			return fail_open(name, rc, config, &endpoint->addr, error);
	}
	return vly_kernel_bind_check(name, config, error);
}

// Backwards, so that each bucket has its sockets in the order of the listens.
static void index_by_port(struct vly_kernel_sockets *sockets)
{
	memset(sockets->bucket, 0xff, sizeof(sockets->bucket)); // VLY_KERNEL_SOCKET_NONE in each
	for (uint32_t i = sockets->count; i-- > 0;) {
		struct vly_kernel_socket *sock = &sockets->list[i];
		uint16_t *bucket = &sockets->bucket[sock->bound.port % VLY_KERNEL_SOCKET_BUCKETS];

		sock->next = *bucket;
		*bucket = (uint16_t)i;
	}
}

int vly_kernel_sockets_open(struct vly_kernel_sockets *sockets, const char *name,
			    const struct vly_port_config *config,
			    struct vly_kernel_options *options,
			    const struct vly_kernel_sockets *first, uint32_t queue,
			    struct vly_error *error)
{
	uint32_t count = vly_kernel_bind_count(config);

	// A client's queues have a port each: the answers must find the queue that asked.
	bool is_shared = config->listen_count && config->queues > 1;

	options->gro = options->gro && vly_kernel_has_gro();
	options->gso = options->gso && vly_kernel_has_gso();
	for (uint32_t i = 0; i < count; i++) {
		struct vly_endpoint endpoint = vly_kernel_bind_at(config, i);
		struct vly_kernel_socket *sock = &sockets->list[i];
		int rc;

		if (first && is_shared)
			endpoint.addr.port = first->list[i].bound.port;
		rc = open_socket(sock, &endpoint, is_shared);
		if (rc)
			return fail_open(name, rc, config, &endpoint.addr, error);
		sockets->count++;
		sock->is_shared = is_shared;
		if (options->icmp_errors || !config->listen_count)
			vly_kernel_errors_enable(sock);
		sock->drops_copies = first != NULL;
		set_options(sock, options, count > SOCKETS_FEW);
	}
	if (options->connects && count == 1 && sockets->list[0].is_bare)
		sockets->line.options = options;
	atomic_store(&sockets->tells_class, true);
	index_by_port(sockets);
	return vly_kernel_groups_join(sockets, name, config, queue, error);
}

void vly_kernel_sockets_close(struct vly_kernel_sockets *sockets)
{
	for (uint32_t i = 0; i < sockets->count; i++)
		close(sockets->list[i].fd);
	sockets->count = 0;
	if (sockets->line.state != VLY_KERNEL_LINE_NONE)
		close(sockets->line.sock.fd);
	sockets->line.state = VLY_KERNEL_LINE_NONE;
}

static bool is_bound_to(const struct vly_kernel_socket *sock, const struct vly_addr *local)
{
	if (sock->bound.port != local->port)
		return false;
	return sock->is_wildcard || memcmp(sock->bound.ip, local->ip, sizeof(local->ip)) == 0;
}

// Whether the socket can send to that family: IPv4 from an IPv6 socket only if it is bound to
// neither.
static bool can_reach(const struct vly_kernel_socket *sock, bool is_ipv4)
{
	return is_ipv4 ? !sock->is_ipv6 || sock->is_wildcard : sock->is_ipv6;
}

static const struct vly_kernel_socket *first_that_reaches(const struct vly_kernel_sockets *sockets,
							  bool is_ipv4)
{
	for (uint32_t i = 0; i < sockets->count; i++) {
		if (can_reach(&sockets->list[i], is_ipv4))
			return &sockets->list[i];
	}
	return NULL;
}

const struct vly_kernel_socket *vly_kernel_sockets_pick(const struct vly_kernel_sockets *sockets,
							const struct vly_dgram *dgram)
{
	bool is_ipv4 = vly_addr_is_ipv4(&dgram->peer);
	uint16_t at = sockets->bucket[dgram->local.port % VLY_KERNEL_SOCKET_BUCKETS];

	while (sockets->count > 1 && at != VLY_KERNEL_SOCKET_NONE) {
		const struct vly_kernel_socket *sock = &sockets->list[at];

		if (is_bound_to(sock, &dgram->local) && can_reach(sock, is_ipv4))
			return sock;
		at = sock->next;
	}
	return first_that_reaches(sockets, is_ipv4);
}

void vly_kernel_socket_missed(struct vly_kernel_socket *sock, uint32_t missed,
			      struct vly_ledger_block *ledger)
{
	uint32_t more = missed - sock->missed; // the kernel's count wraps as ours does

	// A datagram tells the count of when it was queued, which may be older than what we know.
	if (more == 0 || more > INT32_MAX)
		return;
	sock->missed = missed;
	vly_count_lost(ledger, VLY_DROP_RX_MISSED, more);
}

// A wake is known of before it can be lost, so it is looked at after the losses.
uint32_t vly_kernel_socket_ask_missed(struct vly_kernel_socket *sock, const _Atomic uint32_t *wakes,
				      struct vly_ledger_block *ledger)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t size = sizeof(info);

	if (!getsockopt(sock->fd, SOL_SOCKET, SO_MEMINFO, info, &size) &&
	    size > SK_MEMINFO_DROPS * sizeof(info[0]))
		vly_kernel_socket_missed(
			sock, info[SK_MEMINFO_DROPS] - (wakes ? atomic_load(wakes) : 0), ledger);
	return info[SK_MEMINFO_RMEM_ALLOC];
}

void vly_kernel_sockets_ask_missed(struct vly_kernel_sockets *sockets,
				   struct vly_ledger_block *ledger, uint64_t now_ns)
{
	uint64_t period_ns = sockets->count <= SOCKETS_FEW ? ASK_FEW_NS : ASK_MANY_NS;

	if (VLY_LIKELY(now_ns - sockets->asked_ns < period_ns))
		return;
	sockets->asked_ns = now_ns;
	for (uint32_t i = 0; i < sockets->count; i++)
		vly_kernel_socket_ask_missed(&sockets->list[i], i ? NULL : &sockets->wakes, ledger);
	vly_kernel_line_ask_missed(&sockets->line, ledger);
}
