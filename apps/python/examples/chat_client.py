#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A chat client for `volley serve -H chat`: lines of standard input are said to all, whatever comes
is printed. One thread for each direction, on one socket.

    chat_client.py HOST PORT NAME

With `import socket` in place of the next import it is a plain Python program."""
import sys
import threading

import volley as socket

if len(sys.argv) < 4:
    sys.exit(__doc__)
host, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
family, kind, protocol, _, server = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
sock = socket.socket(family, kind, protocol)
joined = threading.Event()


def listen():
    """Prints what comes. To join, a proof of the server's has to be sent back."""
    while True:
        text = sock.recv(65535).decode(errors='replace').strip()
        print(text, flush=True)
        if text.startswith('proof ='):
            sock.sendto(f'join {name} {text[6:]}'.encode(), server)
        elif text.startswith('ok joined'):
            joined.set()


sock.sendto(f'join {name}'.encode(), server)
threading.Thread(target=listen, daemon=True).start()
if not joined.wait(10):
    sys.exit(f'{host}: not in after 10 s')
for line in sys.stdin:
    sock.sendto(f'say {line.strip()}'.encode(), server)
sock.sendto(b'leave', server)
