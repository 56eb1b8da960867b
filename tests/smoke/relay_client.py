#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sends datagrams of many flows to a relay, and wants each from it at another address, with the
relay's own hop limit and traffic class.

    relay_client.py RELAY PORT HERE HERE_PORT FLOWS EACH
"""
import collections
import socket
import sys

HOP_LIMIT, TRAFFIC_CLASS = 7, 0xb8
IP_RECVTTL = 12  # ip(7); the module has no name for it


def main():
    relay, port, here, here_port, flows, each = (
        sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]),
        int(sys.argv[6]))
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    receiver.setsockopt(socket.SOL_IP, IP_RECVTTL, 1)
    receiver.setsockopt(socket.SOL_IP, socket.IP_RECVTOS, 1)
    receiver.settimeout(5)
    receiver.bind((here, here_port))
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(flows)]
    got = collections.Counter()
    for turn in range(each):
        for number, sender in enumerate(senders):
            sender.sendto(f'{number}/{turn}'.encode(), (relay, port))
        for _ in senders:
            try:
                payload, control, _, _ = receiver.recvmsg(100, 100)
            except TimeoutError:
                sys.exit(f'turn {turn}: {flows * each - len(got)} datagrams have not come')
            fields = {kind: data[0] for _, kind, data in control}
            if fields != {socket.IP_TTL: HOP_LIMIT, socket.IP_TOS: TRAFFIC_CLASS}:
                sys.exit(f'hop limit and traffic class are {fields}')
            got[payload] += 1
    if len(got) != flows * each or set(got.values()) != {1}:
        sys.exit(f'{len(got)} of {flows * each} datagrams came, some of them twice')
    print(f'{here}: {flows * each} datagrams of {flows} flows came by the relay')


if __name__ == '__main__':
    main()
