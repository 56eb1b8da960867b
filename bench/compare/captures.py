# SPDX-License-Identifier: BSD-3-Clause
"""Captures to replay for ever: UDP datagrams to one server, all sums right, headers as hosts make
them, from as many flows as wanted."""
import struct

MAC = bytes.fromhex('020000000002')  # the server's
ADDRESS, PORT = '10.9.0.2', 9000
PREFIX = ADDRESS + '/16'
CLIENT = '10.9.0.1'
PAYLOAD_BYTES = 64
FRAME_BYTES = 14 + 20 + 8 + PAYLOAD_BYTES
FIRST_PORT, PORTS = 1024, 50000
# pcap-savefile(5): magic of microseconds, version 2.4, no zone, no accuracy, snap length, Ethernet
FILE_HEADER = struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
SERVER = bytes(map(int, ADDRESS.split('.')))


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def mac_of(address):
    return b'\x02\x00' + address


def host(number):
    return bytes([10, 9]) + (number + 257).to_bytes(2, 'big')


def datagram(address, port):
    payload = (address + port.to_bytes(2, 'big') + b'\x55\xaa') * (PAYLOAD_BYTES // 8)
    udp_bytes = 8 + PAYLOAD_BYTES
    udp = struct.pack('>HHHH', port, PORT, udp_bytes, 0)
    pseudo = address + SERVER + struct.pack('>HH', 17, udp_bytes)
    udp = udp[:6] + struct.pack('>H', checksum(pseudo + udp + payload) or 0xffff)
    ip = struct.pack('>BBHHHBBH', 0x45, 0, 20 + udp_bytes, 0, 0x4000, 64, 17, 0) + address + SERVER
    ip = ip[:10] + struct.pack('>H', checksum(ip)) + ip[12:]
    return MAC + mac_of(address) + b'\x08\x00' + ip + udp + payload


def arp_request(address):
    """With which a host makes itself known to the server (RFC 826)."""
    return (b'\xff' * 6 + mac_of(address) + b'\x08\x06' + struct.pack('>HHBBH', 1, 0x800, 6, 4, 1) +
            mac_of(address) + address + bytes(6) + SERVER).ljust(60, b'\0')


def flow_of(number, peers):
    """The address and port of a flow: all ports of a host before the next host's; with `peers`,
    one port of as many hosts after the other."""
    if peers:
        return host(number % peers), FIRST_PORT + number // peers
    return host(number // PORTS), FIRST_PORT + number % PORTS


def frames(length, flows, peers):
    """`length` datagrams of so many flows in turn. With `peers` they come from as many hosts, which
    make themselves known before."""
    for number in range(peers):
        yield arp_request(host(number))
    if flows < length:
        made = [datagram(*flow_of(number, peers)) for number in range(flows)]
        yield from (made[number % flows] for number in range(length))
    else:
        yield from (datagram(*flow_of(number, peers)) for number in range(length))


def write(path, length, flows, peers):
    with open(path, 'wb') as file:
        file.write(FILE_HEADER)
        for data in frames(length, flows, peers):
            file.write(struct.pack('<IIII', 0, 0, len(data), len(data)) + data)
