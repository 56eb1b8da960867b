#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Members of a chat that is sealed with Python's cryptography: each says one thing, all hear it.

    chat_fernet.py PORT KEY-FILE MEMBERS

Whoever says it in clear is not heard.
"""
import socket
import sys

from cryptography.fernet import Fernet


class Member:
    def __init__(self, port, fernet):
        self.fernet = fernet
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.connect(('127.0.0.1', port))

    def say(self, line):
        self.socket.send(self.fernet.encrypt(line.encode()))

    def hear(self):
        return self.fernet.decrypt(self.socket.recv(65536), ttl=30).decode()

    def ask(self, line, start):
        self.say(line)
        answer = self.hear()
        if not answer.startswith(start):
            sys.exit(f'"{line}" was answered with "{answer}"')
        return answer


def main():
    port, count = int(sys.argv[1]), int(sys.argv[3])
    with open(sys.argv[2], encoding='ascii') as file:
        fernet = Fernet(file.readline().strip())
    members = [Member(port, fernet) for _ in range(count)]
    for number, member in enumerate(members):
        proof = member.ask(f'join m{number}', 'proof =').split()[1]
        member.ask(f'join m{number} {proof}', 'ok joined')
    members[0].socket.send(b'say in clear')
    texts = {f'm{number}: number {number}' for number in range(count)}
    for number, member in enumerate(members):
        member.say(f'say number {number}')
    for member in members:
        heard = [member.hear() for _ in range(count + 1)]
        copies = {line.rstrip('\n').split(' ', 2)[2] for line in heard if line != 'ok\n'}
        if heard.count('ok\n') != 1 or copies != texts:
            sys.exit(f'not what was said: {heard}')
    for member in members:
        member.ask('leave', 'ok left')


if __name__ == '__main__':
    main()
