# SPDX-License-Identifier: BSD-3-Clause
"""Two sides that are compared, row by row: in turns, so that both meet the same machine, each with
a limit for the ratio."""
import dataclasses
import os
import typing

import captures
import machine
import pairs_report
import session
from child import Failure


@dataclasses.dataclass(frozen=True)
class Row:
    """Two sides that are compared. A side is called with the bench and returns one sample."""
    name: str
    ours: typing.Callable
    theirs: typing.Optional[typing.Callable]  # None: the limit is of ours itself
    beside: str           # what theirs is
    limit: typing.Optional[float]  # of the ratio ours to theirs; None: it is for information
    at_most: bool = False # else at least
    unit: str = 'Mpps'


def plain(value):
    """A sample of which no cycles are told."""
    return {'value': value, 'cycles': None}


def read_arguments(words, matrix, description, quick, full, lengths):
    """`lengths`: rounds and seconds of a measurement, for quick, default and full."""
    rounds, seconds = zip(*lengths.values())
    parser = session.parser(' ' + matrix, description, quick=quick, full=full,
                            rounds='{}, {} or {}'.format(*rounds))
    parser.add_argument('--only', metavar='TEXT', default='',
                        help='rows that have this text in their name')
    parser.add_argument('--seconds', type=session.seconds, metavar='S',
                        help='of one measurement, instead of {:g}, {:g}, {:g}'.format(*seconds))
    return parser.parse_args(words)


def length_of(arguments, lengths):
    """Rounds, and seconds of one measurement."""
    rounds, seconds = lengths[arguments.length]
    return arguments.rounds or rounds, arguments.seconds or seconds


def choose(rows, text):
    chosen = [row for row in rows if text in row.name]
    if not chosen:
        session.stop(f'no row has "{text}" in its name')
    return chosen


def run_round(bench, row, number, result):
    """Both sides once, the one and then the other first. Both, or neither, are taken in."""
    sides = {'ours': row.ours, 'theirs': row.theirs}
    order = ['ours', 'theirs'] if number % 2 else ['theirs', 'ours']
    try:
        samples = {side: sides[side](bench) for side in order if sides[side]}
    except Failure as failure:
        result['failures'].append(str(failure))
        return
    for side, sample in samples.items():
        result[side].append(sample)


def run_rounds(bench, rows, results, rounds, progress):
    """All rows in turn, so many times. A row that has never worked is not tried again."""
    for number in range(1, rounds + 1):
        for row, result in zip(rows, results):
            progress.step(f'round {number} of {rounds}: {row.name}')
            if not result['failures'] or result['ours']:
                run_round(bench, row, number, result)
        yield number


def nothing_yet(rows):
    return [{'ours': [], 'theirs': [], 'failures': []} for _ in rows]


def measure(bench, rows, rounds):
    results = nothing_yet(rows)
    progress = session.Progress(rounds * len(rows))
    with session.Interruptible() as run:
        for _ in run_rounds(bench, rows, results, rounds, progress):
            pass
        run.done()
    progress.end()
    return {'schema': 1, 'complete': run.complete,
            'machine': machine.fingerprint(bench.runner.volley),
            'settings': {'rounds': rounds, 'seconds': bench.seconds,
                         'bytes': captures.PAYLOAD_BYTES, 'cores': bench.cores,
                         'huge_pages': bench.huge, 'tsc_hz': bench.tsc_hz},
            'rows': [pairs_report.row_of(row, result) for row, result in zip(rows, results)]}


def run(bench, rows, arguments, lengths, matrix):
    """A matrix of rows and nothing else; `bench`: dpdk.Bench, or what is made as it is. Returns the
    exit status."""
    rounds, seconds = length_of(arguments, lengths)
    chosen = choose(rows, arguments.only)
    build = os.path.abspath(arguments.build)
    return session.run(lambda *place: measure(bench(build, *place, seconds), chosen, rounds),
                       pairs_report.lines, os.path.join(arguments.folder, matrix + '.json'),
                       pairs_report.is_whole)
