#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sends numbered datagrams to an echo server for some seconds without waiting for the answers,
which it counts; the server and the link may go away meanwhile. Prints a JSON object.

    flood_client.py HOST PORT SECONDS
"""
import json
import select
import socket
import sys
import time

SO_RCVBUFFORCE = 33  # <asm-generic/socket.h>


def take(sock, answers):
    """Takes what has come; returns how many more answers there are now."""
    while True:
        try:
            sock.recv(2048)
            answers += 1
        except BlockingIOError:
            return answers
        except OSError:
            pass  # the server is gone, or the way to it


def main():
    host, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    sent = answers = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        sock.connect((host, port))
        sock.setblocking(False)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(32):
                try:
                    sock.send(sent.to_bytes(8, 'big') * 8)
                    sent += 1
                except OSError:
                    pass  # the link is down, or somebody at its other end
            answers = take(sock, answers)
        while select.select([sock], [], [], 0.5)[0]:
            before, answers = answers, take(sock, answers)
            if answers == before:
                break
    print(json.dumps({'sent': sent, 'answers': answers}))


if __name__ == '__main__':
    main()
