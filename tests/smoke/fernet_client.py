#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A client with Python's cryptography, which knows nothing of Volley.

    fernet_client.py PORT KEY-FILE COUNT     each text comes back in a token that these keys open
    fernet_client.py PORT KEY-FILE burst     the same, with 40 sent before the first is received
    fernet_client.py PORT KEY-FILE refused   what no honest client sends: nothing comes back

The file has a key a line; the first one encrypts.
"""
import random
import socket
import sys
import time

from cryptography.fernet import Fernet, MultiFernet


def read_keys(path):
    with open(path, encoding='ascii') as file:
        return [Fernet(line.strip()) for line in file if line.strip()]


def exchange(sock, fernet, count):
    source = random.Random(count)
    sizes = [0, 1, 15, 16, 17, 1000] + [source.randrange(1000) for _ in range(count)]
    for size in sizes[:count]:
        text = source.randbytes(size)
        sock.send(fernet.encrypt(text))
        token = sock.recv(65536)
        if fernet.decrypt(token, ttl=30) != text:
            sys.exit(f'{size} bytes came back as others')
        if token.count(b'\n') or not token.startswith(b'gAAAAA'):
            sys.exit(f'not as others write it: {token}')
    print(f'{count} came back')


def burst(sock, fernet):
    source = random.Random(40)
    texts = [source.randbytes(source.randrange(1000)) for _ in range(40)]
    for text in texts:
        sock.send(fernet.encrypt(text))
    print('sent', flush=True)
    for text in texts:
        if fernet.decrypt(sock.recv(65536), ttl=30) != text:
            sys.exit(f'{len(text)} bytes came back as others')


def refused(key):
    """What is sent, and what it ends as: 2 malformed, 5 that prove nothing."""
    now = int(time.time())
    good = key.encrypt(b'hello')
    foreign = Fernet(Fernet.generate_key())
    return [b'hello', good + b'\n', foreign.encrypt(b'hello'), good[:-8] + b'AAAAAA==',
            key.encrypt_at_time(b'late', now - 120), key.encrypt_at_time(b'early', now + 120),
            key.encrypt_at_time(b'at the beginning', 0)]


def main():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(5)
    sock.connect(('127.0.0.1', int(sys.argv[1])))
    keys = read_keys(sys.argv[2])
    if sys.argv[3] == 'burst':
        burst(sock, MultiFernet(keys))
        return
    if sys.argv[3] != 'refused':
        exchange(sock, MultiFernet(keys), int(sys.argv[3]))
        return
    for bad in refused(keys[0]):
        sock.send(bad)
    sock.send(keys[0].encrypt(b'after all these'))
    if keys[0].decrypt(sock.recv(65536)) != b'after all these':
        sys.exit('what was to be refused was answered')


if __name__ == '__main__':
    main()
