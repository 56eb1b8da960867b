#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""multicast_bystander.py GROUP ADDRESS: joins a group on the interface with that address, and
lets what comes lie."""
import socket
import sys
import time

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                socket.inet_aton(sys.argv[1]) + socket.inet_aton(sys.argv[2]))
print('joined', flush=True)
time.sleep(60)
