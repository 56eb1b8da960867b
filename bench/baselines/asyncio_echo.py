#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""An echo server on asyncio's event loop:  asyncio_echo.py ADDRESS PORT"""
import asyncio
import sys


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def main():
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Echo, local_addr=(sys.argv[1], int(sys.argv[2])))
    print('ready:', *sys.argv[:3], flush=True)
    await asyncio.Event().wait()


if __name__ == '__main__':
    asyncio.run(main())
