# SPDX-License-Identifier: BSD-3-Clause
"""The wires between server and client. All of them stand in the run's own namespaces:

    loopback   lo of one namespace
    virtio     shared memory between two processes, over a Unix socket (vhost-user, virtio-user)
    veth       two namespaces, a pair of virtual Ethernet interfaces:

        namespace client: c0 10.78.0.1  ----  s0 10.78.0.2, the kernel's or dpdk's: namespace server
"""
import os
import subprocess

from child import Failure

CLIENT_IP, SERVER_IP = '10.78.0.1', '10.78.0.2'


def run(*words):
    """A command that must succeed."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f'{words[0]}: {error}') from error
    if done.returncode != 0:
        raise Failure(f'{" ".join(words)}: {done.stderr.strip() or done.returncode}')


def within(namespace, words):
    """The words that run a command in a namespace."""
    return ['ip', 'netns', 'exec', namespace] + words


class Loopback:
    """Both ends in the run's own namespace."""

    def __init__(self, is_private):
        self.is_private = is_private

    def open(self):
        if self.is_private:
            run('ip', 'link', 'set', 'lo', 'up')

    def close(self):
        pass


class Virtio(Loopback):
    """A path for the socket that the server makes."""

    def __init__(self, folder):
        super().__init__(False)
        self.path = os.path.join(folder, 'virtio.sock')

    def close(self):
        if os.path.exists(self.path):
            os.unlink(self.path)


class Veth:
    """Made anew for each run, so that no path inherits what another has left."""

    def __init__(self, is_private, kernel_owns_server):
        self.is_private = is_private
        self.kernel_owns_server = kernel_owns_server

    def open(self):
        if not self.is_private:
            raise Failure('needs root, for network namespaces: sudo scripts/bench'
                          if os.geteuid() else 'this system lets nobody make network namespaces')
        for name in 'client', 'server':
            run('ip', 'netns', 'add', name)
        run('ip', 'link', 'add', 'c0', 'netns', 'client', 'type', 'veth',
            'peer', 'name', 's0', 'netns', 'server')
        # As on a real wire, checksums are filled in before it: two kernels would leave them out.
        run(*within('client', ['ethtool', '-K', 'c0', 'tx', 'off']))
        run(*within('server', ['ethtool', '-K', 's0', 'tx', 'off']))
        run('ip', '-n', 'client', 'addr', 'add', CLIENT_IP + '/24', 'dev', 'c0')
        if self.kernel_owns_server:
            run('ip', '-n', 'server', 'addr', 'add', SERVER_IP + '/24', 'dev', 's0')
        run('ip', '-n', 'server', 'link', 'set', 's0', 'up')
        run('ip', '-n', 'client', 'link', 'set', 'c0', 'up')

    def close(self):
        for name in 'client', 'server':
            subprocess.run(['ip', 'netns', 'del', name], capture_output=True, check=False)
