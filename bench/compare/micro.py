# SPDX-License-Identifier: BSD-3-Clause
"""The micro-benchmarks of the ring: ours beside those of others, as ratios."""
import json
import os
import subprocess

OURS = 'vly'


def measure(build, seconds):
    """Returns a list of {case, ours_ns, others: {name: {ns, ratio}}}, or the reason why not."""
    program = os.path.join(build, 'bench/volley-microbench')
    if not os.path.exists(program):
        return f'{os.path.relpath(program)} is not built'
    try:
        done = subprocess.run([program, '--benchmark_filter=^ring/', '--benchmark_format=json',
                               f'--benchmark_min_time={seconds}'], capture_output=True,
                              text=True, check=False, timeout=300)
        results = json.loads(done.stdout)['benchmarks']
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        return f'the micro-benchmarks failed: {error}'
    return compare({one['name']: nanoseconds(one) for one in results
                    if one.get('run_type', 'iteration') == 'iteration'
                    and not one.get('error_occurred')})


def nanoseconds(result):
    """Per item where the benchmark counts items, else per iteration."""
    if result.get('items_per_second'):
        return 1e9 / result['items_per_second']
    return result['real_time'] * {'ns': 1, 'us': 1e3, 'ms': 1e6}[result['time_unit']]


def compare(by_name):
    """ring/vly/burst:8 is compared with ring/*/burst:8."""
    cases = []
    for name, ours in by_name.items():
        group, who, *rest = name.split('/')
        if who != OURS:
            continue
        others = {}
        for other_name, other in by_name.items():
            other_group, other_who, *other_rest = other_name.split('/')
            if (other_group, other_rest) == (group, rest) and other_who != OURS:
                others[other_who] = {'ns': other, 'ratio': other / ours}
        cases.append({'case': '/'.join([group] + rest), 'ours_ns': ours, 'others': others})
    return cases


def lines(result):
    if isinstance(result, str):
        yield 'ring: -- ' + result
        return
    for case in result:
        others = ', '.join(f'{who} {other["ns"]:.2f} ns: ours is {other["ratio"]:.2f} as fast'
                           for who, other in case['others'].items())
        yield f'{case["case"]:24} ours {case["ours_ns"]:6.2f} ns{"; " if others else ""}{others}'
