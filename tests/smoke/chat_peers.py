#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Many members of a chat in a tree of rooms: each must get each message to its room exactly once,
in order; what one of them throws away it asks for again.

    chat_peers.py HOST PORT MEMBERS
"""
import socket
import sys

ROOMS = ['/', '/a', '/a/b', '/c']


class Member:
    def __init__(self, server, name, room):
        self.socket = socket.socket(socket.AF_INET6 if ':' in server[0] else socket.AF_INET,
                                    socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.connect(server)
        self.room, self.copies, self.answers, self.loses, self.number = room, {}, [], set(), 0
        self.say(f'join {name} {room}')
        self.say(f'join {name} {room} {self.answer("proof").split()[1]}')
        welcome = self.answer('ok joined').split()
        if welcome[2:4] != [name, room]:
            sys.exit(f'{name} was welcomed as {welcome}')

    def say(self, line):
        self.socket.send(line.encode() + b'\n')

    def take(self):
        line = self.socket.recv(2000).decode()
        if not line.endswith('\n'):
            sys.exit(f'not a line: {line!r}')
        number, _, text = line[:-1].partition(' ')
        if not number.isdigit():
            self.answers.append(line[:-1])
        elif int(number) in self.loses:
            self.loses.remove(int(number))
        elif int(number) in self.copies:
            sys.exit(f'copy {number} came twice')
        else:
            self.copies[int(number)] = text

    def answer(self, start):
        while not self.answers:
            self.take()
        answer = self.answers.pop(0)
        if not answer.startswith(start):
            sys.exit(f'"{start}" was expected, not "{answer}"')
        return answer

    def repair(self):
        """Asks for what is missing, up to the last number, until nothing is. Returns how many."""
        self.say('ping')
        last = int(self.answer('pong').split()[1])
        asked = 0
        for number in range(1, last + 1):
            if number in self.copies:
                continue
            asked += 1
            self.say(f'again {number}')
            self.answer(f'ok again {number} {number}')
            while number not in self.copies:
                self.take()
        return asked


def main():
    server, count = (sys.argv[1], int(sys.argv[2])), int(sys.argv[3])
    members = [Member(server, f'm{i}', ROOMS[i % len(ROOMS)]) for i in range(count)]
    for member in members[::7]:
        member.loses = {2, 3}
    expected = {room: [] for room in ROOMS}
    for i, member in enumerate(members[:12]):
        member.say(f'#1 say message {i}')
        member.answer('#1 ok')
        member.say(f'#1 say message {i}')  # once more: not to be delivered again
        member.answer('#1 ok')
        for room in ROOMS:
            if member.room == '/' or (room + '/').startswith(member.room + '/'):
                expected[room].append(f'{member.room} m{i}: message {i}')
    repaired = 0
    for member in members:
        repaired += member.repair()
        got = [member.copies[n] for n in sorted(member.copies)]
        if got != expected[member.room]:
            sys.exit(f'in {member.room}: {got}, not {expected[member.room]}')
    if repaired < 2 * len(members[::7]):
        sys.exit(f'only {repaired} copies were asked for again')
    members[1].say('who /a')
    if members[1].answer('members /a').split()[2] != str(count // 2):
        sys.exit('who does not know how many there are')
    for member in members:
        member.say('leave')
        member.answer('ok left')
    print(f'{count} members, {sum(len(m.copies) for m in members)} copies, {repaired} of them '
          'asked for again')


if __name__ == '__main__':
    main()
