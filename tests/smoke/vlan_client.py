#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Asks an echo server in a VLAN for its MAC, pings it, and sends it datagrams, with scapy, as not
every kernel has VLAN interfaces; then without a tag, and in another VLAN, which nobody may answer.

    vlan_client.py INTERFACE VLAN HERE THERE PORT COUNT
"""
import logging
import sys

logging.getLogger('scapy').setLevel(logging.ERROR)
# pylint: disable=wrong-import-position
from scapy.arch import get_if_hwaddr  # noqa: E402
from scapy.layers.inet import ICMP, IP, UDP  # noqa: E402
from scapy.layers.l2 import ARP, Dot1Q, Ether  # noqa: E402
from scapy.sendrecv import srp1  # noqa: E402


def ask(interface, frame, timeout):
    return srp1(frame, iface=interface, timeout=timeout, verbose=False)


def main():
    interface, vlan, here, there, port, count = sys.argv[1:]
    tag = Dot1Q(vlan=int(vlan))
    mac = get_if_hwaddr(interface)
    everybody = Ether(src=mac, dst='ff:ff:ff:ff:ff:ff')
    question = ARP(hwsrc=mac, psrc=here, pdst=there)
    answer = ask(interface, everybody / tag / question, 5)
    if answer is None or Dot1Q not in answer or answer[Dot1Q].vlan != int(vlan):
        sys.exit(f'no answer to ARP in VLAN {vlan}: {answer!r}')
    to_server = Ether(src=mac, dst=answer[ARP].hwsrc)
    if ask(interface, to_server / tag / IP(src=here, dst=there) / ICMP() / b'ping', 5) is None:
        sys.exit('no answer to a ping')
    for number in range(int(count)):
        datagram = IP(src=here, dst=there) / UDP(sport=5000, dport=int(port)) / f'{number}'.encode()
        answer = ask(interface, to_server / tag / datagram, 5)
        if answer is None or bytes(answer[UDP].payload)[:len(f'{number}')] != f'{number}'.encode():
            sys.exit(f'datagram {number} did not come back: {answer!r}')
    if ask(interface, everybody / question, 0.3) or ask(interface, everybody / Dot1Q(
            vlan=int(vlan) + 1) / question, 0.3):
        sys.exit('an answer to what is not of the VLAN')


if __name__ == '__main__':
    main()
