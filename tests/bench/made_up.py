# SPDX-License-Identifier: BSD-3-Clause
"""Reports as a run would write them, from a seed: nothing here was measured."""
import os
import random
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMPARE = os.path.join(ROOT, 'bench', 'compare')
sys.path.insert(0, COMPARE)

# pylint: disable=wrong-import-position
import hgrm  # noqa: E402
import paths  # noqa: E402
import rows as report_rows  # noqa: E402

P50_US = {'block': 50.0, 'preset': 20.0, 'busy': 6.0}
CAPACITY_S = {'plain': 3e5, 'socket': 2.9e5, 'uring': 2.8e5, 'dpdk': 2e7, 'testpmd': 2.1e7}
SIZES = (64, 512, 1472)
SHARES = (0.1, 0.5, 0.9)
MACHINE = {
    'time': '2026-01-02T03:04:05+00:00', 'cpu': 'Made-up <CPU> & Co', 'cores': 2, 'virtual': True,
    'hypervisor': 'KVM', 'governor': None, 'isolated': '', 'memory_mib': 4096, 'huge_pages': 0,
    'kernel': '6.1.0', 'system': 'Debian GNU/Linux 12 (bookworm)',
    'mitigations': ['spectre_v2: Retpolines'], 'load': 0.1, 'commit': '0123456789abcdef' * 2,
    'changed': False, 'volley': 'volley 0.1.0', 'dpdk': '22.11', 'liburing': '2.3',
    'compiler': 'cc 12'}


def samples(chance, median, count=3000):
    """Round trips with a long tail, in microseconds."""
    return [median * (0.9 + 0.2 * chance.random() + 0.02 * chance.paretovariate(1.1))
            for _ in range(count)]


def round_of(chance, median, rate, offered=None):
    values = sorted(samples(chance, median, 400))
    return {'p50_us': values[200], 'p90_us': values[360], 'p99_us': values[396],
            'p999_us': values[399], 'max_us': values[399], 'rate_s': rate, 'offered_s': offered,
            'loss': 0.0, 'sent': 400, 'lost': 0, 'cycles': None}


def capacity_of(rate, is_borne=False):
    """By a flood, of which on veth so much is lost that it was searched for."""
    if is_borne:
        return {'rate_s': rate, 'borne_s': rate, 'flood_s': 1.1 * rate, 'loss': 0.01}
    return {'rate_s': rate, 'flood_s': rate, 'loss': 0.0}


def measures_of(chance, path, rounds, slower):
    virtio = path.wire == 'virtio'
    median = slower * (0.5 if virtio else P50_US[path.idle]) * (0.9 + 0.2 * chance.random())

    def near(value):
        return value * (0.97 + 0.06 * chance.random())

    curve = hgrm.curve(hgrm.merged([[(value, 1) for value in sorted(samples(chance, median))]]))
    made = [report_rows.measure(
        report_rows.ROUND_TRIP, 64,
        [round_of(chance, near(median), near(0.9e6 / median)) for _ in range(rounds)],
        percentiles=curve)]
    made.append(report_rows.measure(report_rows.CAPACITY, 64, [
        capacity_of(near(9e6)) for _ in range(rounds)]))
    for size in SIZES:
        rate = CAPACITY_S[path.server] / slower * (1 - size / 4000)
        if path.wire == 'veth':
            rate = min(rate * 0.8, 2e5)
        made.append(report_rows.measure(report_rows.CAPACITY, size, [
            {**capacity_of(near(rate), is_borne=path.wire == 'veth'),
             'cycles': near(2.6e9 / rate), 'sent': 1000, 'lost': 0}
            for _ in range(rounds)], flows=report_rows.PEERS))
    for share in SHARES:
        rate = CAPACITY_S[path.server] / slower * share
        made.append(report_rows.measure(report_rows.LOAD, 64, [
            round_of(chance, near(median / (1.05 - share)), near(rate), rate)
            for _ in range(rounds)], share, report_rows.PEERS))
    return made


def report(seed=1, rounds=5, slower=None):
    """A whole report. `slower` says by how much a path is: {'veth uring block': 1.5}."""
    chance = random.Random(seed)
    slower = slower or {}
    rows = [report_rows.row(path, measures_of(chance, path, rounds, slower.get(path.name, 1.0)), [])
            for path in paths.PATHS]
    report_rows.add_ratios(rows, paths.PATHS)
    return {'schema': report_rows.SCHEMA, 'complete': True, 'command': 'scripts/bench --full',
            'machine': dict(MACHINE),
            'settings': {'rounds': rounds, 'seconds': 1.5, 'warmup': 200,
                         'cores': ['0', '1'], 'length': 'default'},
            'disturbances': [], 'rows': rows, 'ring': [], 'ratios': report_rows.ratios(rows)}
