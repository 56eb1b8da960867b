#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""zero_copy.py HOST PORT: sends thirty trains of 40 segments (UDP_SEGMENT), one behind the other,
each datagram other than all others, and compares what comes back."""
import socket
import struct
import sys

UDP_SEGMENT = 103
SO_RCVBUFFORCE = 33
TRAINS, SEGMENTS, BYTES = 30, 40, 1400


def datagram(train, segment):
    return struct.pack('<HH', train, segment) * (BYTES // 4)


def main():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    sock.setsockopt(17, UDP_SEGMENT, BYTES)
    sock.connect((sys.argv[1], int(sys.argv[2])))
    sock.settimeout(5)
    wanted = [datagram(t, s) for t in range(TRAINS) for s in range(SEGMENTS)]
    for train in range(TRAINS):
        sock.send(b''.join(wanted[train * SEGMENTS:(train + 1) * SEGMENTS]))
    for number, expected in enumerate(wanted):
        if sock.recv(65535) != expected:
            sys.exit(f'answer {number} of {len(wanted)} is another')


if __name__ == '__main__':
    main()
