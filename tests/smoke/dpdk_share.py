#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's own sockets beside the engine, TCP on one port and UDP on another.

    dpdk_share.py serve TCP-PORT UDP-PORT           echoes, for ever
    dpdk_share.py tagged INTERFACE MAC UDP-PORT     sends one datagram of VLAN 0, five of VLAN 5
    dpdk_share.py ask ADDRESS TCP-PORT UDP-PORT     wants an echo from both
"""
import socket
import sys
import threading


def echo_udp(sock):
    while True:
        data, peer = sock.recvfrom(65536)
        sock.sendto(data, peer)


def serve(tcp_port, udp_port):
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.bind(('::', udp_port))
    threading.Thread(target=echo_udp, args=(udp,), daemon=True).start()
    listener = socket.create_server(('::', tcp_port), family=socket.AF_INET6, dualstack_ipv6=True)
    print('listening', flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(connection.recv(65536))


def ask(address, tcp_port, udp_port):
    with socket.create_connection((address, tcp_port), timeout=5) as tcp:
        tcp.sendall(b'knock')
        if tcp.recv(100) != b'knock':
            sys.exit(f'{address}: TCP port {tcp_port} says something else')
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.connect((address, udp_port))
        udp.send(b'knock')
        if udp.recv(100) != b'knock':
            sys.exit(f'{address}: UDP port {udp_port} says something else')


def send_tagged(interface, mac, udp_port):
    from scapy.all import Dot1Q, Ether, IP, UDP, sendp
    rest = IP(src='10.77.0.1', dst='10.77.0.2') / UDP(sport=5000, dport=udp_port) / b'tagged'
    sendp([Ether(dst=mac) / Dot1Q(vlan=vlan) / rest for vlan in (0, 5, 5, 5, 5, 5)],
          iface=interface, verbose=False)


def main():
    if sys.argv[1] == 'tagged':
        send_tagged(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return
    if sys.argv[1] == 'serve':
        serve(int(sys.argv[2]), int(sys.argv[3]))
    ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))


if __name__ == '__main__':
    main()
