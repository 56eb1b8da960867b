#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Servers that are not quite echoes, each at a port of its own, for the load generator to tell.

    load_servers.py FILE    where what comes to `keep` is written, a payload a line in hexadecimal
"""
import selectors
import socket
import sys


class Servers:
    def __init__(self, path):
        self.kept = open(path, 'w', buffering=1)
        self.held = None

    def truncate(self, data):
        return [data[:20]]

    def alter(self, data):
        return [data[:-1] + bytes([data[-1] ^ 1])]

    def lengthen(self, data):
        return [data + b'!']

    def unstamp(self, data):
        return [bytes(len(data))]

    def double(self, data):
        return [data, data]

    def swap(self, data):
        """Two and two, the second first."""
        if self.held is None:
            self.held = data
            return []
        first, self.held = self.held, None
        return [data, first]

    def drop(self, data):
        return []

    def keep(self, data):
        self.kept.write(data.hex() + '\n')
        return [data]


PORTS = ['truncate', 'alter', 'lengthen', 'unstamp', 'double', 'swap', 'drop', 'keep']


def main(path):
    servers = Servers(path)
    selector = selectors.DefaultSelector()
    for number, name in enumerate(PORTS, 9101):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind(('127.0.0.1', number))
        selector.register(sock, selectors.EVENT_READ, getattr(servers, name))
    print('ready', flush=True)
    while True:
        for key, _ in selector.select():
            data, peer = key.fileobj.recvfrom(65535)
            for answer in key.data(data):
                key.fileobj.sendto(answer, peer)


main(sys.argv[1])
