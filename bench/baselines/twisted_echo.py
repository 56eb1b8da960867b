#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""An echo server on Twisted's reactor:  twisted_echo.py ADDRESS PORT"""
import sys

from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol


class Echo(DatagramProtocol):
    def datagramReceived(self, datagram, addr):
        self.transport.write(datagram, addr)


def main():
    reactor.listenUDP(int(sys.argv[2]), Echo(), interface=sys.argv[1])
    print('ready:', *sys.argv[:3], flush=True)
    reactor.run()


if __name__ == '__main__':
    main()
