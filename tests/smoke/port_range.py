# SPDX-License-Identifier: BSD-3-Clause
"""port_range.py ADDRESS FIRST LAST: asks each port three times, in an order of its own each time;
each answers from the port that was asked. An answer lost on the way is asked for again."""
import random
import socket
import sys

LIMIT_S = 1
TRIES = 3


def ask(client, peer, payload):
    for _ in range(TRIES):
        client.sendto(payload, peer)
        try:
            while True:
                data, sender = client.recvfrom(2048)
                if data == payload:
                    return sender == peer
        except socket.timeout:
            continue
    return False


def main():
    address, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(LIMIT_S)
    ports = list(range(first, last + 1))
    order = random.Random(7)
    for turn in range(3):
        order.shuffle(ports)
        for port in ports:
            if not ask(client, (address, port), b'%d of %d' % (port, turn)):
                sys.exit(f'port {port} does not answer as itself')


main()
