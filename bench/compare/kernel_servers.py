# SPDX-License-Identifier: BSD-3-Clause
"""Starts each server of the kernel path on its wire, drives it, and reads what that cost it."""
import json
import os
import subprocess

import machine
import session
import wires
from child import Child, Failure
from runner import READY, READY_S

PORT = '9000'
PEERS = 64
OURS = {  # our servers and their ports
    'socket': ['-b', 'socket'],
    'uring': ['-b', 'uring'],
    'uring-zerocopy': ['-b', 'uring', '-o', 'zerocopy=on'],
}
FIRST_PEER = {'loopback': '127.1.0.1', 'veth': '10.78.0.101'}  # the client's, of its 64 addresses
SERVER_IP = {'loopback': '127.0.0.1', 'veth': wires.SERVER_IP}


class Loop(wires.Loopback):
    """Takes frames that come from its own addresses, as loads of frames send them."""

    def open(self):
        super().open()
        if not self.is_private:
            return
        for name, value in ('accept_local', 1), ('route_localnet', 1), ('rp_filter', 0):
            for device in 'all', 'lo':
                path = f'/proc/sys/net/ipv4/conf/{device}/{name}'
                with open(path, 'w', encoding='ascii') as file:
                    file.write(str(value))


class Wire(wires.Veth):
    """As between containers: the kernel's own offloads stay on, and the client has an address for
    each of its 64 peers."""

    def open(self):
        super().open()
        for name, device in ('client', 'c0'), ('server', 's0'):
            wires.run(*wires.within(name, ['ethtool', '-K', device, 'tx', 'on']))
        wires.run('ip', '-n', 'server', 'link', 'set', 'lo', 'up')
        first = FIRST_PEER['veth'].rpartition('.')
        for number in range(int(first[2]), int(first[2]) + PEERS):
            wires.run('ip', '-n', 'client', 'addr', 'add', f'{first[0]}.{number}/24', 'dev', 'c0')


def cpu_of(pid):
    """Nanoseconds that a process has had of the cores, and the part of it that was its own code.
    The sum is exact; how it divides is known in ticks."""
    with open(f'/proc/{pid}/stat', encoding='ascii') as file:
        words = file.read().rpartition(')')[2].split()
    return machine.cpu_ns(pid), int(words[11]), int(words[12])


class Bench:
    """What the rows have in common: programs, cores, and one wire of each kind."""

    def __init__(self, build, folder, is_private):
        self.build = build
        self.folder = folder
        self.volley = session.volley(build)
        self.load = os.path.join(build, 'bench/baselines/udp_load')
        self.start = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                  'baselines/start')
        self.cores = ('0', '1') if os.cpu_count() > 1 else ('0', '0')
        self.loopback = Loop(is_private)
        self.veth = Wire(is_private, True)
        self.veth_failure = None
        os.environ['VLY_BUILD'] = build

    def __enter__(self):
        self.loopback.open()
        try:
            self.veth.open()
        except Failure as failure:
            self.veth_failure = failure
        return self

    def __exit__(self, *_):
        self.veth.close()

    def run(self, row, seconds):
        """One sample: datagrams answered (or taken in) a second, and what the server paid."""
        server = self._server(row)
        pid = server.process.pid
        try:
            before = cpu_of(pid)
            result = self._drive(row, seconds)
            after = cpu_of(pid)
        finally:
            server.stop()
        if row.load == 'flood':
            result['received'] = json.loads(server.text('out').strip().splitlines()[-1])['received']
        if not result['received']:
            raise Failure('nothing came back')
        ticks = [after[i] - before[i] for i in (1, 2)]
        cost = (after[0] - before[0]) / result['received']
        result['user_ns'] = cost * ticks[0] / (sum(ticks) or 1)
        result['system_ns'] = cost - result['user_ns']
        result['rate'] = result['received'] / result['seconds']
        result['loss'] = max(0.0, 1 - result['received'] / result['sent'])
        return result

    def count_calls(self, row, seconds):
        """System calls for a datagram: counted by the kernel (perf), in a run of its own because
        counting takes time, too."""
        server = self._server(row)
        counts = os.path.join(self.folder, 'calls')
        words = ['perf', 'stat', '-x', ',', '-o', counts, '-e', 'raw_syscalls:sys_enter', '-p',
                 str(server.process.pid), '--']
        try:
            result = self._drive(row, seconds, words)
        finally:
            server.stop()
        if row.load == 'flood':
            result['received'] = json.loads(server.text('out').strip().splitlines()[-1])['received']
        with open(counts, encoding='utf-8') as file:
            for line in file:
                fields = line.split(',')
                if len(fields) > 2 and fields[2].startswith('raw_syscalls') and fields[0].isdigit():
                    return int(fields[0]) / max(result['received'], 1)
        raise Failure('perf counts no system calls here')

    def _server(self, row):
        if row.wire == 'veth' and self.veth_failure:
            raise self.veth_failure
        if row.load in ('frames', 'apart') and not self.loopback.is_private:
            raise Failure('needs root, for a namespace whose loopback takes frames')
        ip = SERVER_IP[row.wire]
        idle = 'busy' if row.load == 'spin' else 'block'
        if row.server in OURS:
            words = [self.volley, 'serve', *OURS[row.server], '-l', f'{ip}:{PORT}', '--json', '-H',
                     'sink' if row.load == 'flood' else 'echo', '--idle', idle,
                     '--cores', self.cores[0]]
        else:
            words = ['taskset', '-c', self.cores[0], self.start, row.server, ip, PORT]
            words += ['busy'] if idle == 'busy' else []
        if row.wire == 'veth':
            words = wires.within('server', words)
        server = Child(words, self.folder, 'server')
        try:
            server.await_text(READY.get(row.server, 'ready:'), READY_S)
        except Failure:
            server.stop()
            raise
        return server

    def _drive(self, row, seconds, before=()):
        words = ['taskset', '-c', self.cores[1], self.load, row.load, SERVER_IP[row.wire], PORT,
                 str(row.size), str(seconds), FIRST_PEER[row.wire]]
        if row.wire == 'veth':
            words = wires.within('client', words)
        try:
            done = subprocess.run([*before, *words], capture_output=True, text=True, check=False,
                                  timeout=seconds + 30)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failure(f'{[*before, *words][0]}: {error}') from error
        if done.returncode != 0:
            raise Failure((done.stderr.strip() or 'udp_load failed').splitlines()[-1])
        return json.loads(done.stdout)
