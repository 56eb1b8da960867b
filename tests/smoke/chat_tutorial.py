#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A chat client as a tutorial has it: one line sent, what comes is printed.

    chat_tutorial.py HOST PORT NAME TEXT SECONDS
"""
import socket
import sys

host, port, name, text, seconds = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((host, int(port)))
s.send(f'join {name}'.encode())
proof = s.recv(2000).decode().split()[1]
s.send(f'join {name} {proof}'.encode())
s.send(f'say {text}'.encode())
s.settimeout(float(seconds))
try:
    while True:
        print(s.recv(2000).decode(), end='', flush=True)
except TimeoutError:
    s.send(b'leave')
