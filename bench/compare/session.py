# SPDX-License-Identifier: BSD-3-Clause
"""What every matrix runs in: options, namespaces of its own, a folder, a line that tells how far it
is."""
import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time

import wires

PRIVATE = 'VOLLEY_BENCH_PRIVATE'  # 'made': by enter_namespaces(); 'given': by who started us


def parser(command, description, quick, full, rounds):
    """The options that all matrices have; `length` is quick, default or full."""
    made = argparse.ArgumentParser(prog=command, description=description)
    length = made.add_mutually_exclusive_group()
    length.add_argument('--quick', action='store_const', dest='length', const='quick',
                        help=f'within {quick}: an impression')
    length.add_argument('--full', action='store_const', dest='length', const='full',
                        help=f'about {full}: for figures that are shown to others')
    made.add_argument('-o', metavar='DIR', dest='folder', default='volley-bench',
                      help='where the JSON report goes (default: volley-bench)')
    made.add_argument('--rounds', type=int, help=f'instead of {rounds}')
    made.add_argument('--build', metavar='DIR', default='build', help=argparse.SUPPRESS)
    made.set_defaults(length='default')
    return made


def enter_namespaces():
    """Goes on in network and mount namespaces of its own: what it makes there ends with it, however
    it ends. Without root it stays where it is. Returns whether it is in them."""
    if os.environ.get(PRIVATE) or os.geteuid() != 0 or not shutil.which('unshare'):
        return bool(os.environ.get(PRIVATE))
    words = ['unshare', '--net', '--mount']
    if os.spawnvp(os.P_WAIT, words[0], words + ['true']) != 0:
        return False
    os.environ[PRIVATE] = 'made'
    os.execvp(words[0], words + [sys.executable, *sys.argv])


def interrupt(*_):
    raise KeyboardInterrupt


def run(measure, target):
    """Calls measure(folder of the run, whether the namespaces are its own), in them, and writes the
    result, an object, to the file `target`. SIGINT and SIGTERM end it early, with nothing left."""
    signal.signal(signal.SIGTERM, interrupt)
    os.makedirs(os.path.dirname(target) or '.', exist_ok=True)
    is_private = enter_namespaces()
    if os.environ.get(PRIVATE) == 'made':
        wires.run('mount', '-t', 'tmpfs', 'none', '/run')
        os.makedirs('/run/netns')
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(
            prefix='volley-bench-', dir='/run' if is_private else None))
        try:
            result = measure(folder, is_private)
        except KeyboardInterrupt:
            sys.exit('bench: interrupted')
    with open(target, 'w', encoding='utf-8') as file:
        json.dump(result, file, indent=1)
        file.write('\n')
    return result


class Progress:
    """One line that is written over on a terminal; else a line a step."""

    def __init__(self, total):
        self.total = total
        self.done = 0
        self.over = sys.stderr.isatty()
        self.start = time.monotonic()

    def step(self, text):
        left = ''
        if self.done:
            seconds = (time.monotonic() - self.start) / self.done * (self.total - self.done)
            left = f', {seconds:.0f} s left'
        self.done += 1
        line = f'[{self.done}/{self.total}] {text}{left}'
        print(f'\r{line}\033[K' if self.over else line, end='' if self.over else '\n',
              file=sys.stderr, flush=True)

    def end(self):
        if self.over:
            print('\r\033[K', end='', file=sys.stderr, flush=True)
