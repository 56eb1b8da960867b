#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""An echo server and a client of it, driven by events: asyncio's protocols over ports of Volley.

    event_driven.py server ADDRESS PORT
    event_driven.py client HOST PORT COUNT

With loop.create_datagram_endpoint in place of volley.create_datagram_endpoint it is a plain
program."""
import asyncio
import sys

import volley


class Echo(asyncio.DatagramProtocol):
    """Sends back what comes."""

    def connection_made(self, transport):
        self.transport = transport
        print('listening on', *transport.get_extra_info('sockname')[:2], flush=True)

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


class Client(asyncio.DatagramProtocol):
    """Sends the next message when the answer to the one before is there."""

    def __init__(self, count, done):
        self.left = count
        self.done = done

    def connection_made(self, transport):
        self.transport = transport
        self.send()

    def send(self):
        self.transport.sendto(f'message {self.left}'.encode())

    def datagram_received(self, data, addr):
        if data != f'message {self.left}'.encode():
            return
        self.left -= 1
        if self.left:
            self.send()
        else:
            self.transport.close()

    def error_received(self, exc):
        print('error:', exc)
        self.transport.close()

    def connection_lost(self, exc):
        self.done.set_result(self.left)


async def serve(address, port):
    await volley.create_datagram_endpoint(Echo, local_addr=(address, port))
    await asyncio.Event().wait()


async def ask(host, port, count):
    done = asyncio.get_running_loop().create_future()
    await volley.create_datagram_endpoint(lambda: Client(count, done), remote_addr=(host, port))
    left = await asyncio.wait_for(done, 20)
    print(f'{count - left} answers of {count}')
    return 1 if left else 0


if len(sys.argv) == 4 and sys.argv[1] == 'server':
    asyncio.run(serve(sys.argv[2], int(sys.argv[3])))
elif len(sys.argv) != 5 or sys.argv[1] != 'client':
    sys.exit(__doc__)
else:
    sys.exit(asyncio.run(ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
