# SPDX-License-Identifier: BSD-3-Clause
"""The paths that are compared: the same echo, behind each server, on each wire."""
import dataclasses


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


# What the kernel's users take, each as `baselines/start` starts it; and what is past the kernel.
OTHERS = ('plain', 'mmsg', 'train', 'uring-manual', 'libuv', 'sockperf', 'python', 'asyncio',
          'twisted')

PATHS = [Path('loopback', server, 'block') for server in ('plain', 'socket', 'uring')]
PATHS += [Path('loopback', server, 'preset') for server in ('socket', 'uring')]
PATHS += [Path('loopback', server, 'busy') for server in ('plain', 'socket', 'uring')]
PATHS += [Path('virtio', server, 'busy') for server in ('dpdk', 'testpmd')]
PATHS += [Path('veth', server, 'block') for server in ('plain', 'socket', 'uring')]
PATHS += [Path('veth', server, 'preset') for server in ('socket', 'uring')]
PATHS += [Path('veth', server, 'busy') for server in ('plain', 'dpdk')]

PEERS = [Path('loopback', server, 'block') for server in OTHERS + ('socket', 'uring')]
PEERS += [Path('loopback', server, 'preset') for server in ('socket', 'uring')]
PEERS += [Path('loopback', 'plain', 'busy')]
PEERS += [Path('virtio', server, 'busy') for server in ('dpdk', 'testpmd')]
