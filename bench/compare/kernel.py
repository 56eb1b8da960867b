# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's UDP: Volley's socket and uring backends beside the barest loops that use the same
calls, in turns. Server and client have a core each."""
import dataclasses
import os

import kernel_report
import kernel_servers
import machine
import pairs
import session
from child import Failure

# rounds, seconds of one measurement, sizes of the datagrams
LENGTHS = {'quick': (3, 0.15, (64, 1400)), 'default': (5, 0.4, (64, 512, 1400)),
           'full': (9, 1.0, (64, 512, 1400))}
# Of a run in which system calls are counted; longer where they have a limit, which what is set up
# once for each peer shall not touch.
COUNT_S, COUNT_LIMITED_S = 0.1, 0.4
SERVERS = {
    'trains': ('plain', 'uring-manual', 'train', 'socket', 'uring', 'uring-zerocopy'),
    'peers': ('plain', 'uring-manual', 'mmsg', 'socket', 'uring'),
    'frames': ('plain', 'mmsg', 'socket', 'uring'),
    'apart': ('plain', 'mmsg', 'socket', 'uring'),
    'flood': ('sink', 'socket', 'uring'),
    'ping': ('plain', 'socket', 'uring'),
    'spin': ('plain', 'socket', 'uring'),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One server under one load."""
    wire: str    # loopback, veth
    load: str    # a mode of udp_load
    size: int    # bytes of payload
    server: str

    @property
    def name(self):
        return f'{self.wire} {self.load} {self.size} {self.server}'


def rows_of(sizes):
    rows = []
    for wire in 'loopback', 'veth':
        for load, servers in SERVERS.items():
            for size in sizes[:1] if load in ('ping', 'spin') else sizes:
                rows += [Row(wire, load, size, server) for server in servers]
    return rows


def read_arguments(words):
    parser = session.parser(' kernel', __doc__, quick='two minutes',
                            full='twenty minutes', rounds='3, 5 or 9')
    parser.add_argument('--only', metavar='TEXT', default='',
                        help='rows whose "wire load size server" has this text in it; ratios '
                             'need the row they refer to')
    parser.add_argument('--seconds', type=session.seconds, metavar='S',
                        help='of one measurement, instead of 0.15, 0.4, 1')
    return parser.parse_args(words)


def attempt(action, failures):
    try:
        return action()
    except Failure as failure:
        failures.append(str(failure))
        return None


def measure(arguments, chosen, folder, is_private):
    rounds, seconds, _ = LENGTHS[arguments.length]
    rounds, seconds = arguments.rounds or rounds, arguments.seconds or seconds
    build = os.path.abspath(arguments.build)
    results = [{'samples': [], 'calls': None, 'failures': []} for _ in chosen]
    progress = session.Progress((rounds + 1) * len(chosen))
    with kernel_servers.Bench(build, folder, is_private) as bench:
        with session.Interruptible() as run:
            for number in range(1, rounds + 1):
                for row, result in zip(chosen, results):
                    progress.step(f'round {number} of {rounds}: {row.name}')
                    if result['failures'] and not result['samples']:
                        continue
                    result['samples'].append(attempt(lambda r=row: bench.run(r, seconds),
                                                     result['failures']))
            for row, result in zip(chosen, results):
                progress.step(f'system calls: {row.name}')
                if not result['failures']:
                    count_s = COUNT_LIMITED_S if row.load in ('frames', 'apart') else COUNT_S
                    result['calls'] = attempt(lambda r=row, s=min(count_s, 5 * seconds):
                                              bench.count_calls(r, s), [])
            run.done()
        progress.end()
        facts = machine.fingerprint(bench.volley)
    return {'schema': 1, 'complete': run.complete, 'machine': facts,
            'settings': {'rounds': rounds, 'seconds': seconds, 'cores': bench.cores},
            'rows': kernel_report.rows_of(chosen, results)}


def main(words):
    arguments = read_arguments(words)
    chosen = pairs.choose(rows_of(LENGTHS[arguments.length][2]), arguments.only)
    return session.run(lambda *place: measure(arguments, chosen, *place), kernel_report.lines,
                       os.path.join(arguments.folder, 'kernel.json'),
                       lambda result: any('rate' in row for row in result['rows']))
