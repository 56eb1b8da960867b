# SPDX-License-Identifier: BSD-3-Clause
"""Our engine on one device and one core, with its ledger read while it runs (bench/wire/rate.c)."""
import json
import subprocess
import time

import captures
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
