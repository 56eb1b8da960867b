#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""kernel_line.py ADDRESS yes|no: two peers of an echo server on port 9000 there, which has at most
few datagrams in flight. Whether it connects a socket to the one that is alone, and no longer when
both talk, and again when the first is alone once more; each gets its own answers, in order.
Prints how many there were."""
import socket
import subprocess
import sys
import time

PORT = 9000
ROUNDS = 300    # more than it takes to be known as alone
LIMIT_S = 15
WINDOW = 4


class Peer:
    """Sends numbers, and expects the same ones back. Each is longer than those in flight: in equal
    lengths they would be a train, and who is sent trains connects no more."""
    total = 0

    def __init__(self, address):
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.settimeout(LIMIT_S)
        self.socket.connect((address, PORT))
        self.port = self.socket.getsockname()[1]
        self.sent = self.answered = 0

    def send(self):
        self.socket.send(self.sent.to_bytes(4, 'big') + bytes(self.sent - self.answered))
        self.sent += 1

    def receive(self):
        number = int.from_bytes(self.socket.recv(64)[:4], 'big')
        if number != self.answered:
            sys.exit(f'answer {number} where {self.answered} was to come')
        self.answered += 1
        Peer.total += 1

    def be_alone(self):
        for _ in range(ROUNDS):
            self.send()
            self.receive()


def talk_at_once(peers):
    """Each with some in flight, one of them more than the others."""
    for _ in range(ROUNDS):
        for count, peer in enumerate(peers, WINDOW - 1):
            for _ in range(count):
                peer.send()
        for peer in peers:
            while peer.answered < peer.sent:
                peer.receive()


def lines():
    """The ports that a socket of the server's is connected to, as `ss -uan` shows them."""
    shown = subprocess.run(['ss', '-Huan', 'state', 'established', f'sport = :{PORT}'],
                           capture_output=True, text=True, check=True, timeout=LIMIT_S).stdout
    sockets = [line.split()[2:4] for line in shown.splitlines()]
    # Those that only send are bound to a group. One without a peer is connected to the server.
    return {int(peer.rpartition(':')[2]) for local, peer in sockets
            if not local.startswith(('232.', '[ff3e:'))} - {PORT}


def until(expected, talk, what):
    end = time.monotonic() + LIMIT_S
    while True:
        talk()
        found = lines()
        if found == expected:
            return
        if time.monotonic() > end:
            sys.exit(f'{what}: sockets connected to {found or "nobody"}')


def main():
    address, has_lines = sys.argv[1], sys.argv[2] == 'yes'
    first, second = Peer(address), Peer(address)
    if not has_lines:
        for talk in (first.be_alone, lambda: talk_at_once([first, second]), first.be_alone):
            talk()
            if lines():
                sys.exit('a peer has a socket where none was to get one')
    else:
        until({first.port}, first.be_alone, 'the first alone')
        until(set(), lambda: talk_at_once([first, second]), 'both at once')
        until({second.port}, second.be_alone, 'the second alone')
        first.socket.send(b'')  # a stranger's, one by one, is taken beside it
        if first.socket.recv(64):
            sys.exit('not the empty answer')
        Peer.total += 1
        until({first.port}, first.be_alone, 'the first again')
    print(Peer.total)


if __name__ == '__main__':
    main()
