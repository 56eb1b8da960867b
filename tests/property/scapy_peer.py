#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The stack against an implementation that shares nothing with it: scapy builds what the stack
reads, and reads what the stack builds, with every length and checksum computed again.

    scapy_peer.py DRIVER      DRIVER is the program of scapy_peer.c

Ends with 77 (skipped) where scapy is not installed. VLY_TEST_SEED reproduces a run.
"""
import ipaddress
import os
import random
import struct
import subprocess
import sys
import time

try:
    from scapy.layers.inet import (ICMP, IP, UDP, IPOption_NOP, IPOption_RR,
                                   IPOption_Router_Alert)
    from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest,
                                    ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr,
                                    ICMPv6NDOptSrcLLAddr, IPv6, IPv6ExtHdrDestOpt,
                                    IPv6ExtHdrHopByHop, PadN, RouterAlert)
    from scapy.layers.l2 import ARP, Dot1Q, Ether
except ImportError:
    print('skipped: no scapy')
    sys.exit(77)

OURS, PEER, ALL = '02:00:00:00:00:01', '02:00:00:00:00:02', 'ff:ff:ff:ff:ff:ff'
OUR_IP, PEER_IP = ('10.0.0.1', 'fd00::1'), ('10.0.0.2', 'fd00::2')
ROUNDS = 400
COMPUTED = ('chksum', 'cksum', 'len', 'plen', 'ihl')


class Driver:
    """The other end: records as scapy_peer.c describes them."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def put(self, letter, data):
        self.process.stdin.write(letter + struct.pack('>H', len(data)) + data)
        self.process.stdin.flush()

    def get(self):
        head = self.process.stdout.read(3)
        assert len(head) == 3, 'the driver has ended'
        return head[:1], self.process.stdout.read(struct.unpack('>H', head[1:])[0])

    def frame(self, frame):
        self.put(b'F', bytes(frame))
        return self.get()

    def send(self, ip, port, payload):
        address = ipaddress.ip_address(ip)
        packed = address.packed
        if address.version == 4:
            packed = b'\0' * 10 + b'\xff\xff' + packed
        self.put(b'S', packed + struct.pack('>H', port) + payload)
        return self.get()

    def poll(self, now_ns):
        self.put(b'P', struct.pack('>Q', now_ns))
        frames = []
        while (record := self.get())[0] == b'T':
            frames.append(read(record[1]))
        assert record[0] == b'E', record
        return frames

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0, 'the driver failed'


def read(data):
    """Takes a frame apart, and puts it together again with all that can be computed computed."""
    frame = Ether(data)
    layer = frame.copy()
    while layer:
        for field in COMPUTED:
            # The quoted packet of an error message stays as it was sent.
            if field in layer.fields and 'error' not in type(layer).__name__:
                layer.delfieldval(field)
        if type(layer) in (ICMP, ICMPv6DestUnreach):
            break
        if not layer.payload:
            break
        layer = layer.payload
    while layer.underlayer:
        layer = layer.underlayer
    again = bytes(layer)
    assert again == data, f'scapy has\n{again.hex()} for\n{data.hex()}'
    return frame


def network(rng, family):
    """An IP header to us, at times with options or extension headers."""
    if family == 0:
        options = rng.choice(([], [], [IPOption_NOP()], [IPOption_Router_Alert()],
                              [IPOption_RR(routers=['0.0.0.0'] * 3), IPOption_NOP()]))
        return IP(src=PEER_IP[0], dst=OUR_IP[0], ttl=rng.randint(1, 255), tos=rng.randint(0, 255),
                  id=rng.randint(0, 65535), flags=rng.choice(('', 'DF')), options=options)
    header = IPv6(src=PEER_IP[1], dst=OUR_IP[1], hlim=rng.randint(1, 255),
                  tc=rng.randint(0, 255), fl=rng.randint(0, 0xfffff))
    if rng.random() < 0.2:
        header /= IPv6ExtHdrHopByHop(options=[RouterAlert()])
    if rng.random() < 0.2:
        header /= IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(rng.randint(0, 40)))])
    return header


def link(rng, dst=OURS):
    frame = Ether(dst=dst, src=PEER)
    return frame / Dot1Q(vlan=0, prio=rng.randint(0, 7)) if rng.random() < 0.2 else frame


def check_way_back(frame, sent, family):
    ip = frame[(IP, IPv6)[family]]
    assert (frame.dst, frame.src) == (PEER, OURS), frame
    assert (ip.src, ip.dst) == (OUR_IP[family], PEER_IP[family]), frame
    assert (Dot1Q in frame) == (Dot1Q in sent), frame
    assert (ip.ttl if family == 0 else ip.hlim) == 64, frame


def udp(driver, rng, family):
    payload = rng.randbytes(rng.choice((0, 1, 2, 22, rng.randint(0, 1300))))
    port = rng.randint(1, 65535)
    sent = link(rng) / network(rng, family) / UDP(sport=port, dport=9000) / payload
    verdict, data = driver.frame(sent)
    assert verdict == b'D', (verdict, data, sent)
    frame = read(data)
    check_way_back(frame, sent, family)
    assert (frame[UDP].sport, frame[UDP].dport) == (9000, port), frame
    assert bytes(frame[UDP].payload) == payload[::-1], frame


def ping(driver, rng, family):
    payload = rng.randbytes(rng.randint(0, 1300))
    number = rng.randint(0, 65535)
    echo = (ICMP(id=number, seq=7), ICMPv6EchoRequest(id=number, seq=7))[family]
    sent = link(rng) / network(rng, family) / echo / payload
    verdict, data = driver.frame(sent)
    assert verdict == b'R', (verdict, data, sent)
    frame = read(data)
    check_way_back(frame, sent, family)
    reply = frame[(ICMP, ICMPv6EchoReply)[family]]
    assert reply.type == (0, 129)[family] and (reply.id, reply.seq) == (number, 7), frame
    assert (bytes(reply.payload) if family == 0 else reply.data) == payload, frame


def unserved(driver, rng, family):
    sent = link(rng) / network(rng, family) / UDP(sport=1, dport=rng.randint(1, 8999)) / b'x'
    assert driver.frame(sent)[0] == b'X'
    told, = driver.poll(rng.randint(1 << 60, 1 << 61))
    error = told[(ICMP, ICMPv6DestUnreach)[family]]
    assert (error.type, error.code) == ((3, 3), (1, 4))[family], told
    assert told.dst == PEER, told


def damaged(driver, rng, family):
    """One changed bit anywhere after the Ethernet header is never delivered, but where no
    checksum covers it: IPv6's traffic class, flow label and hop limit, or extension headers."""
    sent = Ether(dst=OURS, src=PEER) / (IP(src=PEER_IP[0], dst=OUR_IP[0]), IPv6(
        src=PEER_IP[1], dst=OUR_IP[1]))[family] / UDP(sport=5, dport=9000) / b'a volley'
    data = bytearray(bytes(sent))
    bit = rng.randrange(14 * 8, len(data) * 8)
    if family == 1 and (14 * 8 + 4 <= bit < 18 * 8 or bit // 8 == 21):
        return
    data[bit // 8] ^= 1 << (7 - bit % 8)
    assert driver.frame(bytes(data))[0] == b'X', (bit, data.hex())


def announcements(driver):
    gratuitous, advertisement = driver.poll(0)
    assert gratuitous[ARP].psrc == gratuitous[ARP].pdst == OUR_IP[0], gratuitous
    assert gratuitous.dst == ALL and gratuitous[ARP].hwsrc == OURS, gratuitous
    assert advertisement[ICMPv6ND_NA].tgt == OUR_IP[1], advertisement
    assert advertisement[ICMPv6NDOptDstLLAddr].lladdr == OURS, advertisement


def neighbours(driver):
    """We ask for the peer, the peer asks for us, and datagrams that waited come out."""
    for ip in PEER_IP:
        assert driver.send(ip, 53, b'question')[0] == b'W'
    arp, solicitation = driver.poll(2)
    assert (arp[ARP].op, arp[ARP].psrc, arp[ARP].pdst) == (1, OUR_IP[0], PEER_IP[0]), arp
    assert solicitation[ICMPv6ND_NS].tgt == PEER_IP[1], solicitation
    assert solicitation[IPv6].dst == 'ff02::1:ff00:2', solicitation
    assert solicitation.dst == '33:33:ff:00:00:02' and solicitation[IPv6].hlim == 255
    reply = Ether(dst=OURS, src=PEER) / ARP(op=2, hwsrc=PEER, psrc=PEER_IP[0], hwdst=OURS,
                                            pdst=OUR_IP[0])
    assert driver.frame(reply)[0] == b'A'
    reply = Ether(dst=OURS, src=PEER) / IPv6(src=PEER_IP[1], dst=OUR_IP[1], hlim=255) / \
        ICMPv6ND_NA(tgt=PEER_IP[1], R=0, S=1) / ICMPv6NDOptDstLLAddr(lladdr=PEER)
    assert driver.frame(reply)[0] == b'A'
    for frame in driver.poll(3):
        assert frame.dst == PEER and bytes(frame[UDP].payload) == b'question', frame
    for ip in PEER_IP:
        verdict, data = driver.send(ip, 53, b'again')
        assert verdict == b'T' and bytes(read(data)[UDP].payload) == b'again'


def asked(driver):
    verdict, data = driver.frame(Ether(dst=ALL, src=PEER) / ARP(
        op=1, hwsrc=PEER, psrc=PEER_IP[0], pdst=OUR_IP[0]))
    frame = read(data)
    assert verdict == b'R' and frame[ARP].op == 2 and frame[ARP].hwsrc == OURS, frame
    assert (frame[ARP].hwdst, frame[ARP].pdst) == (PEER, PEER_IP[0]), frame
    verdict, data = driver.frame(Ether(dst='33:33:ff:00:00:01', src=PEER) / IPv6(
        src=PEER_IP[1], dst='ff02::1:ff00:1', hlim=255) / ICMPv6ND_NS(
            tgt=OUR_IP[1]) / ICMPv6NDOptSrcLLAddr(lladdr=PEER))
    frame = read(data)
    advertisement = frame[ICMPv6ND_NA]
    assert verdict == b'R' and advertisement.tgt == OUR_IP[1], frame
    assert (advertisement.R, advertisement.S, advertisement.O) == (0, 1, 1), frame
    assert frame[ICMPv6NDOptDstLLAddr].lladdr == OURS and frame[IPv6].hlim == 255, frame


def main():
    seed = int(os.environ.get('VLY_TEST_SEED') or time.time_ns())
    print(f'VLY_TEST_SEED={seed}')
    rng = random.Random(seed)
    driver = Driver(sys.argv[1])
    announcements(driver)
    neighbours(driver)
    asked(driver)
    for count in range(ROUNDS):
        for family in (0, 1):
            udp(driver, rng, family)
            ping(driver, rng, family)
            damaged(driver, rng, family)
            if count % 100 == 0:
                unserved(driver, rng, family)
    driver.close()
    print(f'{ROUNDS} rounds')


if __name__ == '__main__':
    main()
