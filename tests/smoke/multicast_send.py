#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""multicast_send.py EXPECTED GROUP SOURCE: sends three datagrams to a group (or a broadcast or
plain address) and counts the answers, which must come from an address of the server's own."""
import socket
import sys

PORT = 9000
SENT = 3
SERVER = {'10.77.0.2', 'fd77::2'}
QUIET_S = 0.15  # after which no answer is expected any more
WAIT_S = 5


def open_socket(source):
    family = socket.AF_INET6 if ':' in source else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    interface = socket.if_nametoindex('c0')
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, interface)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'c0')
    sock.bind((source, 0))
    return sock


def main():
    expected, group, source = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    sock = open_socket(source)
    for number in range(SENT):
        sock.sendto(bytes([number]), (group, PORT))
    answers = []
    while True:
        sock.settimeout(WAIT_S if len(answers) < expected else QUIET_S)
        try:
            data, peer = sock.recvfrom(100)
        except TimeoutError:
            break
        if peer[0] not in SERVER or peer[1] != PORT:
            sys.exit(f'an answer from {peer}')
        answers.append(data[0])
    if sorted(answers) != list(range(SENT))[:expected]:
        sys.exit(f'answers: {answers}')


if __name__ == '__main__':
    main()
