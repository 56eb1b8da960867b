#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The Python module against a plain socket of Python's own, on loopback: what a program may expect
of a socket, its errors, bursts, requests, and several threads.

    python_checks.py        VOLLEY_PORT says on what
"""
import asyncio
import os
import select
import socket as plain
import sys
import threading
import time

import volley as socket


def open_pair(**words):
    """A socket of ours, and a plain one that knows nothing of it."""
    peer = plain.socket(plain.AF_INET, plain.SOCK_DGRAM)
    peer.bind(('127.0.0.1', 0))
    peer.settimeout(5)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, **words)
    sock.settimeout(5)
    return sock, peer


def raises(kind, text, function, *args, **named):
    """The error is of that class, and its line says that."""
    try:
        function(*args, **named)
    except kind as problem:
        assert text in str(problem), f'{problem!r} does not say {text!r}'
        return
    raise AssertionError(f'no {kind.__name__}: {function} {args}')


def send_and_receive():
    sock, peer = open_pair()
    with sock, peer:
        assert sock.sendto(b'one', peer.getsockname()) == 3
        assert sock.sendto(memoryview(b'two'), 0, peer.getsockname()) == 3
        data, name = peer.recvfrom(100)
        assert data == b'one' and name[1] == sock.getsockname()[1], (data, name)
        assert peer.recv(100) == b'two'
        for payload in (b'', b'x', bytes(range(256)) * 255):
            peer.sendto(payload, name)
            assert sock.recvfrom(65535) == (payload, peer.getsockname())
        peer.sendto(b'longer than asked', name)
        assert sock.recv(6) == b'longer'
        buffer = bytearray(b'........')
        peer.sendto(b'abc', name)
        assert sock.recvfrom_into(buffer) == (3, peer.getsockname()) and buffer == b'abc.....'
        peer.sendto(b'defgh', name)
        assert sock.recv_into(memoryview(buffer)[4:], 2) == 2 and buffer == b'abc.de..'
        assert sock.family is plain.AF_INET and sock.type == plain.SOCK_DGRAM


def errors():
    sock, peer = open_pair()
    with sock, peer:
        sock.settimeout(0.02)
        raises(socket.timeout, 'timed out', sock.recv, 1)
        sock.setblocking(False)
        raises(BlockingIOError, '', sock.recv, 1)
        raises(OSError, 'to whom?', sock.send, b'x')
        raises(OverflowError, '0-65535', sock.sendto, b'x', ('127.0.0.1', 65536))
        raises(TypeError, 'tuple', sock.sendto, b'x', 'here')
        raises(TypeError, 'bytes-like', sock.sendto, 'text', ('127.0.0.1', 9))
        raises(TypeError, 'bytes-like', sock.sendto, 5, ('127.0.0.1', 9))
        raises(TypeError, 'bytes-like', sock.request, 'text', ('127.0.0.1', 9))
        raises(socket.gaierror, '', sock.sendto, b'x', ('no.such.host.invalid', 9))
        raises(OSError, 'do not fit', sock.sendto, bytes(65508), peer.getsockname())
        sock.settimeout(5)
        dead = peer.getsockname()
        peer.close()
        sock.connect(dead)
        sock.send(b'x')
        raises(ConnectionRefusedError, 'nobody serves', sock.recv, 1)
        raises(ConnectionRefusedError, 'nobody serves', sock.request, b'x', timeout=5, retries=0)
    raises(OSError, 'closed', sock.recv, 1)
    assert sock.fileno() == -1
    raises(OSError, 'quic', socket.socket(port='backend=quic').sendto, b'', dead)
    raises(OSError, 'known: backend', socket.socket(port='colour=red').sendto, b'', dead)
    raises(OSError, 'SOCK_DGRAM', socket.socket, socket.AF_INET, socket.SOCK_STREAM)
    raises(OSError, 'join=', socket.socket().setsockopt, socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    six = socket.socket(socket.AF_INET6)
    six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    raises(OSError, 'join=', six.setsockopt, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    with socket.socket() as first, socket.socket() as second:
        first.bind(('127.0.0.1', 0))
        taken = first.getsockname()
        raises(OSError, str(taken[1]), second.bind, taken)


def bursts():
    sock, peer = open_pair()
    with sock, peer:
        name = peer.getsockname()
        payloads = [b'%d' % number * (number % 5) for number in range(200)]
        assert sock.send_burst([(payload, name) for payload in payloads[:100]]) == 100
        assert sock.send_burst(payloads[100:], name) == 100
        assert [peer.recv(100) for _ in payloads] == payloads
        back = ('127.0.0.1', sock.getsockname()[1])
        for payload in payloads:
            peer.sendto(payload, back)
        got = []
        while len(got) < 200:
            burst = sock.recv_burst(30)
            assert 1 <= len(burst) <= 30
            got += burst
        assert got == [(payload, name) for payload in payloads]
        raises(OSError, 'longer', sock.send_burst, [b'x', bytes(65536)], name)
        ledger = sock.ledger()
        assert ledger['sent'] == ledger['received'] == ledger['released'] == 200, ledger


def requests():
    sock, peer = open_pair(port=os.environ['VOLLEY_PORT'] + ' match=repeated:0:2')
    with sock, peer:
        name = peer.getsockname()

        def serve():
            peer.recv(100)  # the first is not heard
            data, where = peer.recvfrom(100)
            peer.sendto(b'??other', where)
            peer.sendto(data + b' yes', where)
            peer.sendto(data + b' yes', where)

        server = threading.Thread(target=serve)
        server.start()
        answer = sock.request(b'id', name, timeout=0.02, retries=100, backoff=1)
        assert (answer.data, answer.address) == (b'id yes', name) and answer.sent >= 2, answer
        server.join()
        raises(TimeoutError, 'sent 3 times', sock.request, b'xx', name, timeout=0.01)
        counts = sock.counts()
        assert (counts['foreign'], counts['duplicate'], counts['timed_out']) == (1, 1, 1), counts


def waiting_for_several():
    sock, peer = open_pair()
    with sock, peer:
        sock.sendto(b'x', peer.getsockname())
        name = peer.recvfrom(1)[1]
        assert select.select([sock], [], [], 0)[0] == []
        for number in range(100):
            peer.sendto(b'%d' % number, name)
        sock.setblocking(False)
        for number in range(100):
            got = None
            while got is None:
                assert select.select([sock], [], [], 5)[0] == [sock], number
                try:
                    got = sock.recv(100)
                except BlockingIOError:
                    pass
            assert got == b'%d' % number
        raises(BlockingIOError, '', sock.recv, 1)
        assert select.select([sock], [], [], 0)[0] == []


def threads():
    sock, peer = open_pair()
    with sock, peer:
        got = []
        listener = threading.Thread(target=lambda: [got.append(sock.recv(100)) for _ in 'abc'])
        sock.sendto(b'here', peer.getsockname())
        listener.start()
        name = peer.recvfrom(100)[1]
        for number in range(3):
            time.sleep(0.01)
            sock.sendto(b'x', peer.getsockname())
            peer.recv(1)
            peer.sendto(b'%d' % number, name)
        listener.join(5)
        assert got == [b'0', b'1', b'2'], got
        failed = []

        def wait_for_end():
            try:
                sock.recv(1)
            except OSError as problem:
                failed.append(str(problem))

        listener = threading.Thread(target=wait_for_end)
        listener.start()
        time.sleep(0.02)
        sock.close()
        listener.join(5)
        assert failed and 'closed' in failed[0], failed


class Collector(asyncio.DatagramProtocol):
    """Notes what happens to it."""

    def __init__(self, want):
        self.seen, self.errors, self.want = [], [], want
        self.done = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, addr):
        self.seen.append((data, addr))
        if len(self.seen) == self.want:
            self.done.set_result(None)

    def error_received(self, exc):
        self.errors.append(exc)
        self.done.set_result(None)

    def connection_lost(self, exc):
        self.seen.append('lost')


async def events():
    peer = plain.socket(plain.AF_INET, plain.SOCK_DGRAM)
    peer.bind(('127.0.0.1', 0))
    transport, protocol = await socket.create_datagram_endpoint(
        lambda: Collector(50), local_addr=('127.0.0.1', 0))
    name = transport.get_extra_info('sockname')
    for number in range(50):
        peer.sendto(b'%d' % number, name)
    await asyncio.wait_for(protocol.done, 5)
    assert protocol.seen == [(b'%d' % number, peer.getsockname()) for number in range(50)]
    transport.sendto(b'answer', peer.getsockname())
    peer.settimeout(5)
    assert peer.recvfrom(100) == (b'answer', name)
    transport.close()
    await asyncio.sleep(0.01)
    assert protocol.seen[-1] == 'lost' and transport.is_closing()
    dead = peer.getsockname()
    peer.close()
    transport, protocol = await socket.create_datagram_endpoint(
        lambda: Collector(1), remote_addr=dead)
    transport.sendto(b'x')
    await asyncio.wait_for(protocol.done, 5)
    assert isinstance(protocol.errors[0], ConnectionRefusedError), protocol.errors
    transport.abort()
    await asyncio.sleep(0)


def main():
    for check in (send_and_receive, errors, bursts, requests, waiting_for_several, threads):
        check()
        print('ok', check.__name__, flush=True)
    asyncio.run(events())
    print('ok events')


if __name__ == '__main__':
    sys.exit(main())
