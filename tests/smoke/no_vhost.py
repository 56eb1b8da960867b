#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""no_vhost.py HTTP MUTE: serves two sockets that are not what a virtio-user device expects. At the
one a web server answers, at the other nobody says anything."""

import select
import socket
import sys


def serve(path):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen(8)
    return server


def main():
    http, mute = (serve(path) for path in sys.argv[1:3])
    quiet = []
    while True:
        ready, _, _ = select.select([http, mute], [], [])
        for server in ready:
            client, _ = server.accept()
            if server is mute:
                quiet.append(client)
                continue
            client.recv(4096)
            client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            client.close()


main()
