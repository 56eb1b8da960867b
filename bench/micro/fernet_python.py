#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""fernet beside Python's cryptography, on one core, in turn: medians, spread, ratios, targets.

    bench/micro/fernet_python.py [BUILD [ROUNDS]]

`round` is what a datagram costs that is answered: its token decrypted, and its text encrypted.
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
    middle = {name: statistics.median(values) for name, values in times.items()}
    print('| case | bytes | ours, ns (least-most) | Python | times as fast (target 20) |'
          ' EVP loop (0.8) | EVP without base64 |')
    print('| --- | --- | --- | --- | --- | --- | --- |')
    missed = 0
    for case, name in CASES.items():
        for size in SIZES:
            ours = middle[f'{name}/vly/bytes:{size}']
            spread = times[f'{name}/vly/bytes:{size}']
            python = middle[f'{name}/python/bytes:{size}']
            evp, bare = (middle[f'{name}/{other}/bytes:{size}'] for other in OTHERS)
            missed += python / ours < PYTHON_TARGET or evp / ours < EVP_TARGET
            print(f'| {case} | {size} | {ours:.0f} ({min(spread):.0f}-{max(spread):.0f}) | '
                  f'{python:.0f} | {python / ours:.1f} | {evp / ours:.2f} | {bare / ours:.2f} |')
    print(f'{missed} of {len(CASES) * len(SIZES)} below a target')


if __name__ == '__main__':
    main()
