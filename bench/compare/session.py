# SPDX-License-Identifier: BSD-3-Clause
"""What every matrix runs in: options, namespaces of its own, a folder, a line that tells how far it
is."""
import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time

import machine
import wires

PRIVATE = 'VOLLEY_BENCH_PRIVATE'  # 'made': by enter_namespaces(); 'given': by who started us
CHECK = 'VOLLEY_BENCH_CHECK'  # anything: nothing is measured, only what was typed is looked at
INTERRUPTED = 130  # exit status, as of shells
ENDING = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
BAR = 24           # columns
UNITS = {'': 1, 's': 1, 'ms': 1e-3, 'us': 1e-6, 'ns': 1e-9, 'm': 60, 'h': 3600}  # of a time
FOLDER = 'volley-bench'  # where reports go


def stop(text):
    """Ends the run with one line."""
    sys.exit(f'volley bench: {text}')


def volley(build):
    """The program: the one that was called, or that of the build folder."""
    return os.environ.get('VLY_VOLLEY') or os.path.join(build, 'apps/volley/volley')


def count(text):
    if not text.isdecimal() or not 0 < int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to 1000")
    return int(text)


def seconds(text):
    found = re.fullmatch(r'(\d+\.?\d*)([a-z]*)', text)
    if found and found[2] in UNITS and 0.01 <= float(found[1]) * UNITS[found[2]] <= 3600:
        return float(found[1]) * UNITS[found[2]]
    raise argparse.ArgumentTypeError(f"'{text}' is not from 0.01 to 3600 seconds")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line. Words may stand among the options."""

    def parse_args(self, args=None, namespace=None):
        return self.parse_intermixed_args(args, namespace)

    def error(self, message):
        print(f'{self.prog}: {message}; see {self.prog} --help', file=sys.stderr)
        sys.exit(2)


def parser(matrix, description, quick, full, rounds, **others):
    """The options that all matrices have; `length` is quick, default or full, and `words` is what
    else was typed: the matrix, as main() has found it."""
    made = Parser(prog='volley bench' + matrix, description=description, **others)
    made.add_argument('words', nargs='*', help=argparse.SUPPRESS)
    length = made.add_mutually_exclusive_group()
    length.add_argument('--quick', action='store_const', dest='length', const='quick',
                        help=f'within {quick}: an impression')
    length.add_argument('--full', action='store_const', dest='length', const='full',
                        help=f'about {full}: for figures that are shown to others')
    made.add_argument('-o', '--output', metavar='DIR', dest='folder', default=FOLDER,
                      help=f'where the report goes (default: {FOLDER})')
    made.add_argument('--rounds', type=count, metavar='N', help=f'instead of {rounds}')
    made.add_argument('--build', metavar='DIR', default=os.environ.get('VLY_BUILD', 'build'),
                      help=argparse.SUPPRESS)
    made.set_defaults(length='default')
    return made


def command():
    """What to type to run this again."""
    word = 'scripts/bench' if os.path.exists(os.path.join(machine.ROOT, 'scripts/bench')) else \
        'volley bench'
    return ' '.join([word, shlex.join(sys.argv[1:])]).strip()


def enter_namespaces():
    """Goes on in network and mount namespaces of its own: what it makes there ends with it, however
    it ends. Without root it stays where it is. Returns whether it is in them."""
    if os.environ.get(PRIVATE) or os.geteuid() != 0 or not shutil.which('unshare'):
        return bool(os.environ.get(PRIVATE))
    words = ['unshare', '--net', '--mount']
    if os.spawnvp(os.P_WAIT, words[0], words + ['true']) != 0:
        return False
    os.environ[PRIVATE] = 'made'
    os.execvp(words[0], words + [sys.executable, '-B', *sys.argv])


def interrupt(*_):
    """The first signal ends the run; those that come while it cleans up and writes change
    nothing."""
    be_deaf()
    raise KeyboardInterrupt


def listen():
    # Also where a script has started this in the background, with SIGINT ignored. A hang-up that is
    # ignored is one of nohup's, and meant.
    for number in ENDING:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)


def be_deaf():
    for number in ENDING:
        signal.signal(number, lambda *_: None)


class Interruptible:
    """Swallows what a signal raises in its block, so that what was measured until then can be kept;
    `complete` says whether the block came to its last line, which is done()."""

    def __init__(self):
        self.complete = False

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        return kind is KeyboardInterrupt

    def done(self):
        """From here on it is too late for a signal: what there is gets written, whole."""
        be_deaf()
        self.complete = True


def prepare(folder):
    """Before anything is measured: whether the report can be written at all."""
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        stop(f'{folder}: {error.strerror}; give another folder with -o DIR')


def write(path, text):
    """All of it or nothing: a report that was there before stays if there is no room."""
    new = path + '.new'
    try:
        with open(new, 'w', encoding='utf-8') as file:
            file.write(text)
        os.replace(new, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(new)
        stop(f'{path}: {error.strerror}; it is not written, and what was there before is as it was')


def end_check():
    """Here all that can be wrong with what was typed has been found."""
    if os.environ.get(CHECK):
        sys.exit(0)


def in_folder(measure):
    """Calls measure(folder of the run, whether the namespaces are its own), in them. A signal ends
    it early, with nothing left."""
    end_check()
    try:
        listen()
        is_private = enter_namespaces()
        if os.environ.get(PRIVATE) == 'made':
            wires.run('mount', '-t', 'tmpfs', 'none', '/run')
            os.makedirs('/run/netns')
        with tempfile.TemporaryDirectory(prefix='volley-bench-',
                                         dir='/run' if is_private else None) as folder:
            return measure(folder, is_private)
    except KeyboardInterrupt:
        say(['volley bench: interrupted, before anything was measured'], sys.stderr)
        return sys.exit(INTERRUPTED)


def run(measure, show, target, is_good=lambda result: True):
    """Measures, shows the lines of `show` and writes the result, an object, to the file `target`.
    Returns the exit status: of an interrupted run, or whether the result is good."""
    prepare(os.path.dirname(target))
    result = in_folder(measure)
    try:
        write(target, json.dumps(result, indent=1) + '\n')
    finally:  # also if there is no room for it
        say(show(result))
    return tell(target, result['complete'], is_good(result))


def tell(target, complete, is_good):
    """Where the report is, and what it is worth."""
    if complete:
        say(['', f'{target} has all of it'])
        return 0 if is_good else 1
    say([f'volley bench: interrupted; {target} has what was measured until then, and says '
         '"complete": false'], sys.stderr)
    return INTERRUPTED


def say(lines, stream=sys.stdout, end='\n'):
    """Where the terminal has gone, or nobody reads the pipe, lines are lost, and nothing else."""
    try:
        for line in lines:
            print(line, end=end, file=stream)
        stream.flush()
    except OSError:
        with open(os.devnull, 'wb') as nowhere:  # or Python complains of it at its end
            os.dup2(nowhere.fileno(), stream.fileno())


def duration(passed_s):
    minutes, rest_s = divmod(round(passed_s), 60)
    return f'{minutes} min {rest_s} s' if minutes else f'{rest_s} s'


class Progress:
    """One line that is written over on a terminal, with a bar; else a line a step. A step may be as
    long as several. With `in_seconds`, total and weights are times, as they are expected."""

    def __init__(self, total, in_seconds=False):
        self.total = total
        self.in_seconds = in_seconds
        self.done = 0
        self.over = sys.stderr.isatty()
        self.start = time.monotonic()

    def step(self, text, weight=1):
        left = ''
        if self.done or self.in_seconds:
            pace = (time.monotonic() - self.start) / self.done if self.done else 1
            left = f', {duration(max(0.0, pace * (self.total - self.done)))} left'
        part = min(1.0, self.done / self.total)
        self.done += weight
        if self.over:
            bar = '#' * round(part * BAR)
            line = f'\r[{bar:<{BAR}}] {100 * part:3.0f} % {text}{left}\033[K'
        else:
            line = f'[{100 * part:.0f} %] {text}{left}\n'
        say([line], sys.stderr, '')

    def end(self):
        if self.over:
            say(['\r\033[K'], sys.stderr, '')
