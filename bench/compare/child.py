# SPDX-License-Identifier: BSD-3-Clause
"""Child processes: started with their output in files, ended by their process ids, all of them,
however the run ends."""
import ctypes
import os
import signal
import subprocess
import time

STOP_S = 10
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
LIBC = ctypes.CDLL(None)


def die_with_parent():
    """Called in the child: it is killed if this program is, which then cannot stop it."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Failure(Exception):
    """A path does not work here; the text says why, in one line."""


class Child:
    """One process. Its output goes to NAME.out and NAME.err in a folder of the run."""

    def __init__(self, words, folder, name, stdin=subprocess.DEVNULL):
        self.words = words
        self.paths = {end: os.path.join(folder, f'{name}.{end}') for end in ('out', 'err')}
        # pylint: disable=consider-using-with
        with open(self.paths['out'], 'wb') as out, open(self.paths['err'], 'wb') as err:
            self.process = subprocess.Popen(words, stdin=stdin, stdout=out, stderr=err,
                                            start_new_session=True, preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self.process.pid

    def text(self, end):
        with open(self.paths[end], encoding='utf-8', errors='replace') as file:
            return file.read()

    def why(self):
        """The last line of what it said, best of what went wrong."""
        lines = (self.text('err').strip() or self.text('out').strip()).splitlines()
        return lines[-1] if lines else f'{self.words[0]} ended with {self.process.returncode}'

    def say(self, line):
        self.process.stdin.write(line.encode() + b'\n')
        self.process.stdin.flush()

    def await_text(self, wanted, seconds):
        """Until its output has the text; raises Failure if it ends before, or never does."""
        end = time.monotonic() + seconds
        while wanted not in self.text('out'):
            if self.process.poll() is not None:
                raise Failure(self.why())
            if time.monotonic() > end:
                raise Failure(f'{os.path.basename(self.words[0])}: no "{wanted}" within '
                              f'{seconds} s')
            time.sleep(0.005)

    def finish(self, seconds):
        """Waits for its end, which must be a good one."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired as late:
            raise Failure(f'{os.path.basename(self.words[0])}: not done within {seconds} s') \
                from late
        if status != 0:
            raise Failure(self.why())

    def stop(self):
        """Ends it: by SIGINT, and if that does not help, by SIGKILL."""
        for number in (signal.SIGINT, signal.SIGKILL):
            if self.process.poll() is not None:
                break
            self.process.send_signal(number)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                pass
        if self.process.stdin:
            self.process.stdin.close()
