# SPDX-License-Identifier: BSD-3-Clause
"""The rest of the table of hostile_frames.py: IPv6, its neighbour discovery, and UDP over both."""
from hostile_frames import OUR_MAC, PORT, TEXT, THEIR_MAC, THEIRS, cut, ip4, link, row, udp

from scapy.compat import raw
from scapy.layers.inet6 import (HBHOptUnknown, ICMPv6DestUnreach, ICMPv6EchoReply,
                                ICMPv6EchoRequest, ICMPv6MLQuery, ICMPv6MLReport2, ICMPv6ND_NA,
                                ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6ND_RS,
                                ICMPv6NDOptDstLLAddr, ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr,
                                ICMPv6NDOptUnknown, ICMPv6NIQueryNOOP, ICMPv6PacketTooBig,
                                ICMPv6ParamProblem, ICMPv6TimeExceeded, ICMPv6Unknown, IPv6,
                                IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting, IPv6ExtHdrSegmentRouting, Jumbo, Pad1, PadN,
                                RouterAlert)
from scapy.packet import Raw

OURS6, THEIRS6 = 'fd77::1', 'fd77::2'
STRANGER = 'fd77::66'


def ip6(**fields):
    return link(0x86dd) / IPv6(**{'src': OURS6, 'dst': THEIRS6, **fields})


def ip6_length_rows():
    good = ip6() / udp() / TEXT
    for length in 0, 1, 39:
        yield row('frame_short', f'ending {length} bytes into IPv6',
                  link(0x86dd) / cut(good.payload, length))
    for version in 0, 4, 5, 15:
        yield row('ip_header', f'IP version {version} as IPv6', ip6(version=version) / udp() / TEXT)
    for length in 33, 34, 1000, 65535:
        yield row('ip_header', f'IPv6 of {length} bytes, it says', ip6(plen=length) / udp() / TEXT)
    for length in 0, 1, 7, 31:
        yield row('udp_length', f'IPv6 of {length} bytes, it says', ip6(plen=length) / udp() / TEXT)
    yield row('sent', 'IPv6 in a padded frame', Raw(raw(good) + bytes(10)))
    yield row('ip_header', 'a jumbogram', ip6(plen=0, nh=0) / IPv6ExtHdrHopByHop(
        options=[Jumbo(jumboplen=70000)]) / udp() / TEXT)
    yield row('ip_option', 'a jumbogram that is none', ip6() / IPv6ExtHdrHopByHop(
        options=[Jumbo(jumboplen=70000)]) / udp() / TEXT)


def extension(count, *kinds):
    """`count` headers of options in a chain, then UDP; `kinds` instead of destination options."""
    chain = ip6()
    for kind in kinds or [IPv6ExtHdrDestOpt] * count:
        chain /= kind()
    return chain / udp() / TEXT


def ip6_extension_rows():
    yield row('sent', 'hop-by-hop and destination options',
              extension(2, IPv6ExtHdrHopByHop, IPv6ExtHdrDestOpt))
    yield row('sent', 'a router alert', ip6() / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / udp())
    yield row('sent', 'four headers of options', extension(4))
    for count in 5, 40, 150:
        yield row('ip_option', f'{count} headers of options', extension(count))
    yield row('ip_option', 'hop-by-hop options twice', extension(2, IPv6ExtHdrHopByHop,
                                                                 IPv6ExtHdrHopByHop))
    yield row('ip_option', 'hop-by-hop options in second place',
              extension(2, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop))
    yield row('ip_option', 'options of more than 128 bytes',
              ip6() / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(200))]) / udp())
    for length in 1, 10, 255:
        yield row('ip_header',
                  f'options beyond the packet, by length {length}',
                  ip6(nh=60) / Raw(bytes([17, length, 1, 4, 0, 0, 0, 0])))
    yield row('ip_header', 'options of 7 bytes', ip6(nh=60) / Raw(bytes(7)))
    yield row('ip_header', 'an option beyond its header',
              ip6(nh=60) / Raw(bytes([17, 0, 1, 5, 0, 0, 0, 0])) / udp() / TEXT)
    yield row('ip_header', 'an option without a length',
              ip6(nh=60) / Raw(bytes([17, 0, 1, 3, 0, 0, 0, 1])) / udp() / TEXT)
    yield row('sent', 'an option to be read over',
              ip6() / IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x1e, optdata=b'ab')]) / udp())
    for kind in 0x5e, 0x9e, 0xde, 0xc9:
        options = [HBHOptUnknown(otype=kind, optdata=b'ab')]
        yield row('ip_option', f'an option {kind:#x}, not to be read over',
                  ip6() / IPv6ExtHdrDestOpt(options=options) / udp())
    for kind in 0, 1, 2, 3, 255:
        yield row('ip_option', f'a routing header of type {kind}',
                  ip6() / IPv6ExtHdrRouting(type=kind, addresses=['fd77::9']) / udp() / TEXT)
    yield row('ip_option', 'a segment routing header',
              ip6() / IPv6ExtHdrSegmentRouting(addresses=['fd77::9']) / udp() / TEXT)
    yield row('ip_option', 'a routing header behind options', ip6() / IPv6ExtHdrDestOpt(
        options=[Pad1()]) / IPv6ExtHdrRouting(addresses=['fd77::9']) / udp())
    yield row('ip_protocol', 'an authentication header', ip6(nh=51) / bytes(24))
    for protocol in 4, 6, 41, 47, 50, 59, 132, 135, 139, 140, 253, 255:
        yield row('ip_protocol', f'IPv6 of protocol {protocol}', ip6(nh=protocol) / TEXT)


def ip6_fragment_rows():
    yield row('fragment_timeout', 'IPv6: a first fragment',
              ip6() / IPv6ExtHdrFragment(m=1, id=1) / udp(len=100) / TEXT, late=True)
    yield row('fragment_timeout', 'IPv6: a last fragment',
              ip6() / IPv6ExtHdrFragment(offset=8, nh=17, id=2) / TEXT, late=True)
    yield row('fragment', 'IPv6: a fragment that ends beyond 65535',
              ip6() / IPv6ExtHdrFragment(offset=8191, m=1, nh=17, id=3) / TEXT)
    yield row('fragment_overlap', 'IPv6: fragments that overlap',
              ip6() / IPv6ExtHdrFragment(m=1, id=4) / udp(len=48) / TEXT,
              ip6() / IPv6ExtHdrFragment(offset=3, nh=17, id=4) / TEXT)
    yield row('fragment', 'IPv6: a first fragment that is not of eights',
              ip6() / IPv6ExtHdrFragment(m=1, id=5) / udp(len=100) / b'abc')
    yield row('fragment', 'IPv6: a fragment of nothing',
              ip6() / IPv6ExtHdrFragment(m=1, nh=17, id=6))
    yield row('fragment', 'IPv6: a fragment header cut short',
              ip6(nh=44) / Raw(bytes([17, 0, 0, 1])))


def ip6_address_rows():
    for source in ('ff02::1', 'ff0e::1', '::1', '::2', '::ffff:10.77.0.1', '::10.77.0.1', THEIRS6,
                   '::'):
        yield row('ip_source', f'from {source}', ip6(src=source) / udp() / TEXT)
    yield row('ip_source', 'a ping from ::', ip6(src='::') / ICMPv6EchoRequest())
    yield row('ip_source', 'from ourselves to ourselves, IPv6', ip6(src=THEIRS6) / udp(sport=PORT))
    for target in ('::', '::1', 'fd77::', STRANGER, 'fe80::1', '2001:db8::1', 'ff02::2', 'ff05::2',
                   'ff02::1:ff00:66', '::ffff:10.77.0.2'):
        yield row('not_our_ip', f'to {target}', ip6(dst=target) / udp() / TEXT)
    yield row('sent', 'to ff02::1', ip6(dst='ff02::1') / udp() / TEXT)
    yield row('icmp', 'a ping to ff02::1', ip6(dst='ff02::1') / ICMPv6EchoRequest())


def icmp6_rows():
    ours = raw(IPv6(src=THEIRS6, dst=OURS6) / udp(sport=PORT, dport=40000))
    for length in 0, 3, 7:
        yield row('icmp', f'ICMPv6 of {length} bytes',
                  ip6(nh=58) / cut(ICMPv6EchoRequest(), length))
    for value in 0x1234, 0xffff:
        yield row('icmp', f'ICMPv6 with checksum {value:#06x}',
                  ip6() / ICMPv6EchoRequest(cksum=value))
    yield row('icmp', 'a ping of code 1, IPv6', ip6() / ICMPv6EchoRequest(code=1))
    for message in (ICMPv6EchoReply(), ICMPv6ND_RS(), ICMPv6NIQueryNOOP(),
                    ICMPv6DestUnreach() / Raw(b'nonsense'), ICMPv6DestUnreach(),
                    ICMPv6ParamProblem(ptr=4000) / Raw(ours)):
        yield row('icmp', f'{message.name}, {len(message)} bytes', ip6(hlim=255) / message)
    yield row('rx_refused', 'unreachable, quoting a datagram of ours, IPv6',
              ip6() / ICMPv6DestUnreach(code=4) / Raw(ours))
    yield row('rx_unreachable', 'time exceeded of a datagram of ours, IPv6',
              ip6() / ICMPv6TimeExceeded() / Raw(ours))
    yield row('answered icmp', 'too big for 1400, twice, IPv6', *[
        ip6() / ICMPv6PacketTooBig(mtu=1400) / Raw(
            raw(IPv6(src=THEIRS6, dst=OURS6, plen=1460) / udp(sport=PORT, dport=40000)))] * 2)
    for kind in 100, 127, 200, 255:
        yield row('icmp', f'ICMPv6 of type {kind}',
                  ip6() / ICMPv6Unknown(type=kind, msgbody=b'abcd'))
    yield row('icmp', "another host's MLD report", ip6(dst='ff02::1', hlim=1) / ICMPv6MLReport2())
    yield row('igmp', 'an MLD query of no router of the link',
              ip6(dst='ff02::1', hlim=1) / ICMPv6MLQuery())
    for size in 0, 1279, 0xffffffff:
        yield row('icmp', f'IPv6 too big for {size}, quoting a stranger',
                  ip6() / ICMPv6PacketTooBig(mtu=size) / Raw(
                      raw(IPv6(src='2001:db8::1', dst='2001:db8::2') / udp())))
    yield row('icmp', "a router's advertisement", ip6(src='fe80::99', dst='ff02::1', hlim=255) /
              ICMPv6ND_RA(routerlifetime=9000) / ICMPv6NDOptSrcLLAddr(lladdr=OUR_MAC) /
              ICMPv6NDOptPrefixInfo(prefix='fd99::', prefixlen=64))
    yield row('icmp', 'a redirect, IPv6', ip6(src='fe80::99', hlim=255) /
              ICMPv6ND_Redirect(tgt=STRANGER, dst=OURS6))
    yield row('answered', 'a ping, IPv6', ip6() / ICMPv6EchoRequest(data=TEXT))


def solicitation(target=THEIRS6, mac=OUR_MAC, **fields):
    return (ip6(**{'hlim': 255, **fields}) / ICMPv6ND_NS(tgt=target) /
            ICMPv6NDOptSrcLLAddr(lladdr=mac))


def advertisement(target=STRANGER, mac='02:00:00:00:77:66', flags=(0, 1), **fields):
    return (ip6(**{'hlim': 255, 'src': target, **fields}) /
            ICMPv6ND_NA(tgt=target, R=0, S=flags[0], O=flags[1]) /
            ICMPv6NDOptDstLLAddr(lladdr=mac))


def ndp_rows():
    yield row('answered', 'a solicitation', solicitation())
    yield row('answered', 'a check for a duplicate', ip6(src='::', dst='ff02::1:ff00:2', hlim=255) /
              ICMPv6ND_NS(tgt=THEIRS6))
    for name, frame in (
            ('that a router passed on', solicitation(hlim=254)),
            ("for another's address", solicitation(STRANGER)),
            ('for a group', solicitation('ff02::1')),
            ('from :: with a source', solicitation(src='::', dst='ff02::1:ff00:2')),
            ('from :: to ourselves', ip6(src='::', hlim=255) / ICMPv6ND_NS(tgt=THEIRS6)),
            ('of code 1', ip6(hlim=255) / ICMPv6ND_NS(tgt=THEIRS6, code=1)),
            ('with an option of length 0', ip6(hlim=255) / ICMPv6ND_NS(tgt=THEIRS6) /
             ICMPv6NDOptUnknown(type=1, len=0, data=bytes(6))),
            ('with an option beyond its end', ip6(hlim=255) / ICMPv6ND_NS(tgt=THEIRS6) /
             ICMPv6NDOptUnknown(type=1, len=9, data=bytes(6))),
            ('with half an option', ip6(hlim=255) / ICMPv6ND_NS(tgt=THEIRS6) / b'\x01')):
        yield row('ndp', f'a solicitation {name}', frame)
    for length in 8, 16, 23:
        yield row('ndp', f'a solicitation of {length} bytes', ip6(hlim=255) / ICMPv6Unknown(
            type=135, msgbody=bytes(length - 4)))
    for name, frame in (
            ('of a stranger', advertisement()),
            ('of a stranger, as if asked', advertisement(flags=(1, 1))),
            ('as if asked, to all', advertisement(flags=(1, 1), dst='ff02::1')),
            ('of a group', advertisement('ff02::1', src=OURS6)),
            ('from ::', advertisement(src='::', dst='ff02::1')),
            ('that a router passed on', advertisement(hlim=64)),
            ('from another network', advertisement('2001:db8::1', src=OURS6)),
            ("with a group's MAC", advertisement(mac='33:33:00:00:00:01'))):
        yield row('ndp', f'an advertisement {name}', frame)
    for name, frame in (('', advertisement(THEIRS6, src=OURS6)),
                        (' to all', advertisement(THEIRS6, src=OURS6, dst='ff02::1'))):
        yield row('addr_conflict', f'an advertisement of our own address{name}', frame)
    yield row('answered', "a solicitation with a group's MAC",
              solicitation(mac='33:33:00:00:00:01'))
    yield row('answered', 'a solicitation that says our own MAC', solicitation(mac=THEIR_MAC))


def reserved(packet, at, value):
    """The frame with two bytes changed."""
    changed = bytearray(raw(packet))
    changed[at:at + 2] = value
    return Raw(bytes(changed))


def udp_rows():
    for name, ip, start in ('IPv4', ip4, 34), ('IPv6', ip6, 54):
        for length in 0, 1, 7, 33, 200, 65535:
            yield row('udp_length', f'{name}: UDP of {length} bytes, it says',
                      ip() / udp(len=length) / TEXT)
        yield row('udp_length', f'{name}: UDP of 7 bytes',
                  ip(**{'proto' if ip is ip4 else 'nh': 17}) / cut(udp(), 7))
        for value in 0x1234, 0xffff:
            yield row('udp_checksum', f'{name}: UDP with checksum {value:#06x}',
                      ip() / udp(chksum=value) / TEXT)
        yield row('udp_checksum', f'{name}: a bit of the text flipped',
                  reserved(ip() / udp() / TEXT, start + 10, b'XX'))
        yield row('udp_checksum', f'{name}: the last byte flipped',
                  reserved(ip() / udp() / TEXT, start + 30, b'XX'))
        yield row('udp_checksum', f'{name}: UDP that hides its end', ip() / udp(len=20) / TEXT)
        for port in 0, 1, 53, PORT - 1, PORT + 1, 65535:
            yield row('no_listener', f'{name}: to port {port}', ip() / udp(dport=port) / TEXT)
        yield row('sent', f'{name}: UDP with nothing in it', ip() / udp())
        yield row('sent', f'{name}: UDP with 1400 bytes', ip() / udp() / Raw(bytes(1400)))
    yield row('sent', 'IPv4: UDP without a checksum', ip4() / udp(chksum=0) / TEXT)
    yield row('udp_checksum', 'IPv6: UDP without a checksum', ip6() / udp(chksum=0) / TEXT)
    yield row('sent', f'a loose datagram to {THEIRS}', ip4(id=0, flags=0) / udp() / TEXT)


def rows():
    for table in (ip6_length_rows, ip6_extension_rows, ip6_fragment_rows, ip6_address_rows,
                  icmp6_rows, ndp_rows, udp_rows):
        yield from table()
