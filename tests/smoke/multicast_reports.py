#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""multicast_reports.py INTERFACE: prints what hosts there say of their groups, one line a record,
read by scapy. Only what a router would believe: TTL 1, a router alert, a right checksum."""
import struct
import sys

from scapy.contrib.igmp import IGMP
from scapy.contrib.igmpv3 import IGMPv3mr
from scapy.layers.inet import IP, IPOption_Router_Alert
from scapy.layers.inet6 import (ICMPv6MLDone, ICMPv6MLReport, ICMPv6MLReport2, IPv6, RouterAlert)
from scapy.layers.l2 import Ether
from scapy.sendrecv import sniff
from scapy.utils import checksum

ETHERNET = 14
KINDS = {1: 'is-include', 2: 'is-exclude', 3: 'to-include', 4: 'to-exclude', 5: 'allow',
         6: 'block'}
OLD = {0x12: 'igmp1', 0x16: 'igmp2', 0x17: 'leave2'}


def checksum_is_right(packet):
    raw = packet.original[ETHERNET:]
    if IP in packet:
        return checksum(raw[4 * packet[IP].ihl:packet[IP].len]) == 0
    end = 40 + packet[IPv6].plen
    message = raw[48:end]  # behind the router alert's header
    return checksum(raw[8:40] + struct.pack('>II', len(message), 58) + message) == 0


def is_believed(packet):
    if IP in packet:
        return packet[IP].ttl == 1 and any(
            isinstance(x, IPOption_Router_Alert) for x in packet[IP].options)
    return packet[IPv6].hlim == 1 and packet[IPv6].src.startswith('fe80:') and any(
        isinstance(x, RouterAlert) for x in packet[IPv6].payload.options)


def records_of(packet):
    if IGMPv3mr in packet:
        for record in packet[IGMPv3mr].records:
            yield ['igmp3', record.maddr, KINDS[record.rtype], *record.srcaddrs]
    elif ICMPv6MLReport2 in packet:
        for record in packet[ICMPv6MLReport2].records:
            while record:  # each is scapy's payload of the one before
                yield ['mld2', record.dst, KINDS[record.rtype], *record.sources]
                record = record.payload
    elif ICMPv6MLReport in packet:
        yield ['mld1', packet[ICMPv6MLReport].mladdr]
    elif ICMPv6MLDone in packet:
        yield ['done1', packet[ICMPv6MLDone].mladdr]
    elif IGMP in packet and packet[IGMP].type in OLD:
        yield [OLD[packet[IGMP].type], packet[IGMP].gaddr]


def show(packet):
    if Ether not in packet:
        return
    for record in records_of(packet):
        if is_believed(packet) and checksum_is_right(packet):
            print(*record, flush=True)
        else:
            print('wrong:', *record, flush=True)


def main():
    sniff(iface=sys.argv[1], store=False, prn=show, timeout=120,
          started_callback=lambda: print('listening', flush=True))


if __name__ == '__main__':
    main()
