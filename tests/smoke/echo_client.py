#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A UDP client as a tutorial shows it, which knows nothing of Volley: sends datagrams of mixed
sizes to an echo server, and wants each back, byte for byte.

    echo_client.py HOST PORT COUNT [SIZE_MIN SIZE_MAX [WINDOW]]
"""
import random
import socket
import sys


def exchange(sock, sizes, source, window):
    """Sends a window of datagrams and takes as many back, in order."""
    for first in range(0, len(sizes), window):
        payloads = [source.randbytes(size) for size in sizes[first:first + window]]
        for payload in payloads:
            sock.send(payload)
        for number, payload in enumerate(payloads, first):
            answer = sock.recv(65536)
            if answer != payload:
                sys.exit(f'datagram {number}: sent {len(payload)} bytes, '
                         f'got {len(answer)} others back')


def main():
    host, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    given = [int(word) for word in sys.argv[4:]]
    least, most, window = given + [0, 1472, 16][len(given):]
    source = random.Random(count)
    sizes = [source.randint(least, most) for _ in range(count)]
    sizes[0], sizes[-1] = least, most
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as sock:
        sock.settimeout(5)
        sock.connect(address)
        try:
            # One by itself first: while the kernel asks for the server's link address it keeps
            # datagrams back, and then may send a later one before them.
            exchange(sock, sizes[:1], source, 1)
            exchange(sock, sizes[1:], source, window)
        except TimeoutError:
            sys.exit(f'{host}: an answer did not come within 5 s')
    print(f'{host}: {count} datagrams of {least} to {most} bytes came back')


if __name__ == '__main__':
    main()
