#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""fernet beside Python's cryptography, on one core, in turn: medians, spread, ratios, targets.

    bench/micro/fernet_python.py [BUILD [ROUNDS]]

`round` is what a datagram costs that is answered: its token decrypted, and its text encrypted. Ours
is measured as a busy server does it, in bursts of 32 (`burst`: with libipsec-mb, where it is;
`burst-evp`: without), and one at a time (`vly`). Python's package has no bursts.
"""
import json
import os
import statistics
import subprocess
import sys
import time

from cryptography.fernet import Fernet

SIZES = (64, 1024)
CASES = {'decrypt': 'fernet-decrypt', 'encrypt': 'fernet-encrypt', 'round': 'fernet'}
OURS = ('burst', 'burst-evp', 'vly')
OTHERS = ('evp', 'evp-bytes')
PYTHON_TARGET, EVP_TARGET = 20, 0.8


def python_ns(case, size, count=3000):
    fernet = Fernet(Fernet.generate_key())
    text = b'x' * size
    token = fernet.encrypt(text)
    work = {'decrypt': lambda: fernet.decrypt(token, ttl=60),
            'encrypt': lambda: fernet.encrypt(text),
            'round': lambda: fernet.encrypt(fernet.decrypt(token, ttl=60))}[case]
    start = time.perf_counter_ns()
    for _ in range(count):
        work()
    return (time.perf_counter_ns() - start) / count


def engine_ns(program):
    """Nanoseconds by the benchmark's name."""
    done = subprocess.run([program, '--benchmark_filter=^fernet', '--benchmark_format=json',
                           '--benchmark_min_time=0.05'],
                          capture_output=True, text=True, check=True)
    return {one['name']: one['cpu_time'] for one in json.loads(done.stdout)['benchmarks']}


def measure(program, rounds):
    times = {}
    for _ in range(rounds):
        for name, ns in engine_ns(program).items():
            times.setdefault(name, []).append(ns)
        for case, name in CASES.items():
            for size in SIZES:
                times.setdefault(f'{name}/python/bytes:{size}', []).append(python_ns(case, size))
    return times


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else 'build'
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    times = measure(os.path.join(build, 'bench/volley-microbench'), rounds)
    print('| case | bytes | ours | ns (least-most) | Python | times as fast (target 20) |'
          ' EVP loop = 1 (0.8) | EVP without base64 |')
    print('| --- | --- | --- | --- | --- | --- | --- | --- |')
    missed = sum([print_row(times, case, size, way) for case in CASES for size in SIZES
                  for way in OURS])
    print(f'{missed} of {len(CASES) * len(SIZES)} in bursts below a target')


def print_row(times, case, size, way):
    """Whether it is a burst's and below a target."""
    name = CASES[case]
    ours = times[f'{name}/{way}/bytes:{size}']

    def ratios(other):
        """Of each round its own, in the middle, and the least and the most."""
        found = sorted(theirs / own for theirs, own in
                       zip(times[f'{name}/{other}/bytes:{size}'], ours))
        return statistics.median(found), found[0], found[-1]

    python, evp, bare = ratios('python'), ratios('evp'), ratios('evp-bytes')
    theirs = statistics.median(times[f'{name}/python/bytes:{size}'])
    print(f'| {case} | {size} | {way} | {statistics.median(ours):.0f} ({min(ours):.0f}-'
          f'{max(ours):.0f}) | {theirs:.0f} | {python[0]:.1f} ({python[1]:.1f}-{python[2]:.1f}) | '
          f'{evp[0]:.2f} ({evp[1]:.2f}-{evp[2]:.2f}) | {bare[0]:.2f} |')
    return way == 'burst' and (python[0] < PYTHON_TARGET or evp[0] < EVP_TARGET)


if __name__ == '__main__':
    main()
