# SPDX-License-Identifier: BSD-3-Clause
"""forward_server.py ADDRESS PORT: answers each datagram with its port and what it was sent."""
import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], int(sys.argv[2])))
while True:
    data, client = server.recvfrom(65535)
    server.sendto(sys.argv[2].encode() + b' ' + data, client)
