#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A chat server on Twisted's reactor:  twisted_chat.py ADDRESS PORT"""
import sys

from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol

from chat_members import Members


class Chat(DatagramProtocol):
    def __init__(self):
        self.members = Members()

    def datagramReceived(self, datagram, addr):
        self.members.take(datagram, addr, self.transport.write)


def main():
    reactor.listenUDP(int(sys.argv[2]), Chat(), interface=sys.argv[1])
    print('ready:', *sys.argv[:3], flush=True)
    reactor.run()


if __name__ == '__main__':
    main()
