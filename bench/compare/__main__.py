# SPDX-License-Identifier: BSD-3-Clause
"""Measures the same echo behind each server, on each wire, side by side: see scripts/bench."""
import os
import sys

import dpdk
import kernel
import machine
import micro
import paths
import pipeline
import report
import session
from child import Failure

# What the first word can be, and whose matrix it is; no such word: the paths of this file.
MATRICES = {'dpdk': dpdk.main, 'pipeline': pipeline.main, 'kernel': kernel.main}

# rounds, seconds of one measurement, seconds of one micro-benchmark
LENGTHS = {'quick': (3, 0.3, 0.02), 'default': (5, 1.5, 0.1), 'full': (9, 4.0, 0.3)}


def read_arguments():
    parser = session.parser('scripts/bench', __doc__, quick='a minute', full='ten minutes',
                            rounds='3, 5 or 9')
    parser.epilog = ('Other matrices, by the first word: ' +
                     ', '.join(f'scripts/bench {word}' for word in MATRICES) +
                     '; each has its own --help.')
    parser.add_argument('--only', metavar='TEXT', default='',
                        help='paths whose "wire server idle" has this text in it')
    parser.add_argument('--seconds', type=float, help='of one measurement, instead of 0.3, 1.5, 4')
    return parser.parse_args()


def run_rounds(runner, chosen, rounds, seconds, progress):
    """Each path's short run in turn, and again, so that a change of the machine's mood meets all
    paths alike. A path that fails in its first round is not tried again."""
    results = {path: [] for path in chosen}
    failures = {path: [] for path in chosen}
    for number in range(1, rounds + 1):
        for path in chosen:
            progress.step(f'round {number} of {rounds}: {path.name}')
            if failures[path] and not results[path]:
                continue
            try:
                results[path].append(runner.run(path, seconds))
            except Failure as failure:
                failures[path].append(str(failure))
    return [report.row_of(path, results[path], failures[path]) for path in chosen]


def show(result, lines):
    facts = result['machine']
    print(f'{facts["cpu"]}, {facts["cores"]} cores{", virtual" if facts["virtual"] else ""}; '
          f'Linux {facts["kernel"]}; {facts["volley"]}, DPDK {facts["dpdk"]}; '
          f'{facts["huge_pages"]} huge pages')
    settings = result['settings']
    print(f'64 bytes, one datagram in flight; server on core {settings["cores"][0]}, client on '
          f'core {settings["cores"][1]}; medians of {settings["rounds"]} rounds of '
          f'{settings["seconds"]} s, max of all\n')
    for line in report.table(result['rows']):
        print(line)
    print('\nvs plain: p50 of plain sockets that wait in the same way (on the same wire; virtio '
          'against\nloopback), divided by this p50; above 1 is faster.')
    for line in lines:
        print(line)
    print()
    for line in micro.lines(result['ring']):
        print(line)
    for row in result['rows']:
        if row['failures'] and row['rounds']:
            print(f'{row["wire"]} {row["server"]} {row["idle"]}: {len(row["failures"])} rounds '
                  f'failed: {row["failures"][0]}')
    if facts['load'] > 0.5:
        print(f'\nOther work was running here before (load {facts["load"]:.1f}): do not trust '
              'these figures.')


def measure(arguments, folder, is_private):
    rounds, seconds, micro_seconds = LENGTHS[arguments.length]
    rounds, seconds = arguments.rounds or rounds, arguments.seconds or seconds
    build = os.path.abspath(arguments.build)
    chosen = [path for path in paths.PATHS if arguments.only in path.name]
    if not chosen:
        sys.exit(f'bench: no path has "{arguments.only}" in its name')
    runner = paths.Runner(build, folder, is_private)
    result = {'schema': 1,
              'machine': machine.fingerprint(os.path.dirname(build), runner.volley),
              'settings': {'rounds': rounds, 'seconds': seconds, 'bytes': 64,
                           'warmup': paths.WARMUP, 'cores': runner.cores}}
    progress = session.Progress(rounds * len(chosen) + 1)
    try:
        result['rows'] = run_rounds(runner, chosen, rounds, seconds, progress)
        progress.step('ring')
        result['ring'] = micro.measure(build, rounds, micro_seconds)
    finally:
        progress.end()
    report.add_ratios(result['rows'], chosen)
    result['ratios'] = report.ratios(result['rows'])
    return result


def main():
    if len(sys.argv) > 1 and sys.argv[1] in MATRICES:
        sys.exit(MATRICES[sys.argv[1]](sys.argv[2:]))
    arguments = read_arguments()
    target = os.path.join(arguments.folder, 'report.json')
    result = session.run(lambda *place: measure(arguments, *place), target)
    show(result, report.headlines(result['rows'], result['ratios']))
    print(f'\n{target} has all of it')
    sys.exit(0 if any('p50_us' in row for row in result['rows']) else 1)


if __name__ == '__main__':
    main()
