#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The wire's bad side, for a DTLS server.

    dtls_wire.py lose PORT SERVER-PORT LOST    stands between the two, and loses every one of the
                                               first LOST datagrams of each direction but the first
    dtls_wire.py flood SERVER-PORT COUNT       COUNT hellos of clients that are not there, and as
                                               many datagrams of noise
"""
import random
import select
import socket
import struct
import sys


def hello(source, cookie=b''):
    """A ClientHello for PSK-AES128-GCM-SHA256, as RFC 6347 has it."""
    body = (struct.pack('>H', 0xfefd) + source.randbytes(32) + b'\0' +
            bytes([len(cookie)]) + cookie + struct.pack('>HH', 2, 0x00a8) + b'\1\0')
    length = struct.pack('>I', len(body))[1:]
    message = b'\1' + length + b'\0\0' + b'\0\0\0' + length + body
    return struct.pack('>BHHHIH', 22, 0xfeff, 0, 0, 0, len(message)) + message


def lose(port, server, lost):
    inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    inside.connect(('127.0.0.1', server))
    outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    outside.bind(('127.0.0.1', port))
    print('ready', flush=True)
    client, passed = None, {outside: 0, inside: 0}
    while True:
        for one in select.select([outside, inside], [], [])[0]:
            data, address = one.recvfrom(65536)
            passed[one] += 1
            if one is outside:
                client = address
            if 1 < passed[one] <= lost + 1:
                continue
            if one is outside:
                inside.send(data)
            else:
                outside.sendto(data, client)


def flood(server, count):
    source = random.Random(count)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.connect(('127.0.0.1', server))
    largest = 0
    for number in range(count):
        cookie = source.randbytes(32) if number % 2 else b''
        sent = hello(source, cookie)
        sock.send(sent)
        noise = bytearray(source.randbytes(source.randrange(200)))
        if number % 3 == 0 and len(noise) > 13:
            noise[:5] = b'\x17\xfe\xfd\0\1'
        sock.send(noise)
        if number % 16 == 15 and select.select([sock], [], [], 1)[0]:
            try:
                while True:
                    largest = max(largest, len(sock.recv(65536)))
            except BlockingIOError:
                pass
    if not 0 < largest <= len(hello(source)):
        sys.exit(f'an answer of {largest} bytes to a hello of {len(hello(source))}')


def main():
    numbers = [int(word) for word in sys.argv[2:]]
    {'lose': lose, 'flood': flood}[sys.argv[1]](*numbers)


if __name__ == '__main__':
    main()
