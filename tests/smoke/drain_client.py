#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sends a fixed number of datagrams from a few sockets at once, says `sent`, and counts the answers
until none has come for half a second. Prints a JSON object.

    drain_client.py HOST PORT COUNT
"""
import json
import select
import socket
import sys

SOCKETS = 4
SO_RCVBUFFORCE = 33  # <asm-generic/socket.h>


def open_socket(address):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    sock.connect(address)
    return sock


def main():
    host, port, count = sys.argv[1], *(int(word) for word in sys.argv[2:4])
    socks = [open_socket((host, port)) for _ in range(SOCKETS)]
    for number in range(count):
        socks[number % SOCKETS].send(number.to_bytes(4, 'big'))
    print('sent', flush=True)
    seen = set()
    while ready := select.select(socks, [], [], 0.5)[0]:
        for sock in ready:
            try:
                seen.add(int.from_bytes(sock.recv(64), 'big'))
            except ConnectionRefusedError:
                pass  # the server is gone
    print(json.dumps({'answers': len(seen)}))


if __name__ == '__main__':
    main()
