#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A UDP echo client over IPv4 or IPv6, whichever the name of the server has.

    echo_client.py HOST PORT [COUNT]

With `import socket` in place of the next import it is a plain Python program."""
import sys

import volley as socket

if len(sys.argv) < 3:
    sys.exit(__doc__)
host, port = sys.argv[1], int(sys.argv[2])
count = int(sys.argv[3]) if len(sys.argv) > 3 else 1

# All addresses of the name, in the order in which the system wants them tried.
found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
for family, kind, protocol, _, address in found:
    with socket.socket(family, kind, protocol) as sock:
        sock.settimeout(5)
        try:
            for number in range(count):
                message = f'message {number}'.encode()
                sock.sendto(message, address)
                answer, peer = sock.recvfrom(65535)
                if answer != message:
                    sys.exit(f'{peer}: sent {message}, got {answer}')
        except socket.timeout:
            print(f'{address[0]}: no answer within 5 s')
            continue
        print(f'{count} answer{"s" * (count != 1)} from {peer[0]} port {peer[1]}')
        break
else:
    sys.exit(f'{host}: nobody answers')
