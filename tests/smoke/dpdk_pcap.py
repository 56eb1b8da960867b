#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A capture of datagrams for the engine, and what it makes of them.

    dpdk_pcap.py write FILE COUNT   half IPv4, half IPv6, and one for a port that nobody serves
    dpdk_pcap.py check FILE COUNT   wants an echo of each
"""
import sys

from scapy.all import IP, IPv6, UDP, Ether, rdpcap, wrpcap

OURS = '02:00:00:00:00:02'
PEER = '02:00:00:00:00:01'


def datagram(number):
    network = (IP(src='10.0.0.9', dst='10.0.0.1') if number % 2 == 0 else
               IPv6(src='fd00::9', dst='fd00::1'))
    return (Ether(src=PEER, dst=OURS) / network / UDP(sport=1024 + number, dport=9000) /
            f'datagram {number}'.encode())


def write(path, count):
    frames = [datagram(number) for number in range(count)]
    frames.append(Ether(src=PEER, dst=OURS) / IP(src='10.0.0.9', dst='10.0.0.1') /
                  UDP(sport=5, dport=9001) / b'nobody')
    wrpcap(path, frames)


def check(path, count):
    echoes = [frame for frame in rdpcap(path) if UDP in frame and frame[UDP].sport == 9000]
    if len(echoes) != count:
        sys.exit(f'{len(echoes)} echoes, not {count}')
    for number, frame in enumerate(echoes):
        asked = datagram(number)
        network = IP if IP in asked else IPv6
        if (frame.src, frame.dst) != (OURS, PEER):
            sys.exit(f'echo {number}: from {frame.src} to {frame.dst}')
        if (frame[network].src, frame[network].dst) != (asked[network].dst, asked[network].src):
            sys.exit(f'echo {number}: {frame.summary()}')
        if frame[UDP].dport != 1024 + number or frame[UDP].payload.load != asked[UDP].payload.load:
            sys.exit(f'echo {number}: {frame.summary()}')


def main():
    {'write': write, 'check': check}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))


if __name__ == '__main__':
    main()
