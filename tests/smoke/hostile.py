#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sends every frame of the table, and looks after each row which counters of the server moved.

    hostile.py INTERFACE SERVER_PID SERVER_OUTPUT

The server prints its ledger as a JSON object for each SIGUSR1. Prints an expression for ledger.py
for each counter that may move only when the server has stopped.
"""
import collections
import json
import os
import random
import signal
import socket
import sys
import time

import hostile_frames
import hostile_frames6
from hostile_frames import TEXT, ip4, link, raw, udp

LIMIT_S = 5  # for one answer of the server
TRIES = 5    # of a row: the kernel at this end may say something of its own meanwhile


class Server:
    """A running server, as its ledger."""

    def __init__(self, pid, output):
        self.pid = pid
        self.output = open(output, encoding='utf-8')  # pylint: disable=consider-using-with
        self.output.seek(0, os.SEEK_END)

    def ledger(self):
        """The counters now: {name: count}, every drop reason under its own name."""
        os.kill(self.pid, signal.SIGUSR1)
        text, end = '', time.monotonic() + LIMIT_S
        while not text.endswith('\n'):
            text += self.output.readline()
            if time.monotonic() > end:
                sys.exit('hostile: the server shows no ledger')
            if not text:
                time.sleep(0.0002)
        ledger = json.loads(text)
        counters = collections.Counter(ledger['dropped'])
        for name in 'received', 'sent', 'answered', 'released':
            counters[name] = ledger[name]
        return counters

    def moved(self, before, received):
        """What has moved since `before`, when so many frames more have been received and ended."""
        end = time.monotonic() + LIMIT_S
        while True:
            now = self.ledger()
            difference = collections.Counter(now)
            difference.subtract(before)
            ended = sum(n for name, n in difference.items() if name != 'received')
            # A reading is many loads, while the server counts on: two that agree are one.
            if (difference['received'] >= received and ended >= difference['received'] and
                    now == self.ledger()):
                break
            if time.monotonic() > end:
                break
        return collections.Counter({name: n for name, n in difference.items() if n})


def check(server, wire, row):
    """Sends a row until nothing but its own counters moves. Returns what was wrong, or None."""
    expected = collections.Counter(row.counters)
    expected['received'] = len(row.frames)
    for _ in range(TRIES):
        before = server.ledger()
        for frame in row.frames:
            wire.send(frame)
        moved = server.moved(before, len(row.frames))
        if moved == expected:
            return None
        if moved['received'] <= expected['received']:
            break  # nobody has interfered
    return f'{row.name}: expected {dict(expected)}, moved {dict(moved)}'


def noise(source):
    """Whatever headers follow: nothing is expected but that it is survived and counted."""
    for _ in range(1000):
        kind = source.choice([0x800, 0x86dd, 0x806, 0x8100])
        yield raw(link(kind)) + source.randbytes(source.randint(0, 1480))
    frame = bytearray(raw(ip4() / udp() / TEXT))
    for _ in range(1000):
        changed = bytearray(frame)
        changed[source.randint(14, 41)] = source.randint(0, 255)
        yield bytes(changed)


def deaf_sockets():
    """Take the echoes, so that this kernel has nothing to say about them."""
    for family in socket.AF_INET, socket.AF_INET6:
        deaf = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            deaf.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        deaf.bind(('', 40000))
        yield deaf


def main():
    interface, pid, output = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    deaf = list(deaf_sockets())
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((interface, 0))
    server = Server(pid, output)
    table = list(hostile_frames.rows()) + list(hostile_frames6.rows())
    wrong = [text for text in (check(server, wire, row) for row in table if not row.late) if text]
    late = collections.Counter()
    for row in table:
        if row.late:
            late.update(row.counters)
            for frame in row.frames:
                wire.send(frame)
    for frame in noise(random.Random(7)):
        wire.send(frame)
    print(f'{len(table)} rows, {sum(len(row.frames) for row in table)} frames', file=sys.stderr)
    for name, count in late.items():
        print(f'{name} >= {count}')
    for text in wrong:
        print(text, file=sys.stderr)
    wire.close()
    for each in deaf:
        each.close()
    return 1 if wrong or len(table) < 200 or len(set(row.name for row in table)) < len(table) else 0


if __name__ == '__main__':
    sys.exit(main())
