#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""An echo server as a Python programmer's first one:  socket_echo.py ADDRESS PORT"""
import socket
import sys


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[1], int(sys.argv[2])))
    print('ready:', *sys.argv[:3], flush=True)
    while True:
        payload, peer = server.recvfrom(65535)
        server.sendto(payload, peer)


if __name__ == '__main__':
    main()
