#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks ring.pml with spin: every state of small rings, and that each break is found.

    tests/model/check_ring.py [--long]

Needs spin and a C compiler (CC, or cc); without, says so and ends with 77, which means skipped.
--long adds larger rings, for some minutes and 4 GiB of memory.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'ring.pml')
LIMIT_S = 900

# What must hold.
SOUND = [
    'CAPACITY=1 ITEMS=5 BURST=1 START=6',
    'CAPACITY=2 ITEMS=5 BURST=2 START=7',
    'CAPACITY=2 ITEMS=7 BURST=2 START=6',
    'CAPACITY=4 ITEMS=4 BURST=2 START=6',
]
LONG = [
    'CAPACITY=2 ITEMS=12 BURST=2 START=5',
    'CAPACITY=4 ITEMS=5 BURST=2 START=6',
    'CAPACITY=4 ITEMS=6 BURST=3 START=5',
    'CAPACITY=4 ITEMS=6 BURST=4 START=6',
]
# What must be found: each ordering taken away, and a few mistakes of other kinds.
BROKEN = [
    f'{kind} CAPACITY=2 ITEMS=5 BURST=2 START=7' for kind in
    ('WEAK_R1', 'WEAK_A1', 'WEAK_R2', 'WEAK_A2', 'FREE_FIRST', 'ONE_TOO_MANY', 'NO_WRAP')
]


def run(words, folder):
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S,
                          check=False)
    return done.returncode, done.stdout + done.stderr


def explore(case, compiler, folder):
    """Returns (states, errors, what spin said) of one set of parameters."""
    defines = [f'-D{word}' for word in case.split()]
    for words in (['spin', *defines, '-a', MODEL],
                  [compiler, '-O2', '-w', '-DSAFETY', '-DCOLLAPSE', '-o', 'pan', 'pan.c'],
                  ['./pan', '-m5000000']):
        code, text = run(words, folder)
        if code != 0:
            sys.exit(f'{" ".join(words)}: status {code}\n{text}')
    states = re.search(r'(\d+) states, stored', text)
    errors = re.search(r'errors: (\d+)', text)
    if not states or not errors or 'max search depth too small' in text:
        sys.exit(f'{case}: not explored\n{text}')
    return int(states.group(1)), int(errors.group(1)), text


def check(case, is_sound, compiler):
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        states, errors, text = explore(case, compiler, folder)
    is_right = (errors == 0) == is_sound
    verdict = 'holds' if errors == 0 else 'found'
    print(f'{"ok" if is_right else "WRONG":6} {case:46} {verdict}, {states} states,'
          f' {time.monotonic() - start:.1f} s', flush=True)
    if not is_right:
        print(text)
    return is_right


def main():
    words = sys.argv[1:]
    if words not in ([], ['--long']):
        print(__doc__.strip())
        return 0 if words[0] in ('-h', '--help') else 2
    compiler = os.environ.get('CC', 'cc').split()[0]
    for program in ('spin', compiler):
        if not shutil.which(program):
            print(f'skipped: {program} is not installed')
            return 77
    results = [check(case, True, compiler) for case in SOUND + (LONG if words else [])]
    results += [check(case, False, compiler) for case in BROKEN]
    return 0 if all(results) else 1


if __name__ == '__main__':
    sys.exit(main())
