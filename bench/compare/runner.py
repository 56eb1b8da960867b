# SPDX-License-Identifier: BSD-3-Clause
"""Serves a path: makes its wire, starts its server, and takes both away again."""
import contextlib
import dataclasses
import os
import time
import typing

import session
import wires
from child import Child, Failure
from testpmd import Testpmd

READY_S = 20
RELEASE_S = 2
READY = {'sockperf': 'using recvfrom()'}  # the others say "ready:"
OURS = ('socket', 'uring', 'dpdk')
PORT = '9000'
PAIR_CLIENT, PAIR_SERVER = '10.0.0.1', '10.0.0.2'
SERVER_MAC = '02:00:00:00:00:02'  # for a server that answers no ARP; a virtio pair takes any


@dataclasses.dataclass(frozen=True)
class Served:
    """A path that answers. `port` are the words with which a client of ours reaches it: options of
    its port, and the address; `within` says in which namespace it runs, or is empty."""
    path: typing.Any
    server: typing.Any
    port: list
    address: str
    within: str
    payload: str = 'plain'  # what it answers: volley load's --payload

    @property
    def pid(self):
        return self.server.pid


class Runner:
    """What all paths have in common: programs, cores, a folder for sockets and output."""

    def __init__(self, build, folder, is_private):
        self.volley = session.volley(build)
        self.start = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                  'baselines/start')
        os.environ['VLY_BUILD'] = build
        self.folder = folder
        self.is_private = is_private
        # The server on the first core, the client on the second; on one core they share it.
        self.cores = ('0', '1') if os.cpu_count() > 1 else ('0', '0')

    @contextlib.contextmanager
    def serving(self, path):
        """Raises Failure if the path does not work here."""
        wire = self._wire(path)
        with contextlib.ExitStack() as stack:
            stack.callback(wire.close)
            wire.open()
            server = self._server(path, wire)
            stack.callback(server.stop)
            yield Served(path, server, self._client_port(path, wire), self._address(path),
                         'client' if path.wire == 'veth' else '',
                         'sockperf' if path.server == 'sockperf' else 'plain')

    def _wire(self, path):
        if path.wire == 'loopback':
            return wires.Loopback(self.is_private)
        if path.wire == 'virtio':
            return wires.Virtio(self.folder)
        return wires.Veth(self.is_private, path.server != 'dpdk')

    @staticmethod
    def _address(path):
        ip = {'loopback': '127.0.0.1', 'virtio': PAIR_SERVER, 'veth': wires.SERVER_IP}[path.wire]
        return f'{ip}:{PORT}'

    @staticmethod
    def _client_port(path, wire):
        if path.wire != 'virtio':
            return ['-b', 'socket']
        words = ['-b', 'dpdk', '-d', 'virtio-user:' + wire.path, '-a', PAIR_CLIENT + '/24']
        if path.server == 'testpmd':
            words += ['--dad', '0', '--neighbour', f'{PAIR_SERVER}@{SERVER_MAC}']
        return words

    def _server(self, path, wire):
        if path.server == 'testpmd':
            return self._testpmd(wire)
        address = self._address(path)
        if path.server not in OURS:
            words = ['taskset', '-c', self.cores[0], self.start, path.server, *address.split(':')]
            words += ['busy'] if path.idle == 'busy' else []
        else:
            words = [self.volley, 'serve', '-H', 'echo', '--json', '--idle', path.server_idle,
                     '--cores', self.cores[0], '-b', path.server]
            words += self._dpdk_server(path, wire) if path.server == 'dpdk' else ['-l', address]
        if path.wire == 'veth':
            words = wires.within('server', words)
        return self._start(words, READY.get(path.server, 'ready:'))

    def _start(self, words, ready):
        """What io_uring had open is closed a moment after its process has ended: a port that is in
        use is tried again."""
        end = time.monotonic() + RELEASE_S
        while True:
            server = Child(words, self.folder, 'server')
            try:
                server.await_text(ready, READY_S)
                return server
            except Failure as failure:
                server.stop()
                if 'in use' not in str(failure) or time.monotonic() > end:
                    raise
                time.sleep(0.05)
            except BaseException:
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
        server.forward('5tswap')
        return server
