#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Speaks vhost-user, wrongly (the protocol: QEMU's docs/interop/vhost-user.rst).

    vhost_garbage.py client SOCKET FIRST COUNT   to a server, as clients FIRST.. of so many kinds
    vhost_garbage.py server SOCKET KIND          to the clients that come, until it is killed
    vhost_garbage.py server -                    prints the kinds of server there are

Client N says what the seed N makes of it: some of the messages that a good one begins with, and
among them such as lie about their size, name memory that is not there, or are noise. It hangs up in
the middle, or when the server does. One in ten agrees with the server on all, but not on memory.
"""
import mmap
import os
import random
import socket
import struct
import sys
import time

(GET_FEATURES, SET_FEATURES, SET_OWNER, RESET_OWNER, SET_MEM_TABLE, SET_LOG_BASE, SET_LOG_FD,
 SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL,
 SET_VRING_ERR, GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM,
 SET_VRING_ENABLE) = range(1, 19)
LAST_REQUEST = 45 # more than there are
ANSWERED = {GET_FEATURES, GET_PROTOCOL_FEATURES, GET_QUEUE_NUM, GET_VRING_BASE}
VERSION, REPLY, NEED_REPLY = 0x1, 0x4, 0x8
FEATURES = 1 << 32 | 1 << 30 # virtio 1, and protocol features
MEMORY = 1 << 20
PATIENCE_S = 0.2
EDGES = [0, 1, 2, 3, 7, 8, 255, 256, 257, 32768, 32769, 65535, 65536, 1 << 31, (1 << 32) - 1,
         1 << 32, 1 << 47, (1 << 63), (1 << 64) - 4096, (1 << 64) - 1]


def message(request, payload=b'', flags=VERSION, size=None):
    return struct.pack('<III', request, flags, len(payload) if size is None else size) + payload


class Peer:
    """A client and what it has to lie with."""

    def __init__(self, sock, seed):
        self.sock = sock
        self.source = random.Random(seed)
        self.memory = os.memfd_create('garbage')
        os.ftruncate(self.memory, MEMORY)
        self.event = os.eventfd(0)
        self.pipe = os.pipe()

    def close(self):
        for fd in (self.memory, self.event, *self.pipe):
            os.close(fd)

    def edge(self, bits):
        value = self.source.choice(EDGES + [self.source.getrandbits(bits)])
        return value & (1 << bits) - 1

    def likely(self, right, bits):
        """Mostly the right value, sometimes an edge."""
        return right if self.source.random() < 0.7 else self.edge(bits)

    def fds(self, right, count=1):
        if self.source.random() < 0.7:
            return [right] * count
        choice = [self.memory, self.event, *self.pipe, self.sock.fileno(), 0]
        return [self.source.choice(choice) for _ in range(self.source.choice([0, 1, 2, 8, 9, 40]))]

    def mem_table(self):
        count = self.source.choice([1, 1, 1, 1, 2, 8])
        payload = struct.pack('<II', self.likely(count, 32), 0)
        for number in range(count):
            payload += struct.pack('<QQQQ', self.likely(number * MEMORY, 64),
                                   self.likely(MEMORY, 64),
                                   self.likely(0x7f0000000000 + number * MEMORY, 64),
                                   self.likely(0, 64))
        return payload, self.fds(self.memory, count)

    def vring_addr(self):
        ring = self.source.randrange(2)
        base = 0x7f0000000000 + ring * 65536
        return struct.pack('<IIQQQQ', self.likely(ring, 32), self.likely(0, 32),
                           self.likely(base, 64), self.likely(base + 8192, 64),
                           self.likely(base + 4096, 64), self.likely(0, 64))

    def vring_state(self, right):
        return struct.pack('<II', self.likely(self.source.randrange(2), 32), self.likely(right, 32))

    def body(self, request):
        """Payload and descriptors of a message, more or less right."""
        if request == SET_MEM_TABLE:
            return self.mem_table()
        if request == SET_VRING_ADDR:
            return self.vring_addr(), []
        if request in (SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR):
            ring = self.likely(self.source.randrange(2), 64)
            return struct.pack('<Q', ring), self.fds(self.event)
        if request in (SET_VRING_NUM, SET_VRING_BASE, GET_VRING_BASE, SET_VRING_ENABLE):
            right = {SET_VRING_NUM: 256, SET_VRING_ENABLE: 1}.get(request, 0)
            return self.vring_state(right), []
        if request in (SET_FEATURES, SET_PROTOCOL_FEATURES):
            right = FEATURES if request == SET_FEATURES else 0
            return struct.pack('<Q', self.likely(right, 64)), []
        if request <= SET_VRING_ENABLE:
            return b'', []
        noise = self.source.randbytes(self.source.choice([0, 4, 8, 12, 32, 56, 200]))
        return noise, self.fds(self.memory, self.source.choice([0, 1]))

    def say(self, request):
        payload, fds = self.body(request)
        flags = self.likely(VERSION, 32) | (NEED_REPLY if self.source.random() < 0.1 else 0)
        size = len(payload)
        if self.source.random() < 0.1:
            size = self.source.choice([0, size + 1, max(size - 1, 0), 512, 4096, self.edge(32)])
        raw = message(request, payload, flags, size)
        if self.source.random() < 0.05: # and then it hangs up
            raw = raw[:self.source.randrange(len(raw))]
        socket.send_fds(self.sock, [raw], fds)
        if len(raw) < 12 + len(payload):
            raise ConnectionError
        if request in ANSWERED and self.source.random() < 0.9:
            self.sock.recv(4096)

    def script(self):
        """What a good client says, with gaps and additions."""
        good = [GET_FEATURES, GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM,
                SET_OWNER, SET_FEATURES, SET_MEM_TABLE]
        for _ in range(2):
            good += [SET_VRING_NUM, SET_VRING_BASE, SET_VRING_ADDR, SET_VRING_KICK,
                     SET_VRING_CALL, SET_VRING_ENABLE]
        good += [GET_VRING_BASE] * 2
        for request in good:
            if self.source.random() < 0.92:
                yield request
            while self.source.random() < 0.15:
                yield self.source.choice([self.source.randrange(LAST_REQUEST), self.edge(32)])

    def fill_memory(self):
        """The rings hold noise: descriptors that lead anywhere."""
        with mmap.mmap(self.memory, MEMORY) as memory:
            memory.write(self.source.randbytes(MEMORY // 4))


    def agree(self, file_bytes, claimed, rings_at):
        """All that a good client says, but for what the file in memory really holds."""
        os.ftruncate(self.memory, file_bytes)
        base = 0x7f0000000000
        self.sock.sendall(message(SET_OWNER) + message(SET_FEATURES, struct.pack('<Q', 1 << 32)))
        table = struct.pack('<IIQQQQ', 1, 0, 0, claimed, base, 0)
        socket.send_fds(self.sock, [message(SET_MEM_TABLE, table)], [self.memory])
        for ring in range(2):
            at = base + rings_at + ring * 65536
            for request, value in ((SET_VRING_NUM, 256), (SET_VRING_BASE, 0)):
                self.sock.sendall(message(request, struct.pack('<II', ring, value)))
            self.sock.sendall(message(SET_VRING_ADDR, struct.pack('<IIQQQQ', ring, 0, at, at + 8192,
                                                                  at + 4096, 0)))
            for request in (SET_VRING_CALL, SET_VRING_KICK):
                socket.send_fds(self.sock, [message(request, struct.pack('<Q', ring))],
                                [self.event])
        self.sock.sendall(message(GET_FEATURES))
        self.sock.recv(4096) # by now all of it is done

    def take_back(self):
        """Shares memory, and takes it back while it is in use."""
        self.agree(MEMORY, MEMORY, 0)
        os.ftruncate(self.memory, 0)
        os.eventfd_write(self.event, 1)
        time.sleep(0.05)

    def claim_more(self):
        """Shares less memory than it says, and has its rings where there is none."""
        self.agree(4096, MEMORY, 65536)
        os.eventfd_write(self.event, 1)
        time.sleep(0.05)

    def lie(self, seed):
        if seed % 20 == 0:
            self.take_back()
        elif seed % 20 == 1:
            self.claim_more()
        else:
            self.fill_memory()
            for request in self.script():
                self.say(request)
            os.eventfd_write(self.event, 1)


def client(path, first, count):
    hung_up = 0
    for seed in range(first, first + count):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(path)
            peer = Peer(sock, seed)
            try:
                peer.lie(seed)
            except TimeoutError:
                pass # the server waits for a message's end, which does not come
            except OSError:
                hung_up += 1
            finally:
                peer.close()
    print(f'clients {first} to {first + count - 1}: {hung_up} cut off')


def answer(request, value, size=8):
    return struct.pack('<IIIQ', request, VERSION | REPLY, size, value)


def first_answer(raw):
    """A kind of server that answers the first message with these bytes, and listens on."""
    def serve(sock):
        sock.recv(4096)
        sock.sendall(raw)
        while sock.recv(4096):
            pass
    return serve


def silent(sock):
    while sock.recv(4096):
        pass


def closes(_):
    pass


def says_half(sock):
    sock.recv(4096)
    sock.sendall(answer(GET_FEATURES, FEATURES)[:15])


def agrees_until(last, then):
    """A kind that answers well until the request `last`, and then does otherwise."""
    values = {GET_FEATURES: FEATURES, GET_PROTOCOL_FEATURES: 0, GET_QUEUE_NUM: 1}

    def serve(sock):
        while True:
            header = sock.recv(12)
            if len(header) < 12:
                return
            request, _, size = struct.unpack('<III', header)
            if size:
                sock.recv(size)
            if request == last:
                then(sock)
                return
            if request in values:
                sock.sendall(answer(request, values[request]))
    return serve


SERVERS = {
    'silent': silent,
    'closes': closes,
    'says-half': says_half,
    'noise': first_answer(random.Random(1).randbytes(500)),
    'another-request': first_answer(answer(GET_VRING_BASE, FEATURES)),
    'far-too-long': first_answer(answer(GET_FEATURES, FEATURES, (1 << 32) - 1)),
    'too-short': first_answer(answer(GET_FEATURES, FEATURES, 4)),
    'no-features': first_answer(answer(GET_FEATURES, 0)),
    'another-version': first_answer(struct.pack('<IIIQ', GET_FEATURES, 2 | REPLY, 8, FEATURES)),
    'no-answer-bit': first_answer(struct.pack('<IIIQ', GET_FEATURES, VERSION, 8, FEATURES)),
    'closes-at-owner': agrees_until(SET_OWNER, closes),
    'closes-at-features': agrees_until(SET_FEATURES, closes),
    'closes-at-memory': agrees_until(SET_MEM_TABLE, closes),
    'closes-at-rings': agrees_until(SET_VRING_NUM, closes),
    'closes-at-the-end': agrees_until(GET_VRING_BASE, closes),
    'silent-at-owner': agrees_until(SET_OWNER, silent),
    'silent-at-memory': agrees_until(SET_MEM_TABLE, silent),
}


def server(path, kind):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(8)
        print('listens', flush=True)
        while True: # a client may come again
            sock, _ = listener.accept()
            with sock:
                try:
                    SERVERS[kind](sock)
                except OSError:
                    pass # it has gone


def main():
    role, path, *words = sys.argv[1:]
    if role == 'client':
        client(path, *map(int, words))
    elif path == '-':
        print(*SERVERS)
    else:
        server(path, *words)


if __name__ == '__main__':
    main()
