// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "arguments.h"
#include "output.h"

enum {
	TARGETS_MAX = 8,
};

// Set by the signal handler alone: the one variable that a signal can reach.
static atomic_bool interrupted;

static void on_signal(int number)
{
	(void)number;
	atomic_store_explicit(&interrupted, true, memory_order_relaxed);
}

const atomic_bool *client_interruption(void)
{
	const struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return &interrupted;
}

static bool has_address_like(const struct port_options *options, const struct vly_addr *addr)
{
	for (uint32_t i = 0; i < options->addr_count; i++) {
		struct vly_addr own = {0};

		memcpy(own.ip, options->addrs[i].ip, sizeof(own.ip));
		if (vly_addr_is_ipv4(&own) == vly_addr_is_ipv4(addr))
			return true;
	}
	return options->addr_count == 0;
}

struct vly_endpoint client_target(const struct argp_state *state,
				  const struct port_options *options, const char *text)
{
	struct vly_endpoint found[TARGETS_MAX];
	struct vly_error error = {""};
	int count = vly_endpoint_resolve(found, TARGETS_MAX, text, false, &error);

	if (count <= 0)
		usage_error(state, "%s", error.text);
	if (found[0].addr.port == 0)
		usage_error(state, "'%s': nothing can be sent to port 0", text);
	for (int i = 0; i < count; i++) {
		if (has_address_like(options, &found[i].addr))
			return found[i];
	}
	return found[0];
}

void client_take_target(const struct argp_state *state, const char **text, const char *arg)
{
	if (*text)
		usage_error(state, "one HOST:PORT only, not also '%s'", arg);
	*text = arg;
}

bool client_is_shared_address(const struct vly_addr *addr)
{
	static const uint8_t ones[4] = {0xff, 0xff, 0xff, 0xff};

	// Which other addresses are broadcast, only the kernel knows.
	return vly_addr_is_multicast(addr) ||
	       (vly_addr_is_ipv4(addr) && memcmp(addr->ip + 12, ones, sizeof(ones)) == 0);
}

// Of interfaces that are up.
static bool has_ipv6(void)
{
	struct ifaddrs *list = NULL;
	bool has = false;

	if (getifaddrs(&list) < 0)
		return true; // not known
	for (const struct ifaddrs *it = list; it; it = it->ifa_next)
		has = has || (it->ifa_addr && it->ifa_addr->sa_family == AF_INET6);
	freeifaddrs(list);
	return has;
}

static bool is_loopback(const struct vly_addr *addr)
{
	static const uint8_t one[16] = {[15] = 1};

	return vly_addr_is_ipv4(addr) ? addr->ip[12] == 127
				      : memcmp(addr->ip, one, sizeof(one)) == 0;
}

static bool is_same_ip(const struct sockaddr *own, const struct vly_addr *addr)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (!own || (own->sa_family == AF_INET) != vly_addr_is_ipv4(addr))
		return false;
	if (own->sa_family == AF_INET) {
		memcpy(&in, own, sizeof(in));
		return memcmp(&in.sin_addr, addr->ip + 12, sizeof(in.sin_addr)) == 0;
	}
	if (own->sa_family != AF_INET6)
		return false;
	memcpy(&in6, own, sizeof(in6));
	return memcmp(&in6.sin6_addr, addr->ip, sizeof(in6.sin6_addr)) == 0;
}

// Whether the kernel has that address.
static bool is_of_this_machine(const struct vly_addr *addr)
{
	struct ifaddrs *list = NULL;
	bool is = false;

	if (getifaddrs(&list) < 0)
		return true; // not known
	for (const struct ifaddrs *it = list; it; it = it->ifa_next)
		is = is || is_same_ip(it->ifa_addr, addr);
	freeifaddrs(list);
	return is;
}

// Which address of -a the kernel sends from, if that is a loopback one and the target's not: what
// is sent from there stays on this machine. Of IPv6 the kernel takes it all the same.
static bool find_loopback(const struct port_options *options, const struct vly_addr *target,
			  struct vly_addr *own)
{
	if (!port_is_of_kernel(options) || is_loopback(target) ||
	    client_is_shared_address(target) || is_of_this_machine(target))
		return false;
	for (uint32_t i = 0; i < options->addr_count; i++) {
		*own = (struct vly_addr){0};
		memcpy(own->ip, options->addrs[i].ip, sizeof(own->ip));
		if (is_loopback(own) && vly_addr_is_ipv4(own) == vly_addr_is_ipv4(target))
			return true;
	}
	return false;
}

static void say_loopback(const char *command, const struct vly_addr *target,
			 const struct vly_addr *own)
{
	char text[VLY_ADDR_TEXT_BYTES];
	char from[VLY_ADDR_TEXT_BYTES];
	char ip[VLY_ADDR_TEXT_BYTES];

	vly_addr_format(target, text, sizeof(text));
	vly_ip_format(own->ip, from, sizeof(from));
	vly_ip_format(target->ip, ip, sizeof(ip));
	complain(command,
		 "%s cannot be reached from -a %s, a loopback address, which is this machine's "
		 "alone; leave -a away, or give the address that ip route get %s names as src",
		 text, from, ip);
}

static void say_no_route(const char *command, const struct port_options *options,
			 const struct vly_addr *target)
{
	char text[VLY_ADDR_TEXT_BYTES];
	char ip[VLY_ADDR_TEXT_BYTES];

	vly_addr_format(target, text, sizeof(text));
	vly_ip_format(target->ip, ip, sizeof(ip));
	if (!port_is_of_kernel(options))
		complain(command, "there is no way to %s from here; check -a, --gateway, --route",
			 text);
	else if (!has_address_like(options, target))
		complain(command,
			 "there is no way to %s: -a has no %s address; leave -a away, or give one",
			 text, vly_addr_is_ipv4(target) ? "IPv4" : "IPv6");
	else if (!vly_addr_is_ipv4(target) && !has_ipv6())
		complain(command,
			 "there is no way to %s: no interface here has an IPv6 address; see: "
			 "ip -6 address",
			 text);
	else
		complain(command, "there is no way to %s from here; see: ip route get %s", text,
			 ip);
}

bool client_say_unsent(const char *command, const struct port_options *options,
		       const struct vly_port *port, const struct vly_addr *target)
{
	char text[VLY_ADDR_TEXT_BYTES];
	struct vly_ledger ledger;
	struct vly_addr own;

	vly_port_ledger(port, &ledger);
	vly_addr_format(target, text, sizeof(text));
	if (find_loopback(options, target, &own))
		say_loopback(command, target, &own);
	else if (ledger.dropped[VLY_DROP_TX_NO_NEIGHBOUR])
		complain(command,
			 "nobody has the address of %s: nothing could be sent there; check it, and "
			 "the server's",
			 text);
	else if (ledger.dropped[VLY_DROP_TX_NO_ROUTE])
		say_no_route(command, options, target);
	else if (ledger.dropped[VLY_DROP_TX_REFUSED])
		complain(command,
			 "sending to %s is refused on this side: by a firewall, or as a link-local "
			 "address lacks its interface, [ADDRESS%%INTERFACE]:PORT",
			 text);
	else
		return false;
	return true;
}

int client_pin(const char *command, const struct port_options *options)
{
	cpu_set_t set;

	if (options->core_count == 0)
		return STATUS_OK;
	CPU_ZERO(&set);
	for (uint32_t i = 0; i < options->core_count; i++)
		CPU_SET(options->cores[i], &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		return STATUS_OK;
	complain(command, "--cores: %s; taskset -cp $$ shows the cores that may be used",
		 strerror(errno));
	return STATUS_FAILED;
}
