// SPDX-License-Identifier: BSD-3-Clause
//
// The measure to beat: a UDP echo server as most people write it. One socket, one datagram and two
// system calls at a time. It knows nothing of Volley. With `busy` it spins instead of sleeping in
// the kernel, to stand beside servers that do so too.
//
//     plain_echo ADDRESS PORT [busy]
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	PAYLOAD_BYTES_MAX = 65535,
};

static int open_socket(const char *address, unsigned long port)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int is_ipv4 = inet_pton(AF_INET, address, &in.sin_addr) == 1;
	int fd;

	if (!is_ipv4 && inet_pton(AF_INET6, address, &in6.sin6_addr) != 1) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, is_ipv4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6,
		 is_ipv4 ? sizeof(in) : sizeof(in6)) < 0)
		return -1;
	return fd;
}

static void echo(int fd, int flags)
{
	static char payload[PAYLOAD_BYTES_MAX];
	struct sockaddr_storage peer;

	for (;;) {
		socklen_t peer_bytes = sizeof(peer);
		ssize_t length = recvfrom(fd, payload, sizeof(payload), flags,
					  (struct sockaddr *)&peer, &peer_bytes);

		if (length >= 0)
			sendto(fd, payload, (size_t)length, 0, (struct sockaddr *)&peer,
			       peer_bytes);
	}
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 3) {
		fprintf(stderr, "usage: plain_echo ADDRESS PORT [busy]\n");
		return 2;
	}
	fd = open_socket(argv[1], strtoul(argv[2], NULL, 10));
	if (fd < 0) {
		fprintf(stderr, "plain_echo: %s port %s: %s\n", argv[1], argv[2], strerror(errno));
		return 1;
	}
	printf("ready: plain_echo %s %s\n", argv[1], argv[2]);
	fflush(stdout);
	echo(fd, argc > 3 && strcmp(argv[3], "busy") == 0 ? MSG_DONTWAIT : 0);
}
