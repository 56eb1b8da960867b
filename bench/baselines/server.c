// SPDX-License-Identifier: BSD-3-Clause
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	IN_USE_TRIES = 20,
	IN_USE_PAUSE_US = 10000,
};

static _Noreturn void fail(char **argv, const char *what)
{
	fprintf(stderr, "%s: %s port %s: %s: %s\n", argv[0], argv[1], argv[2], what,
		strerror(errno));
	exit(1);
}

// Beyond the system's limit where we may, else up to it.
static void set_buffer(int fd, int forced, int option)
{
	int bytes = SERVER_BUFFER_BYTES;

	if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof(bytes));
}

// A server on io_uring keeps its socket for some milliseconds after its end.
static int bind_patiently(int fd, const struct sockaddr *address, socklen_t bytes)
{
	int rc = bind(fd, address, bytes);

	for (int i = 0; rc < 0 && errno == EADDRINUSE && i < IN_USE_TRIES; i++) {
		usleep(IN_USE_PAUSE_US);
		rc = bind(fd, address, bytes);
	}
	return rc;
}

struct server server_open(int argc, char **argv)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct server server = {.fd = -1};
	int is_ipv4;

	if (argc < 3) {
		fprintf(stderr, "usage: %s ADDRESS PORT [busy]\n", argv[0]);
		exit(2);
	}
	is_ipv4 = inet_pton(AF_INET, argv[1], &in.sin_addr) == 1;
	in.sin_port = in6.sin6_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	if (!is_ipv4 && inet_pton(AF_INET6, argv[1], &in6.sin6_addr) != 1) {
		errno = EINVAL;
		fail(argv, "not an address");
	}
	server.fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	if (server.fd < 0)
		fail(argv, "socket");
	set_buffer(server.fd, SO_RCVBUFFORCE, SO_RCVBUF);
	set_buffer(server.fd, SO_SNDBUFFORCE, SO_SNDBUF);
	if (bind_patiently(server.fd, is_ipv4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6,
			   is_ipv4 ? sizeof(in) : sizeof(in6)) < 0)
		fail(argv, "bind");
	server.flags = argc > 3 && strcmp(argv[3], "busy") == 0 ? MSG_DONTWAIT : 0;
	return server;
}

void server_ready(char **argv)
{
	printf("ready: %s %s %s\n", argv[0], argv[1], argv[2]);
	fflush(stdout);
}

void server_join_received(const struct server *server)
{
	int on = 1;

	if (setsockopt(server->fd, SOL_UDP, UDP_GRO, &on, sizeof(on)) == 0)
		return;
	fprintf(stderr, "UDP_GRO: %s; it needs Linux 5.0\n", strerror(errno));
	exit(1);
}

uint16_t server_segment(struct msghdr *msg)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		int size;

		if (cmsg->cmsg_level != SOL_UDP || cmsg->cmsg_type != UDP_GRO)
			continue;
		memcpy(&size, CMSG_DATA(cmsg), sizeof(size));
		return (uint16_t)size;
	}
	return 0;
}
