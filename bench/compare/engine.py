# SPDX-License-Identifier: BSD-3-Clause
"""Our engine on one device and one core, with its ledger read while it runs (bench/wire/rate.c)."""
import json
import signal
import subprocess
import time

import captures
import machine
from child import Child, Failure
from testpmd import memory_mib

READY_S = 30


class Engine:
    """As `volley serve` runs it, busy, with workers 0."""

    def __init__(self, program, folder, device, handler, core, huge, buffers, more=()):
        words = [program, '-d', device, '-a', captures.PREFIX, '-H', handler, '-c', core,
                 '-n', str(buffers), '-o', 'mac=' + captures.MAC.hex(':'),
                 '-o', 'hugepages=' + ('on' if huge else 'off')]
        if buffers:
            words += ['-o', f'memory={memory_mib(buffers)}M']
        words += [str(captures.PORT), *more]
        self.start(words, folder)

    def start(self, words, folder):
        self.child = Child(words, folder, 'server', stdin=subprocess.PIPE)
        try:
            self.child.await_text('ready:', READY_S)
        except Failure:
            self.child.stop()
            raise

    def rates(self, seconds):
        """Datagrams a second by the ledger; none may have been dropped."""
        before = self.child.text('out').count('\n')
        self.child.say(str(seconds))
        time.sleep(seconds)
        end = time.monotonic() + READY_S
        while self.child.text('out').count('\n') == before:
            if self.child.process.poll() is not None or time.monotonic() > end:
                raise Failure('rate: ' + self.child.why())
            time.sleep(0.002)
        gain = json.loads(self.child.text('out').splitlines()[-1])
        if gain['dropped']:
            raise Failure(f'dropped {gain["dropped"]}')
        return {key: gain[key] / gain['seconds'] for key in ('received', 'sent', 'released')}

    def stop(self):
        """Ends it, and looks whether every datagram has been accounted for."""
        try:
            self.child.process.stdin.close()
            self.child.finish(READY_S)
            if not json.loads(self.child.text('out').splitlines()[-1])['balanced']:
                raise Failure('the ledger does not balance')
        finally:
            self.child.stop()


class Service(Child):
    """`volley serve`, which tells its ledger when it is asked (SIGUSR1)."""

    def __init__(self, volley, folder, words):
        super().__init__([volley, 'serve', '--json', *words], folder, 'server')
        try:
            self.await_text('ready:', READY_S)
        except Failure:
            self.stop()
            raise
        self.lines = 1

    def ledger(self):
        """(when, the ledger)."""
        self.process.send_signal(signal.SIGUSR1)
        self.lines += 1
        end = time.monotonic() + READY_S
        while len(lines := self.text('out').splitlines(True)) < self.lines or \
                not lines[-1].endswith('\n'):
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failure('volley serve does not tell its ledger: ' + self.why())
            time.sleep(0.001)
        return time.monotonic(), json.loads(lines[-1])

    def rates(self, seconds):
        """Datagrams a second by the ledger, of which none may have been dropped; and what each that
        was sent has cost the processor, in nanoseconds."""
        (start_s, before), start_ns = self.ledger(), machine.cpu_ns(self.pid)
        time.sleep(seconds)
        (end_s, after), end_ns = self.ledger(), machine.cpu_ns(self.pid)
        dropped = {name: count for name, count in after['dropped'].items()
                   if count != before['dropped'].get(name, 0)}
        if dropped:
            raise Failure(f'dropped {dropped}')
        gain = {key: after[key] - before[key] for key in ('received', 'sent', 'released')}
        return {'cost_ns': (end_ns - start_ns) / max(1, gain['sent']),
                **{key: count / (end_s - start_s) for key, count in gain.items()}}
