#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""load_capture.py FILE: writes a capture with a few UDP payloads among other things, and prints
the payloads in hexadecimal."""
import sys

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

payloads = [b'first', bytes(range(200)), b'x' * 1400, b'']
wrpcap(sys.argv[1], [
    Ether() / ARP(),
    Ether() / IP(dst='10.0.0.1') / UDP() / Raw(payloads[0]),
    Ether() / IP(dst='10.0.0.1') / TCP() / Raw(b'not this'),
    Ether() / Dot1Q(vlan=7) / IP(dst='10.0.0.1') / UDP() / Raw(payloads[1]),
    Ether() / IP(dst='10.0.0.1', flags='MF') / UDP() / Raw(b'a fragment'),
    Ether() / IPv6(dst='fd00::1') / UDP() / Raw(payloads[2]),
    Ether() / IP(dst='10.0.0.1') / UDP(),
])
for payload in payloads:
    print(payload.hex())
