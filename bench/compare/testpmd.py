# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd, DPDK's own forwarder: what a server costs that does no protocol work."""
import os
import re
import subprocess
import time

import machine
from child import Child, Failure

READY_S = 30
BURST = 32  # packets of one call, as of the engine's loops
BUFFERS = 16384
BASE_MIB = 128
PAGE_BYTES = 4096
HUGE_MIB = 2


def has_huge_pages(mib):
    return machine.memory_fact('HugePages_Free') * HUGE_MIB >= mib


def memory_mib(buffers):
    """What DPDK needs for so many: without huge pages it puts no buffer across two pages, so that
    each takes one."""
    return BASE_MIB + buffers * PAGE_BYTES // (1 << 20)


class Testpmd:
    """One forwarder on one device and one core: its main thread, on the same core, sleeps."""

    def __init__(self, folder, name, vdev, core, buffers=BUFFERS, arguments=(), huge=None):
        mib = memory_mib(buffers)
        if huge is None:
            huge = has_huge_pages(mib)
        memory = ['--in-memory', '--single-file-segments'] if huge else ['--no-huge', '--no-shconf']
        # Its lines would else come in blocks of four kilobytes.
        words = ['stdbuf', '-oL', 'dpdk-testpmd', *memory, '-m', str(mib), '--no-pci',
                 '--no-telemetry', '--file-prefix', f'volley-bench-{os.getpid()}-{name}',
                 '--lcores', f'0@{core},1@{core}', f'--vdev={vdev}', '--', '--interactive',
                 f'--total-num-mbufs={buffers}', f'--burst={BURST}', *arguments]
        start = time.monotonic()
        try:
            self.child = Child(words, folder, name, stdin=subprocess.PIPE)
        except OSError as error:
            raise Failure(f'dpdk-testpmd: {error.strerror}; run scripts/setup') from error
        try:
            self.child.await_text('testpmd> ', READY_S)
        except Failure:
            self.child.stop()
            raise
        self.start_s = time.monotonic() - start

    @property
    def pid(self):
        return self.child.pid

    def say(self, *lines):
        for line in lines:
            self.child.say(line)

    def forward(self, mode, first=''):
        """Starts a forward mode; `first` is what follows the word start."""
        self.say(f'set fwd {mode}', f'start {first}'.strip())

    def change(self, mode):
        self.say('stop')
        self.forward(mode)

    def has_sent(self):
        """Whether it has sent anything, as far as it was asked."""
        self.say('show port stats 0')
        return re.search(r'TX-packets: [1-9]', self.child.text('out')) is not None

    def rates(self, seconds):
        """Packets a second received and sent, as testpmd counts and times them itself."""
        self._rates()
        time.sleep(seconds)
        return self._rates()

    def _rates(self):
        """Those since the last time it was asked."""
        wanted = r'Rx-pps:\s+(\d+).*\n\s+Tx-pps:\s+(\d+)'
        before = len(re.findall(wanted, self.child.text('out')))
        self.say('show port stats 0')
        end = time.monotonic() + READY_S
        while True:
            found = re.findall(wanted, self.child.text('out'))
            if len(found) > before:
                return {'received': int(found[-1][0]), 'sent': int(found[-1][1])}
            if self.child.process.poll() is not None or time.monotonic() > end:
                raise Failure('testpmd: ' + self.child.why())
            time.sleep(0.002)

    def stop(self):
        self.child.stop()
