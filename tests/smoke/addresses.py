#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""addresses.py ADDRESS...: asks each with a connected socket, which hears only what comes from
there, with a hop limit and a traffic class (DSCP and ECN) of its own; the answer names both."""
import socket
import sys

PORT = 9000
HOPS, CLASSES = 33, (0x00, 0x01, 0x2A, 0xBB)  # ECN in the last two bits
WAIT_S = 5


def ask(address):
    family, kind, _, _, name = socket.getaddrinfo(address, PORT, type=socket.SOCK_DGRAM)[0]
    level, hops, traffic = ((socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, socket.IPV6_TCLASS)
                            if family == socket.AF_INET6
                            else (socket.IPPROTO_IP, socket.IP_TTL, socket.IP_TOS))
    with socket.socket(family, kind) as sock:
        sock.settimeout(WAIT_S)
        sock.connect(name)
        sock.setsockopt(level, hops, HOPS)
        for value in CLASSES:
            sock.setsockopt(level, traffic, value)
            sock.send(bytes(20))
            answer = sock.recv(100).decode()
            if answer != f'{HOPS} {value}':
                sys.exit(f'{address}: {answer}, not {HOPS} {value}')


def main():
    for address in sys.argv[1:]:
        try:
            ask(address)
        except OSError as error:
            sys.exit(f'{address}: no answer from there: {error}')


if __name__ == '__main__':
    main()
