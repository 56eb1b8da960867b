# SPDX-License-Identifier: BSD-3-Clause
"""The micro-benchmarks of the ring: ours beside those of others, as ratios."""
import json
import os
import re
import subprocess

OURS = 'vly'


def measure(build, rounds, seconds):
    """Medians over rounds that alternate: a list of {case, ours_ns, others: {name: {ns, ratio}}},
    or the reason why there is none."""
    program = os.path.join(build, 'bench/volley-microbench')
    if not os.path.exists(program):
        return f'{os.path.relpath(program)} is not built'
    try:
        done = subprocess.run(
            [program, '--benchmark_filter=^ring/', '--benchmark_format=json',
             f'--benchmark_min_time={seconds}', f'--benchmark_repetitions={rounds}',
             '--benchmark_enable_random_interleaving=true',
             '--benchmark_report_aggregates_only=true'],
            capture_output=True, text=True, check=False, timeout=600)
        results = json.loads(done.stdout)['benchmarks']
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        return f'the micro-benchmarks failed: {error}'
    return compare({one['run_name'].removesuffix('/real_time'): nanoseconds(one)
                    for one in results if one.get('aggregate_name') == 'median'})


def nanoseconds(result):
    """Per item where the benchmark counts items, else per iteration."""
    if result.get('items_per_second'):
        return 1e9 / result['items_per_second']
    return result['real_time'] * {'ns': 1, 'us': 1e3, 'ms': 1e6}[result['time_unit']]


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
