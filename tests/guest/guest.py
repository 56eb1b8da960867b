# SPDX-License-Identifier: BSD-3-Clause
"""Virtual machines, and Volley on this side of them, for a test."""
import functools
import json
import os
import select
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.environ.get('VLY_GUEST_CACHE', os.path.join(ROOT, 'build/guest'))
VOLLEY = os.path.join(ROOT, 'build/apps/volley/volley')
ECHO_CLIENT = os.path.join(ROOT, 'tests/smoke/echo_client.py')
STATUS = b'\n\x1e' # how the guest's init begins the line with a command's status
# The engine on one core, the machine on the other, or they wait for each other's time slices.
VOLLEY_CORE, GUEST_CORE = '0', str(min(1, os.cpu_count() - 1))
KVM_BOOT_S = 8   # a kernel that KVM carries is there in two
BOOT_S = 90      # without KVM, on a busy machine


class NoBoot(AssertionError):
    """The guest did not come up."""


class Lines:
    """What a process says, read with a limit."""

    def __init__(self, stream):
        self.stream = stream
        self.text = b''

    def until(self, end, seconds):
        """Returns what comes before the bytes `end`, which are taken too; None if it is too late,
        or the process has ended."""
        limit = time.monotonic() + seconds
        while end not in self.text:
            rest = limit - time.monotonic()
            if rest <= 0 or not select.select([self.stream], [], [], rest)[0]:
                return None
            more = os.read(self.stream.fileno(), 65536)
            if not more:
                return None
            self.text += more
        before, self.text = self.text.split(end, 1)
        return before.decode(errors='replace')


class Guest:
    """A virtual machine; a context that ends it."""

    def __init__(self, devices, *, kvm=None, cpus=1, memory_mb=384, cmdline='', iommu=False):
        accel = can_use_kvm() if kvm is None else kvm
        self.boot_s = KVM_BOOT_S if kvm else BOOT_S
        self.console = tempfile.NamedTemporaryFile(prefix='console.')
        machine = 'q35' + (',kernel-irqchip=split' if accel and iommu else '')
        self.words = [
            'taskset', '-c', GUEST_CORE, 'qemu-system-x86_64', '-nodefaults', '-no-reboot',
            '-display', 'none', '-machine', machine, '-accel', 'kvm' if accel else 'tcg',
            '-cpu', 'host' if accel else 'max', '-m', f'{memory_mb}M',
            '-smp', str(cpus),
            # vhost-user: the other side maps the guest's memory.
            '-object', f'memory-backend-memfd,id=memory,size={memory_mb}M,share=on',
            '-numa', 'node,memdev=memory',
            '-kernel', CACHE + '/kernel/vmlinuz', '-initrd', CACHE + '/initrd',
            '-append', f'console=ttyS0 quiet panic=-1 {cmdline}',
            '-serial', 'file:' + self.console.name, '-serial', 'stdio', *devices]

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.lines = Lines(self.process.stdout)
        if self.lines.until(b'booted ', self.boot_s) is None:
            why = self.trouble()
            self.__exit__()
            raise NoBoot(f'no guest within {self.boot_s} s: {why}')
        self.release = self.lines.until(b'\n', 5)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        self.console.close()

    def trouble(self):
        """What the machine said last, for an error."""
        with open(self.console.name, encoding='utf-8', errors='replace') as file:
            return (self.lines.text.decode(errors='replace') + file.read())[-1500:]

    def run(self, command, seconds=60):
        """Runs a line of shell; returns its status and output."""
        self.process.stdin.write(command.encode() + b'\n')
        self.process.stdin.flush()
        output = self.lines.until(STATUS, seconds)
        status = None if output is None else self.lines.until(b'\n', 5)
        if status is None:
            raise AssertionError(f'guest: no end of "{command}" within {seconds} s: '
                                 + self.trouble())
        return int(status), output

    def must(self, command, seconds=60):
        """Runs a line of shell that has to succeed; returns its output."""
        status, output = self.run(command, seconds)
        if status:
            raise AssertionError(f'guest: "{command}" ended with {status}: {output[-1500:]}')
        return output

    def load(self, *modules):
        """Loads the kernel's modules that only one test needs, each a word and its parameters."""
        for module in modules:
            name, *values = module.split(' ')
            self.must(' '.join(['insmod', f'/modules/{name}.ko', *values]))


@functools.cache
def can_use_kvm():
    """Whether a guest boots by KVM here: that it can be opened does not say so."""
    if os.environ.get('VLY_GUEST_ACCEL') == 'tcg' or not os.access('/dev/kvm', os.W_OK):
        return False
    try:
        with Guest([], kvm=True):
            return True
    except NoBoot:
        return False


class Serve:
    """`volley serve` on this side; a context that ends it. Its ledger is there after stop()."""

    def __init__(self, *words):
        self.words = ['taskset', '-c', VOLLEY_CORE, VOLLEY, 'serve', *words, '--json']

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = Lines(self.process.stdout)
        if self.lines.until(b'ready:', 30) is None:
            self.process.kill()
            raise AssertionError('not ready: ' + self.process.communicate()[1].decode())
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def stop(self):
        """Ends it as a user does; returns its ledger."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=20)
        if self.process.returncode:
            raise AssertionError(f'serve ended with {self.process.returncode}: {err.decode()}')
        return json.loads(out.splitlines()[-1])
