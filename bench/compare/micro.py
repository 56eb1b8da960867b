# SPDX-License-Identifier: BSD-3-Clause
"""The micro-benchmarks: one by its name, and those of the ring, ours beside others, as ratios."""
import json
import os
import re
import subprocess

from child import Failure

OURS = 'vly'
LIMIT_S = 600
UNITS = {'ns': 1, 'us': 1e3, 'ms': 1e6, 's': 1e9}


def run(build, words, before=()):
    """What the program tells of the benchmarks that the words choose. `before`: what starts it,
    such as taskset."""
    program = os.path.join(build, 'bench/volley-microbench')
    if not os.path.exists(program):
        raise Failure(f'{os.path.relpath(program)} is not built')
    try:
        done = subprocess.run([*before, program, '--benchmark_format=json', *words],
                              capture_output=True, text=True, check=False, timeout=LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f'the micro-benchmarks failed: {error}') from error
    try:
        return json.loads(done.stdout)['benchmarks']
    except (ValueError, KeyError) as error:
        said = (done.stderr.strip() or done.stdout.strip() or f'exit status {done.returncode}')
        raise Failure(f'the micro-benchmarks failed: {said.splitlines()[-1]}') from error


def run_one(build, name, seconds, before=()):
    """What it tells of the one benchmark of that name."""
    results = run(build, [f'--benchmark_filter=^{name}$',
                          f'--benchmark_min_time={seconds}'], before)
    if len(results) != 1:
        raise Failure(f'{len(results)} benchmarks are called {name}')
    if results[0].get('error_occurred'):
        raise Failure(f'{name}: {results[0]["error_message"]}')
    return results[0]


def measure(build, rounds, seconds):
    """Medians over rounds that alternate: a list of {case, ours_ns, others: {name: {ns, ratio}}},
    or the reason why there is none."""
    try:
        results = run(build, ['--benchmark_filter=^ring/', f'--benchmark_min_time={seconds}',
                              f'--benchmark_repetitions={rounds}',
                              '--benchmark_enable_random_interleaving=true',
                              '--benchmark_report_aggregates_only=true'])
    except Failure as failure:
        return str(failure)
    return compare({one['run_name'].removesuffix('/real_time'): nanoseconds(one)
                    for one in results if one.get('aggregate_name') == 'median'})


def nanoseconds(result):
    """Per item where the benchmark counts items, else per iteration."""
    if result.get('items_per_second'):
        return 1e9 / result['items_per_second']
    return result['real_time'] * UNITS[result['time_unit']]


def compare(by_name):
    """ring/vly/burst:8 is compared with ring/*/burst:8."""
    cases = []
    for name in sorted(by_name, key=natural):
        parts = name.split('/')
        if OURS not in parts:
            continue
        at = parts.index(OURS)
        others = {}
        for other in sorted(by_name):
            words = other.split('/')
            if words != parts and words[:at] + words[at + 1:] == parts[:at] + parts[at + 1:]:
                others[words[at]] = {'ns': by_name[other], 'ratio': by_name[other] / by_name[name]}
        cases.append({'case': '/'.join(parts[:at] + parts[at + 1:]), 'ours_ns': by_name[name],
                      'others': others})
    return cases


def natural(name):
    """A sort key by which burst:8 comes before burst:32."""
    return [int(word) if word.isdigit() else word for word in re.split(r'(\d+)', name)]


def lines(result):
    if isinstance(result, str):
        yield 'ring: -- ' + result
        return
    for case in result:
        others = ''.join(f', {other["ratio"]:.2f} times as fast as {who} ({other["ns"]:.2f})'
                         for who, other in case['others'].items())
        yield f'{case["case"]}: ours {case["ours_ns"]:.2f} ns{others}'
