# SPDX-License-Identifier: BSD-3-Clause
"""The paths that are compared: the same echo, behind each server, on each wire."""
import dataclasses
import json
import os
import time

import wires
from child import Child, Failure
from testpmd import Testpmd

READY_S = 20
WARMUP = 200  # round trips before those that count
PORT = '9000'
PAIR_CLIENT, PAIR_SERVER = '10.0.0.1', '10.0.0.2'


@dataclasses.dataclass(frozen=True)
class Path:
    """A row of the table. `idle` is of both ends: block against block, busy against busy; with
    `preset` the server is started as it comes (it spins a moment before it sleeps, which costs
    that much of a core) and the client blocks, as with the plain loop it is measured against."""
    wire: str    # loopback, virtio, veth
    server: str  # plain, socket, uring, dpdk, testpmd
    idle: str    # block, preset, busy

    @property
    def name(self):
        return f'{self.wire} {self.server} {self.idle}'

    @property
    def plain(self):
        """The path of plain sockets that this one is measured against."""
        return Path('veth' if self.wire == 'veth' else 'loopback', 'plain', self.client_idle)

    @property
    def client_idle(self):
        return 'block' if self.idle == 'preset' else self.idle

    @property
    def server_idle(self):
        return 'adaptive' if self.idle == 'preset' else self.idle


PATHS = [Path('loopback', server, 'block') for server in ('plain', 'socket', 'uring')]
PATHS += [Path('loopback', server, 'preset') for server in ('socket', 'uring')]
PATHS += [Path('loopback', server, 'busy') for server in ('plain', 'socket', 'uring')]
PATHS += [Path('virtio', server, 'busy') for server in ('dpdk', 'testpmd')]
PATHS += [Path('veth', server, 'block') for server in ('plain', 'socket', 'uring')]
PATHS += [Path('veth', server, 'preset') for server in ('socket', 'uring')]
PATHS += [Path('veth', server, 'busy') for server in ('plain', 'dpdk')]


class Runner:
    """Runs a path once: makes the wire, starts the server, measures, and takes all away again."""

    def __init__(self, build, folder, is_private):
        self.volley = os.path.join(build, 'apps/volley/volley')
        self.plain_echo = os.path.join(build, 'bench/baselines/plain_echo')
        self.folder = folder
        self.is_private = is_private
        # The server on the first core, the client on the second; on one core they share it.
        self.cores = ('0', '1') if os.cpu_count() > 1 else ('0', '0')

    def run(self, path, seconds):
        """Returns the JSON object of `volley ping`; raises Failure."""
        wire = self._wire(path)
        server = None
        try:
            wire.open()
            server = self._server(path, wire)
            return self._client(path, wire, server, seconds)
        finally:
            if server:
                server.stop()
            wire.close()

    def _wire(self, path):
        if path.wire == 'loopback':
            return wires.Loopback(self.is_private)
        if path.wire == 'virtio':
            return wires.Virtio(self.folder)
        return wires.Veth(self.is_private, path.server != 'dpdk')

    def _server(self, path, wire):
        if path.server == 'testpmd':
            return self._testpmd(wire)
        ip = wires.SERVER_IP if path.wire == 'veth' else '127.0.0.1'
        if path.server == 'plain':
            words = ['taskset', '-c', self.cores[0], self.plain_echo, ip, PORT, path.idle]
        else:
            words = [self.volley, 'serve', '-H', 'echo', '--json', '--idle', path.server_idle,
                     '--cores', self.cores[0], '-b', path.server]
            words += self._dpdk_server(path, wire) if path.server == 'dpdk' else \
                ['-l', f'{ip}:{PORT}']
        if path.wire == 'veth':
            words = wires.within('server', words)
        server = Child(words, self.folder, 'server')
        self._ready(server, 'ready:')
        return server

    @staticmethod
    def _ready(server, text):
        try:
            server.await_text(text, READY_S)
        except Failure:
            server.stop()
            raise

    @staticmethod
    def _dpdk_server(path, wire):
        if path.wire == 'veth':
            return ['-d', 'af_xdp:s0', '-a', wires.SERVER_IP + '/24', '-l', ':' + PORT]
        return ['-d', 'vhost-user:' + wire.path, '-a', PAIR_SERVER + '/24', '-l', ':' + PORT]

    def _testpmd(self, wire):
        """What a server costs that does nothing but swap addresses."""
        server = Testpmd(self.folder, 'server', f'net_vhost0,iface={wire.path},queues=1',
                         self.cores[0])
        # Its icmpecho mode answers ARP, its 5tswap mode echoes UDP; _client() changes over.
        server.forward('icmpecho')
        return server

    def _client(self, path, wire, server, seconds):
        words = [self.volley, 'ping', '--json', '--idle', path.client_idle,
                 '--cores', self.cores[1], '-t', str(seconds), '--warmup', str(WARMUP),
                 '--timeout', '0.3']
        if path.wire == 'virtio':
            words += ['-b', 'dpdk', '-d', 'virtio-user:' + wire.path, '-a', PAIR_CLIENT + '/24',
                      '--dad', '0']  # icmpecho has every address
            ip = PAIR_SERVER
        else:
            words += ['-b', 'socket']
            ip = wires.SERVER_IP if path.wire == 'veth' else '127.0.0.1'
        words.append(f'{ip}:{PORT}')
        if path.wire == 'veth':
            words = wires.within('client', words)
        client = Child(words, self.folder, 'client')
        try:
            if path.server == 'testpmd':
                self._change_over(server)
            client.finish(seconds + 60)
        finally:
            client.stop()
        return json.loads(client.text('out').strip().splitlines()[-1])

    @staticmethod
    def _change_over(server):
        """Once testpmd has answered ARP, makes it the echo server, within the client's warm-up."""
        end = time.monotonic() + READY_S
        while not server.has_sent():
            if time.monotonic() > end:
                raise Failure('testpmd was not asked for its address')
            time.sleep(0.05)
        server.change('5tswap')
