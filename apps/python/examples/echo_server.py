#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A UDP echo server: whatever comes is sent back.

    echo_server.py [ADDRESS [PORT]]

With `import socket` in place of the next import it is a plain Python program."""
import sys

import volley as socket

address = sys.argv[1] if len(sys.argv) > 1 else '127.0.0.1'
port = int(sys.argv[2]) if len(sys.argv) > 2 else 9000
family = socket.AF_INET6 if ':' in address else socket.AF_INET

with socket.socket(family, socket.SOCK_DGRAM) as sock:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    print('listening on', *sock.getsockname()[:2], flush=True)
    while True:
        data, peer = sock.recvfrom(65535)
        sock.sendto(data, peer)
