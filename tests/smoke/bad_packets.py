#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sends frames with one fault each, made by scapy, and prints which drop reason each must have.

    bad_packets.py INTERFACE SERVER_MAC COUNT

Prints an expression for ledger.py per reason: the reason is counted COUNT times for each frame.
"""
import collections
import logging
import random
import sys

logging.getLogger('scapy').setLevel(logging.ERROR)
# pylint: disable=wrong-import-position
from scapy.compat import raw  # noqa: E402
from scapy.config import conf  # noqa: E402
from scapy.layers.inet import ICMP, IP, UDP  # noqa: E402
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_NS, IPv6,  # noqa: E402
                                IPv6ExtHdrFragment, IPv6ExtHdrRouting)
from scapy.layers.l2 import ARP, Dot1Q, Ether  # noqa: E402
from scapy.layers.inet import IPOption_LSRR, fragment  # noqa: E402
from scapy.packet import Raw  # noqa: E402

OURS, OURS6 = '10.77.0.1', 'fd77::1'
THEIRS, THEIRS6 = '10.77.0.2', 'fd77::2'
TEXT = b'twenty-four bytes of it.'


def ip4(**fields):
    return IP(**{'src': OURS, 'dst': THEIRS, **fields})


def ip6(**fields):
    return IPv6(**{'src': OURS6, 'dst': THEIRS6, **fields})


def udp(**fields):
    return UDP(**{'sport': 40000, 'dport': 9000, **fields})


def cut(packet, length):
    """The first bytes of a packet, as a payload whose headers promise more."""
    return Raw(raw(packet)[:length])


def link_faults(mac):
    good = ip4() / udp() / TEXT
    yield 'not_our_mac', Ether(dst='02:00:00:00:00:77') / good
    yield 'ethertype', Ether(dst=mac, type=0x88cc) / TEXT
    yield 'ethertype', Ether(dst=mac, type=60) / TEXT  # a length, as of IEEE 802.3
    yield 'vlan', Ether(dst=mac) / Dot1Q(vlan=5) / good
    yield 'frame_short', Ether(dst=mac, type=0x800)
    yield 'frame_short', Ether(dst=mac, type=0x800) / cut(good, 19)
    yield 'frame_short', Ether(dst=mac, type=0x86dd) / cut(ip6() / udp(), 39)
    yield 'arp', Ether(dst=mac) / ARP(hwlen=5, psrc=OURS, pdst=THEIRS)
    yield 'arp', Ether(dst=mac) / ARP(op=9, psrc=OURS, pdst=THEIRS)
    yield 'arp', Ether(dst=mac, type=0x806) / cut(ARP(psrc=OURS, pdst=THEIRS), 20)


def ip4_faults(mac):
    ether = Ether(dst=mac, type=0x800)
    good = ip4() / udp() / TEXT
    yield 'ip_header', ether / ip4(version=5) / udp() / TEXT
    yield 'ip_header', ether / ip4(ihl=4) / udp() / TEXT
    yield 'ip_header', ether / ip4(ihl=15) / udp()
    yield 'ip_header', ether / ip4(len=1000) / udp() / TEXT
    yield 'ip_header', ether / ip4(len=19) / udp() / TEXT
    yield 'ip_header', ether / cut(good, 30)
    yield 'ip_checksum', ether / ip4(chksum=0x1234) / udp() / TEXT
    yield 'ip_option', ether / ip4(options=[IPOption_LSRR(routers=['10.77.0.9'])]) / udp() / TEXT
    yield 'ip_source', ether / ip4(src='127.0.0.1') / udp() / TEXT
    yield 'ip_source', ether / ip4(src='224.0.0.9') / udp() / TEXT
    yield 'ip_source', ether / ip4(src=THEIRS) / udp() / TEXT
    yield 'not_our_ip', ether / ip4(dst='10.77.0.77') / udp() / TEXT
    yield 'ip_protocol', ether / ip4(proto=132) / TEXT
    first = fragment(ip4() / udp() / (TEXT * 50), 800)[0]
    last = fragment(ip4() / udp() / (TEXT * 50), 800)[-1]
    yield 'fragment', ether / last
    yield 'fragment', ether / ip4(flags='MF', frag=8191, proto=17) / TEXT  # would end beyond 65535
    yield 'fragment', ether / first
    yield 'icmp', ether / ip4() / ICMP(chksum=0x1234) / TEXT
    yield 'icmp', ether / ip4() / ICMP(type=13)
    yield 'icmp', ether / ip4(proto=1) / Raw(b'\x08\x00')


def ip6_faults(mac):
    ether = Ether(dst=mac, type=0x86dd)
    yield 'ip_header', ether / ip6(version=4) / udp() / TEXT
    yield 'ip_header', ether / ip6(plen=900) / udp() / TEXT
    yield 'ip_source', ether / ip6(src='ff02::1') / udp() / TEXT
    yield 'ip_source', ether / ip6(src='::') / udp() / TEXT
    yield 'not_our_ip', ether / ip6(dst='fd77::77') / udp() / TEXT
    yield 'ip_protocol', ether / ip6(nh=132) / TEXT
    yield 'ip_option', ether / ip6() / IPv6ExtHdrRouting(addresses=['fd77::9']) / udp() / TEXT
    yield 'fragment', ether / ip6() / IPv6ExtHdrFragment(offset=8, nh=17) / TEXT
    yield 'icmp', ether / ip6() / ICMPv6EchoRequest(cksum=0x1234)
    yield 'ndp', ether / ip6(hlim=64) / ICMPv6ND_NS(tgt=THEIRS6)
    yield 'ndp', ether / ip6(hlim=255) / ICMPv6ND_NS(tgt='fd77::77')


def udp_faults(mac):
    ether = Ether(dst=mac)
    for ip in ip4, ip6:
        yield 'udp_length', ether / ip() / udp(len=7) / TEXT
        yield 'udp_length', ether / ip() / udp(len=200) / TEXT
        yield 'udp_length', ether / ip(**{'proto' if ip is ip4 else 'nh': 17}) / Raw(b'abcdefg')
        yield 'udp_checksum', ether / ip() / udp(chksum=0x1234) / TEXT
        yield 'no_listener', ether / ip() / udp(dport=9999) / TEXT
    yield 'udp_checksum', ether / ip6() / udp(chksum=0) / TEXT  # IPv6 wants one
    flipped = bytearray(raw(ip4() / udp() / TEXT))
    flipped[-1] ^= 1
    yield 'udp_checksum', Ether(dst=mac, type=0x800) / Raw(bytes(flipped))


def noise(mac, source):
    """Whatever headers follow: nothing is expected but that it is survived and counted."""
    for _ in range(500):
        kind = source.choice([0x800, 0x86dd, 0x806, 0x8100])
        yield Ether(dst=mac, type=kind) / Raw(source.randbytes(source.randint(0, 1480)))
    frame = bytearray(raw(Ether(dst=mac) / ip4() / udp() / TEXT))
    for _ in range(500):
        changed = bytearray(frame)
        changed[source.randint(14, 41)] = source.randint(0, 255)
        yield Raw(bytes(changed))


def main():
    interface, mac, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    expected = collections.Counter()
    socket = conf.L2socket(iface=interface)
    for faults in link_faults, ip4_faults, ip6_faults, udp_faults:
        for reason, packet in faults(mac):
            expected[reason] += count
            for _ in range(count):
                socket.send(raw(packet))
    if count == 1:
        for packet in noise(mac, random.Random(7)):
            socket.send(raw(packet))
    socket.close()
    for reason, number in sorted(expected.items()):
        # The kernel's own questions to groups add to what is not for us.
        ours_alone = reason not in ('not_our_mac', 'not_our_ip', 'icmp', 'ndp') and count > 1
        print(f'{reason} {"==" if ours_alone else ">="} {number}')


if __name__ == '__main__':
    main()
