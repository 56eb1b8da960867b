#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Several clients at once, each a flow: the answers of a flow come in the order it sent in.

    flow_order.py HOST PORT FLOWS COUNT [FILE]

Ends after COUNT datagrams of each flow, or when the FILE is there. A fifth byte of an answer says
which build of a handler has answered; those seen are printed.
"""
import os
import selectors
import socket
import sys

WINDOW = 24  # datagrams of a flow on their way


class Flow:
    """One socket with its numbers."""

    def __init__(self, address):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.connect(address)
        self.sent = 0
        self.taken = 0
        self.builds = set()

    def fill(self, count):
        while self.sent < count and self.sent - self.taken < WINDOW:
            self.sock.send(self.sent.to_bytes(4, 'big'))
            self.sent += 1

    def take(self):
        while True:
            try:
                answer = self.sock.recv(64)
            except BlockingIOError:
                return
            number = int.from_bytes(answer[:4], 'big')
            self.builds.update(answer[4:5])
            if number != self.taken:
                sys.exit(f'flow of port {self.sock.getsockname()[1]}: '
                         f'number {number} came when {self.taken} was due')
            self.taken += 1


def main():
    host, port, flow_count, count = sys.argv[1], *(int(word) for word in sys.argv[2:5])
    enough = sys.argv[5] if len(sys.argv) > 5 else None
    flows = [Flow((host, port)) for _ in range(flow_count)]
    selector = selectors.DefaultSelector()
    for flow in flows:
        selector.register(flow.sock, selectors.EVENT_READ, flow)
        flow.fill(count)
    while any(flow.taken < min(count, flow.sent) for flow in flows):
        ready = selector.select(timeout=5)
        if not ready:
            sys.exit(f'no answer within 5 s: {[(flow.sent, flow.taken) for flow in flows]}')
        for key, _ in ready:
            key.data.take()
            if not enough or not os.path.exists(enough):
                key.data.fill(count)
    builds = sorted(set.union(*(flow.builds for flow in flows)))
    if builds:
        print('builds', *builds)
    print(f'{sum(flow.taken for flow in flows)} datagrams of {flow_count} flows came back in order')


if __name__ == '__main__':
    main()
