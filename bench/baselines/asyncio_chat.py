#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A chat server on asyncio's event loop:  asyncio_chat.py ADDRESS PORT"""
import asyncio
import sys

from chat_members import Members


class Chat(asyncio.DatagramProtocol):
    def __init__(self):
        self.members = Members()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.members.take(data, addr, self.transport.sendto)


async def main():
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Chat, local_addr=(sys.argv[1], int(sys.argv[2])))
    print('ready:', *sys.argv[:3], flush=True)
    await asyncio.Event().wait()


if __name__ == '__main__':
    asyncio.run(main())
