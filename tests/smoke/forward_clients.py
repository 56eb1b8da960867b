# SPDX-License-Identifier: BSD-3-Clause
"""forward_clients.py ADDRESS PORT TEXT SERVER...: asks as 60 new clients, each three times, until
all that they see, within some seconds, is these servers, each client only one of them."""
import socket
import sys
import time

CLIENTS = 60
ASKS = 3
LIMIT_S = 15


def ask(client, peer, text):
    client.sendto(text, peer)
    data, sender = client.recvfrom(65535)
    server, _, rest = data.partition(b' ')
    if sender != peer or rest != text:
        sys.exit(f'{text} was answered by {sender} with {data}')
    return server.decode()


def look(peer, text):
    """The servers that new clients see; None if an answer is missing."""
    seen = set()
    for number in range(CLIENTS):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.5)
            try:
                own = {ask(client, peer, f'{text} {number} {turn}'.encode())
                       for turn in range(ASKS)}
            except socket.timeout:
                return None
        if len(own) != 1:
            sys.exit(f'client {number} saw several servers: {own}')
        seen |= own
    return seen


def main():
    peer = sys.argv[1], int(sys.argv[2])
    expected = set(sys.argv[4:])
    end = time.monotonic() + LIMIT_S
    seen = None
    while time.monotonic() < end:
        seen = look(peer, sys.argv[3])
        if seen == expected:
            return
        time.sleep(0.1)
    sys.exit(f'{sys.argv[3]}: seen at last: {seen}')


main()
