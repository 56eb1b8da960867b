#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""train.py HOST PORT: sends three trains of 21 segments (UDP_SEGMENT), the last one shorter, and
compares what comes back."""
import socket
import sys

UDP_SEGMENT = 103
SEGMENTS = 21


def main():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((sys.argv[1], int(sys.argv[2])))
    sock.settimeout(5)
    for segment, last in ((100, 1), (1000, 999), (1400, 700)):
        sock.setsockopt(socket.SOL_UDP if hasattr(socket, 'SOL_UDP') else 17, UDP_SEGMENT, segment)
        data = bytes(i * 7 % 251 for i in range(segment * (SEGMENTS - 1) + last))
        sock.send(data)
        answers = [sock.recv(65535) for _ in range(SEGMENTS)]
        expected = [data[i:i + segment] for i in range(0, len(data), segment)]
        if answers != expected:
            sys.exit(f'segments of {segment}: other answers, of {[len(a) for a in answers]} bytes')


if __name__ == '__main__':
    main()
