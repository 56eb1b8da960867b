# SPDX-License-Identifier: BSD-3-Clause
"""The part of the chat's protocol that the comparison needs, for servers in Python: join with a
proof, say to all, numbered copies, leave. Datagrams in, `send(data, address)` out."""
import hashlib
import os


class Members:
    def __init__(self):
        self.members = {}  # by address: [name, number of the last copy]
        self.key = os.urandom(16)

    def proof(self, address):
        return hashlib.blake2s(repr(address).encode(), key=self.key, digest_size=4).hexdigest()

    def take(self, data, address, send):
        verb, _, rest = data.decode().rstrip('\n').partition(' ')
        member = self.members.get(address)
        if verb == 'join':
            self.join(rest.split(), address, send)
        elif member is None:
            send(b'err say join NAME\n', address)
        elif verb == 'say':
            send(b'ok\n', address)
            self.say(f'/ {member[0]}: {rest}\n', send)
        elif verb == 'leave':
            del self.members[address]
            send(b'ok left\n', address)
        else:
            send(b'err say help for what there is\n', address)

    def join(self, words, address, send):
        proof = '=' + self.proof(address)
        if len(words) < 2 or words[-1] != proof:
            send(f'proof {proof}\n'.encode(), address)
            return
        self.members[address] = [words[0], 0]
        send(f'ok joined {words[0]} / last 0 history 0 tag 0\n'.encode(), address)

    def say(self, text, send):
        for address, member in self.members.items():
            member[1] += 1
            send(f'{member[1]} {text}'.encode(), address)
