# SPDX-License-Identifier: BSD-3-Clause
"""What a hostile network sends: a table of frames, each with the counter that it must end in.

A row is Row(name, counters, frames). `counters` are of the ledger, one for each frame, in any
order: a drop reason, `answered` (answered or taken note of by the stack) or `sent` (nothing is
wrong with it: the handler's echo left). `late` rows are of frames that may wait inside, and are
only counted when the server has stopped.
"""
import collections
import logging

logging.getLogger('scapy').setLevel(logging.ERROR)
# pylint: disable=wrong-import-position
from scapy.compat import raw  # noqa: E402
from scapy.layers.inet import (  # noqa: E402
    ICMP, IP, TCP, UDP, IPOption_EOL, IPOption_LSRR, IPOption_NOP, IPOption_RR,
    IPOption_Router_Alert, IPOption_SSRR, IPOption_Timestamp, fragment)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402

Row = collections.namedtuple('Row', 'name counters frames late', defaults=(False, ))

OURS, THEIRS, THEIR_MAC = '10.77.0.1', '10.77.0.2', '02:00:00:00:77:02'
OUR_MAC = '02:00:00:00:77:01'
TEXT = b'twenty-four bytes of it.'
PORT = 9000  # the one that is served


def row(counter, name, *frames, late=False):
    words = counter.split()
    return Row(name, words * len(frames) if len(words) == 1 else words, [raw(f) for f in frames],
               late)


def link(kind=None, dst=THEIR_MAC, src=OUR_MAC):
    fields = {'dst': dst, 'src': src}
    return Ether(**fields) if kind is None else Ether(type=kind, **fields)


def ip4(**fields):
    return link(0x800) / IP(**{'src': OURS, 'dst': THEIRS, **fields})


def udp(**fields):
    return UDP(**{'sport': 40000, 'dport': PORT, **fields})


def cut(packet, length):
    """The first bytes of a packet, as a payload whose headers promise more."""
    return Raw(raw(packet)[:length])


def link_rows():
    good = IP(src=OURS, dst=THEIRS) / udp() / TEXT
    for mac in ('02:00:00:00:00:77', '02:00:00:00:77:03', '00:00:00:00:00:00', '01:80:c2:00:00:00',
                '01:80:c2:00:00:0e', '01:1b:19:00:00:00', '01:00:0c:cc:cc:cc', '03:00:00:00:77:02'):
        yield row('not_our_mac', f'to the station {mac}', link(dst=mac) / good)
    for mac in 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01', '33:33:00:00:00:01':
        yield row('ip_source', f'from the station {mac}', link(src=mac) / good)
    yield row('sent', 'from the station 0', link(src='00:00:00:00:00:00') / good)
    for kind in (0, 46, 1500, 0x600, 0x842, 0x8035, 0x8137, 0x8809, 0x8847, 0x8863, 0x8864, 0x8870,
                 0x888e, 0x88cc, 0x88e5, 0x88f7, 0x9100, 0xffff):
        yield row('ethertype', f'of type {kind:#06x}', link(kind) / TEXT)
    for name, tags in (('VLAN 1', Dot1Q(vlan=1)), ('VLAN 4095', Dot1Q(vlan=4095)),
                       ('two tags', Dot1Q(vlan=5) / Dot1Q(vlan=6)),
                       ('a priority and a tag', Dot1Q(vlan=0) / Dot1Q(vlan=5)),
                       ('two priorities', Dot1Q(vlan=0) / Dot1Q(vlan=0)),
                       ('a provider tag', Dot1AD(vlan=5)),
                       ('eight tags', Dot1Q(vlan=0) / Dot1Q(vlan=0) / Dot1Q() / Dot1Q() / Dot1Q() /
                        Dot1Q() / Dot1Q() / Dot1Q())):
        yield row('vlan', f'with {name}', link() / tags / good)
    yield row('sent', 'with a priority alone', link() / Dot1Q(vlan=0, prio=7) / good)
    yield row('ethertype', 'with a priority and a length', link() / Dot1Q(vlan=0, type=46) / TEXT)
    for length in 0, 1, 3:
        yield row('frame_short', f'ending {length} bytes into a tag',
                  link(0x8100) / Raw(bytes(length)))
    for length in 0, 1, 19:
        yield row('frame_short', f'ending {length} bytes into IPv4',
                  link(0x800) / cut(good, length))


def arp(**fields):
    return link(0x806) / ARP(**{'hwsrc': OUR_MAC, 'psrc': OURS, 'pdst': THEIRS, **fields})


def arp_rows():
    for name, fields in (('hardware 6', {'hwtype': 6}), ('protocol IPv6', {'ptype': 0x86dd}),
                         ('hardware length 0', {'hwlen': 0}), ('hardware length 5', {'hwlen': 5}),
                         ('hardware length 255', {'hwlen': 255}),
                         ('protocol length 0', {'plen': 0}),
                         ('protocol length 16', {'plen': 16}), ('operation 0', {'op': 0}),
                         ('operation 3', {'op': 3}), ('operation 9', {'op': 9}),
                         ('operation 65535', {'op': 65535}),
                         ('sender 00:00:00:00:00:00', {'hwsrc': '00:00:00:00:00:00'}),
                         ('sender ff:ff:ff:ff:ff:ff', {'hwsrc': 'ff:ff:ff:ff:ff:ff'}),
                         ('sender 01:00:5e:00:00:01', {'hwsrc': '01:00:5e:00:00:01'}),
                         ('our MAC as sender', {'hwsrc': THEIR_MAC}),
                         ('sender 127.0.0.1', {'psrc': '127.0.0.1'}),
                         ('sender 224.0.0.1', {'psrc': '224.0.0.1'}),
                         ('sender 255.255.255.255', {'psrc': '255.255.255.255'}),
                         ('sender 10.77.0.255', {'psrc': '10.77.0.255'}),
                         ('answer of 0.0.0.0', {'psrc': '0.0.0.0', 'op': 2}),
                         ("a question for another's address", {'pdst': '10.77.0.66',
                                                               'psrc': '10.77.0.67'}),
                         ("a stranger's announcement", {'psrc': '10.77.0.68',
                                                        'pdst': '10.77.0.68'}),
                         ('an answer of a stranger to another', {'op': 2, 'psrc': '10.77.0.69',
                                                                 'pdst': '10.77.0.66'}),
                         ('an answer from another network', {'op': 2, 'psrc': '192.0.2.1'})):
        yield row('arp', f'ARP with {name}', arp(**fields))
    yield row('addr_conflict', 'ARP with our address as sender', arp(psrc=THEIRS))
    yield row('addr_conflict', 'ARP with an announcement of our address', arp(psrc=THEIRS, op=2))
    for length in 0, 8, 20, 27:
        yield row('arp', f'ARP of {length} bytes', link(0x806) / cut(ARP(), length))
    yield row('answered', 'ARP as it should be', arp())
    yield row('answered', 'an ARP probe', arp(psrc='0.0.0.0'))
    yield row('answered', 'ARP from another network', arp(psrc='192.0.2.1'))
    yield row('answered', "ARP that moves the client's address", arp(hwsrc='02:00:00:00:77:99'),
              arp())


def ip4_length_rows():
    for version in 0, 5, 6, 15:
        yield row('ip_header', f'IP version {version} as IPv4', ip4(version=version) / udp() / TEXT)
    for ihl in range(5):
        yield row('ip_header', f'IPv4 header of {ihl} words', ip4(ihl=ihl) / udp() / TEXT)
    yield row('ip_header', 'IPv4 header beyond its total length',
              ip4(ihl=15, len=40) / udp() / TEXT)
    yield row('frame_short', 'IPv4 header beyond the frame', ip4(ihl=15, len=60) / udp())
    for length in 0, 1, 19, 53, 54, 1000, 1500, 65535:
        yield row('ip_header', f'IPv4 of {length} bytes, it says', ip4(len=length) / udp() / TEXT)
    for length in 20, 21, 27:
        yield row('udp_length', f'IPv4 of {length} bytes, it says', ip4(len=length) / udp() / TEXT)
    yield row('udp_length', 'IPv4 that hides 1 byte of UDP', ip4(len=51) / udp() / TEXT)
    yield row('sent', 'IPv4 in a padded frame', Raw(raw(ip4() / udp() / TEXT) + bytes(10)))


def ip4_checksum_rows():
    good = raw(ip4() / udp() / TEXT)
    for at, name in ((15, 'service'), (18, 'id'), (22, 'hop limit'), (24, 'checksum'),
                     (26, 'source')):
        flipped = bytearray(good)
        flipped[at] ^= 0x40
        yield row('ip_checksum', f'IPv4 with a bit of its {name} flipped', Raw(bytes(flipped)))
    for value in 0, 0xffff:
        yield row('ip_checksum', f'IPv4 with checksum {value:#06x}', ip4(chksum=value) / udp())


def ip4_option_rows():
    route = ['10.77.0.9', '10.77.0.10']
    for name, options in (('a loose source route', [IPOption_LSRR(routers=route)]),
                          ('a strict source route', [IPOption_SSRR(routers=route)]),
                          ('a source route behind two NOPs',
                           [IPOption_NOP(), IPOption_NOP(), IPOption_LSRR(routers=route[:1])]),
                          ('an option of length 0', b'\x07\x00\x00\x00'),
                          ('an option of length 1', b'\x44\x01\x00\x00'),
                          ('an option beyond the header', b'\x07\x27\x04\x00'),
                          ('an option that has no length', b'\x01\x01\x01\x07')):
        options = [Raw(options)] if isinstance(options, bytes) else options
        yield row('ip_option', f'IPv4 with {name}', ip4(options=options) / udp() / TEXT)
    for name, options in (('forty NOPs', [IPOption_NOP()] * 40),
                          ('a record of its route', [IPOption_RR(routers=['0.0.0.0'] * 9)]),
                          ('a time stamp', [IPOption_Timestamp()]),
                          ('a router alert', [IPOption_Router_Alert()]),
                          ('an unknown option', [Raw(b'\x9e\x04ab')]),
                          ('a source route behind the end', [IPOption_EOL(), IPOption_LSRR()])):
        yield row('sent', f'IPv4 with {name}', ip4(options=options) / udp() / TEXT)


def ip4_address_rows():
    for source in ('0.0.0.0', '0.1.2.3', '127.0.0.1', '127.255.255.254', '224.0.0.1',
                   '239.255.255.250', '240.0.0.1', '255.255.255.255', '10.77.0.255', THEIRS):
        yield row('ip_source', f'from {source}', ip4(src=source) / udp() / TEXT)
    yield row('ip_source', 'from ourselves to ourselves', ip4(src=THEIRS) / udp(sport=PORT) / TEXT)
    yield row('ip_source', 'a ping from a group', ip4(src='224.0.0.1') / ICMP())
    for target in ('0.0.0.0', '10.77.0.0', '10.77.0.77', '127.0.0.1', '192.0.2.1', '224.0.0.251',
                   '239.1.2.3', '240.0.0.1', '255.255.255.254'):
        yield row('not_our_ip', f'to {target}', ip4(dst=target) / udp() / TEXT)
    for target in '10.77.0.255', '255.255.255.255', '224.0.0.1':
        yield row('sent', f'to {target}', ip4(dst=target) / udp() / TEXT)
        yield row('no_listener', f'to {target}, a port nobody serves',
                  ip4(dst=target) / udp(dport=9) / TEXT)
        yield row('icmp', f'a ping to {target}', ip4(dst=target) / ICMP())
    for hops in 0, 1, 255:
        yield row('sent', f'IPv4 with {hops} hops left', ip4(ttl=hops) / udp() / TEXT)
    for protocol in 0, 4, 41, 46, 47, 50, 51, 89, 103, 112, 132, 136, 255:
        yield row('ip_protocol', f'IPv4 of protocol {protocol}', ip4(proto=protocol) / TEXT)
    for flags in 'S', 'SA', 'R', 'FPU', '':
        yield row('ip_protocol', f'TCP with the flags {flags or "none"}',
                  ip4() / TCP(dport=22, flags=flags))
    for length in 0, 4, 7, 8, 11, 12, 13:
        yield row('igmp', f'an IGMP query of {length} bytes with a wrong checksum',
                  ip4(dst='224.0.0.1', proto=2, ttl=1) / (b'\x11' + bytes(12))[:length])
    yield row('igmp', "another host's IGMP report",
              ip4(dst='224.0.0.1', proto=2, ttl=1) / bytes.fromhex('1600e9ff00000000'))
    yield row('igmp', 'an IGMP query to us alone',
              ip4(proto=2, ttl=1) / bytes.fromhex('1164ee9b00000000'))


def fragments4(length, **fields):
    return [frame for frame in fragment(ip4(**fields) / udp() / (TEXT * 50), length)]


def ip4_fragment_rows():
    late = {'late': True}  # they wait for others that do not come
    yield row('fragment_timeout', 'a first fragment', fragments4(400, id=1)[0], **late)
    yield row('fragment_timeout', 'a fragment of the middle', fragments4(400, id=2)[1], **late)
    yield row('fragment_timeout', 'a last fragment', fragments4(400, id=3)[-1], **late)
    yield row('fragment_timeout fragment_duplicate', 'a fragment twice',
              *([fragments4(400, id=4)[0]] * 2), **late)
    yield row('fragment', 'a fragment that ends beyond 65535',
              ip4(flags='MF', frag=8191, proto=17, id=5) / TEXT)
    yield row('fragment', 'a last fragment that ends beyond 65535',
              ip4(frag=8189, proto=17, id=6) / (TEXT * 4))
    yield row('fragment', 'a ping that ends beyond 65535',
              ip4(frag=8189, proto=1, id=7) / (TEXT * 4))
    yield row('fragment_overlap', 'teardrop: a fragment inside another',
              ip4(flags='MF', proto=17, id=8) / (raw(udp(len=48)) + bytes(32)),
              ip4(frag=3, proto=17, id=8) / bytes(4))
    yield row('fragment_overlap', 'fragments that overlap by 8 bytes',
              ip4(flags='MF', proto=17, id=9) / (raw(udp(len=48)) + bytes(24)),
              ip4(frag=3, proto=17, id=9) / bytes(24))
    yield row('fragment_overlap', 'what still comes of those that overlap',
              ip4(frag=6, proto=17, id=9) / bytes(24))
    yield row('fragment_overlap', 'two last fragments',
              ip4(frag=6, proto=17, id=14) / bytes(24), ip4(frag=8, proto=17, id=14) / bytes(24))
    yield row('fragment_timeout', 'tiny: a first fragment of 8 bytes',
              ip4(flags='MF', proto=17, id=10) / raw(udp(len=48)), **late)
    yield row('fragment', 'tiny: a first fragment of 4 bytes',
              ip4(flags='MF', proto=17, id=10) / raw(udp(len=48))[:4])
    yield row('fragment', 'a first fragment that is not of eights',
              ip4(flags='MF', proto=17, id=11) / (raw(udp(len=48)) + bytes(5)))
    yield row('fragment', 'a fragment of nothing', ip4(flags='MF', proto=17, id=12))
    yield row('fragment_timeout', 'a fragment that must not be one',
              ip4(flags='MF+DF', proto=17, id=13) / TEXT, **late)
    yield row('ip_source', 'a fragment from a group',
              ip4(flags='MF', proto=17, src='224.0.0.1') / TEXT)
    yield row('not_our_ip', 'a fragment for another',
              ip4(flags='MF', proto=17, dst='10.77.0.9') / TEXT)
    yield row('ip_protocol', 'a fragment of TCP', ip4(flags='MF', proto=6) / TEXT)


def icmp4_rows():
    for length in range(0, 8, 3):
        yield row('icmp', f'ICMP of {length} bytes', ip4(proto=1) / cut(ICMP(), length))
    for value in 0, 0x1234, 0xffff:
        yield row('icmp', f'ICMP with checksum {value:#06x}', ip4() / ICMP(chksum=value) / TEXT)
    yield row('icmp', 'a ping of code 1', ip4() / ICMP(code=1) / TEXT)
    for kind in 0, 1, 4, 6, 9, 10, 13, 14, 15, 17, 30, 40, 255:
        yield row('icmp', f'ICMP of type {kind}', ip4() / ICMP(type=kind) / TEXT)
    quoted = {
        'nothing': b'',
        '4 bytes': b'\x45\x00\x00\x20',
        'noise': bytes(range(0x80, 0xb0)),
        'IPv6': bytes([0x60]) + bytes(47),
        "another's datagram": raw(IP(src='192.0.2.1', dst='192.0.2.2') / udp()),
        'a header beyond its end': raw(IP(src=THEIRS, dst=OURS, ihl=15) / udp()),
        'a port we never had': raw(IP(src=THEIRS, dst=OURS) / UDP(sport=1, dport=2)),
    }
    for name, text in quoted.items():
        yield row('icmp', f'unreachable, quoting {name}', ip4() / ICMP(type=3, code=3) / Raw(text))
    sent = raw(IP(src=THEIRS, dst=OURS, len=1500) / UDP(sport=PORT, dport=40000))
    for code in range(4):
        yield row('rx_refused' if code == 3 else 'rx_unreachable',
                  f'unreachable, code {code}, of a datagram of ours',
                  ip4() / ICMP(type=3, code=code) / Raw(sent))
    yield row('rx_unreachable', 'time exceeded of a datagram of ours',
              ip4() / ICMP(type=11) / Raw(sent))
    yield row('icmp', 'too big for 1500, which is what our link takes',
              ip4() / ICMP(type=3, code=4, nexthopmtu=1500) / Raw(sent))
    yield row('answered icmp', 'too big for 1400, twice',
              *[ip4() / ICMP(type=3, code=4, nexthopmtu=1400) / Raw(sent)] * 2)
    for size in 0, 1, 67, 65535:
        yield row('icmp', f'too big for {size}, quoting a stranger', ip4() /
                  ICMP(type=3, code=4, nexthopmtu=size) / Raw(quoted["another's datagram"]))
    for code in 0, 1, 3:
        yield row('icmp', f'a redirect of code {code}', ip4() / ICMP(
            type=5, code=code, gw='10.77.0.99') / Raw(sent))
    for kind in (12, ):
        yield row('icmp', f'ICMP error {kind} of a datagram of ours',
                  ip4() / ICMP(type=kind) / Raw(sent))
    yield row('answered', 'a ping', ip4() / ICMP(id=7) / TEXT)
    yield row('answered', 'a ping of zeros', ip4() / ICMP(id=0, seq=0))


def rows():
    for table in (link_rows, arp_rows, ip4_length_rows, ip4_checksum_rows, ip4_option_rows,
                  ip4_address_rows, ip4_fragment_rows, icmp4_rows):
        yield from table()
