#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sends datagrams with tokens to an echo behind auth, and knows which of them are answered.

    auth_client.py HOST PORT IDENTITY SECRET
"""
import hmac
import os
import socket
import sys
import time

WAIT_S = 0.3  # for an answer that must not come


def token(name, secret, text, made_ns=None):
    made_ns = made_ns or time.time_ns()
    head = b'va1\0' + bytes([len(name)]) + name + made_ns.to_bytes(8, 'big') + os.urandom(8)
    return head + hmac.digest(secret, head + text, 'sha256')[:16] + text


def answer(sock, datagram, seconds):
    sock.settimeout(seconds)
    sock.send(datagram)
    try:
        return sock.recv(2000)
    except TimeoutError:
        return None


def main():
    name, secret = sys.argv[3].encode(), bytes.fromhex(sys.argv[4])
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((sys.argv[1], int(sys.argv[2])))
    for number in range(100):
        text = b'number %d' % number
        datagram = token(name, secret, text)
        if answer(sock, datagram, 5) != text:
            sys.exit(f'{text} was not answered')
    refused = {
        'replayed': datagram,
        'stale': token(name, secret, b'x', time.time_ns() - 60 * 10**9),
        'bad_mac': token(name, bytes(32), b'x'),
        'unknown_identity': token(b'nobody', secret, b'x'),
        'bad_token': b'hello',
    }
    for why, datagram in refused.items():
        if answer(sock, datagram, WAIT_S) is not None:
            sys.exit(f'{why} was answered')


if __name__ == '__main__':
    main()
