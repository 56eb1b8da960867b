# SPDX-License-Identifier: BSD-3-Clause
"""The default matrix: every path, and on each of them a round trip, its capacity, and the latency
below that, all paths in turn and then again, so that a change of the machine's mood meets all of
them alike."""
import dataclasses
import sys

import clients
import disturbance
import hgrm
import machine
import micro
import report
import rows
import session
from child import Failure
from paths import PATHS, PEERS
from runner import Runner


SIZE = 64          # of all that is measured at one size
CURVE_POINTS = 90  # of a distribution, in the JSON report
# What is expected beside the seconds of the measurements, as it was here; only for the time that is
# left, and for a test that no length outgrows what is said of it.
SERVER_S = 0.2     # of a path: to make its wire, start its server, and end both
CLIENT_S = 0.17    # of a measurement: to start and end its client
SEARCH_SHARE = 0.1  # of the capacities are searched for,
SEARCH_TRIALS = 10  # in so many trials
MICRO_CASES = 20    # of the ring
MICRO_FACTOR = 2.2  # by which one takes longer than it counts


@dataclasses.dataclass(frozen=True)
class Step:
    """One measurement on a path."""
    kind: str
    size: int
    share: float = None  # of the path's own capacity
    flows: int = 1

    def expected_s(self, seconds):
        """How long it takes, about."""
        if self.kind == rows.ROUND_TRIP:
            return CLIENT_S + seconds
        if self.kind == rows.CAPACITY:
            trial_s = clients.trial_s(seconds / 2) + float(clients.SEARCH_TIMEOUT_S)
            return CLIENT_S + seconds / 2 + SEARCH_SHARE * SEARCH_TRIALS * trial_s
        return CLIENT_S + seconds / 2 + float(clients.WARMUP_S)

    def take(self, runner, served, seconds, capacity_s):
        """The figures of a round, and their distribution; raises Failure. `capacity_s` is what was
        measured just before, None if it was not."""
        if self.kind == rows.ROUND_TRIP:
            return clients.round_trip(runner, served, seconds, self.size)
        if self.kind == rows.CAPACITY:
            return clients.capacity(runner, served, seconds / 2, self.size, self.flows)
        if not capacity_s:
            raise Failure('without a capacity there is no part of it')
        return clients.share(runner, served, seconds / 2, self.size, self.flows, self.share,
                             capacity_s)


CAPACITY = Step(rows.CAPACITY, SIZE, flows=rows.PEERS)  # of which the loads are parts


@dataclasses.dataclass(frozen=True)
class Length:
    """Of a run: how often, how long, and what."""
    rounds: int
    seconds: float        # of a round trip measurement; half of it of all others
    micro_seconds: float  # of one micro-benchmark
    sizes: tuple          # of which the capacity is measured
    shares: tuple         # of the capacity, under which the latency is measured
    trains: bool = True   # whether also the capacity for one peer

    def steps(self):
        """What is measured on each path, in this order."""
        yield Step(rows.ROUND_TRIP, SIZE)
        yield CAPACITY
        yield from (Step(rows.LOAD, SIZE, share, rows.PEERS) for share in self.shares)
        yield from (Step(rows.CAPACITY, size, flows=rows.PEERS) for size in self.sizes[1:])
        yield from [Step(rows.CAPACITY, SIZE)] if self.trains else ()

    def path_s(self):
        """How long a path takes in a round, about."""
        return SERVER_S + sum(step.expected_s(self.seconds) for step in self.steps())

    def micro_s(self):
        return MICRO_CASES * MICRO_FACTOR * self.micro_seconds * self.rounds


PEER_LENGTHS = {
    'quick': Length(3, 0.2, 0.02, (SIZE,), ()),
    'default': Length(5, 0.8, 0.1, (SIZE,), (0.1, 0.5)),
    'full': Length(9, 1.4, 0.2, (SIZE,), (0.1, 0.5, 0.9)),
}
LENGTHS = {
    'quick': Length(3, 0.2, 0.02, (SIZE,), (), False),
    'default': Length(5, 0.8, 0.1, (SIZE, 512, 1472), (0.1, 0.5, 0.9)),
    'full': Length(9, 1.4, 0.2, (SIZE, 256, 512, 1024, 1472), (0.1, 0.5, 0.9)),
}


class Results:
    """What has been measured so far; a report can be made of it at any time."""

    def __init__(self, chosen, steps):
        self.rounds = {path: {step: [] for step in steps} for path in chosen}
        self.latencies = {path: {step: [] for step in steps} for path in chosen}
        self.failures = {path: [] for path in chosen}

    def add(self, path, step, figures, distribution):
        self.rounds[path][step].append(figures)
        if step.kind != rows.CAPACITY:  # a flood's latency is that of its queues
            self.latencies[path][step] = hgrm.merged([self.latencies[path][step], distribution])

    def is_hopeless(self, path):
        """It failed, and has never worked: not tried again."""
        return self.failures[path] and not any(self.rounds[path].values())

    def rows(self):
        made = [rows.row(path, [self.measure(path, step) for step, taken in steps.items() if taken],
                         self.failures[path]) for path, steps in self.rounds.items()]
        rows.add_ratios(made, list(self.rounds))
        return made

    def measure(self, path, step):
        latencies = self.latencies[path][step]
        return rows.measure(step.kind, step.size, self.rounds[path][step], step.share, step.flows,
                            hgrm.curve(latencies, CURVE_POINTS))

    def distributions(self):
        """{name of a file: distribution}, a file a path and load."""
        return {name_of_file(path, step): latencies
                for path, steps in self.latencies.items()
                for step, latencies in steps.items() if latencies}


def name_of_file(path, step):
    load = f'-load{100 * step.share:.0f}' if step.kind == rows.LOAD else ''
    return path.name.replace(' ', '-') + load + '.hgrm'


def run_path(runner, results, path, length):
    """Each step once. One that fails leaves the others be."""
    try:
        with runner.serving(path) as served:
            capacity_s = None
            for step in results.rounds[path]:
                try:
                    taken = step.take(runner, served, length.seconds, capacity_s)
                except Failure as failure:
                    results.failures[path].append(f'{step.kind}: {failure}')
                    continue
                results.add(path, step, *taken)
                if step == CAPACITY:
                    capacity_s = taken[0]['rate_s']
    except Failure as failure:
        results.failures[path].append(str(failure))


def run_rounds(runner, results, length, progress):
    paths = list(results.rounds)
    for number in range(1, length.rounds + 1):
        # Forth and back: who comes after whom must not matter.
        for path in paths if number % 2 else reversed(paths):
            progress.step(f'round {number} of {length.rounds}: {path.name}', length.path_s())
            if not results.is_hopeless(path):
                run_path(runner, results, path, length)


def length_of(arguments):
    length = (PEER_LENGTHS if arguments.peers else LENGTHS)[arguments.length]
    return dataclasses.replace(length, rounds=arguments.rounds or length.rounds,
                               seconds=arguments.seconds or length.seconds)


def chosen_of(arguments):
    known = PEERS if arguments.peers else PATHS
    chosen = [path for path in known if arguments.only in path.name]
    if not chosen:
        session.stop(f'--only: no path has "{arguments.only}" in its name; they are: ' +
                     ', '.join(path.name for path in known))
    return chosen


def expected_s(length, paths, is_peers):
    """Of a whole run, about."""
    return length.rounds * paths * length.path_s() + (0 if is_peers else length.micro_s())


def measure(arguments, chosen, folder, is_private):
    """Returns the report, also of a run that is interrupted, and its distributions."""
    length = length_of(arguments)
    runner = Runner(arguments.build, folder, is_private)
    results = Results(chosen, list(length.steps()))
    facts = machine.fingerprint(runner.volley)
    watch = disturbance.Watch(runner.cores)
    for sentence in watch.sentences(facts):
        session.say([f'volley bench: {sentence}'], sys.stderr)
    progress = session.Progress(expected_s(length, len(results.rounds), arguments.peers), True)
    ring = [] if arguments.peers else 'not measured'
    with session.Interruptible() as run:
        run_rounds(runner, results, length, progress)
        if not arguments.peers:
            progress.step('ring', length.micro_s())
            ring = micro.measure(arguments.build, length.rounds, length.micro_seconds)
        run.done()
    progress.end()
    made = results.rows()
    return {'schema': rows.SCHEMA, 'complete': run.complete, 'command': session.command(),
            'machine': facts, 'disturbances': watch.sentences(facts),
            'settings': {'length': arguments.length, 'rounds': length.rounds,
                         'seconds': length.seconds, 'warmup': clients.WARMUP,
                         'cores': list(runner.cores)},
            'rows': made, 'ring': ring, 'ratios': rows.ratios(made)}, results.distributions()


# --- what is shown of it --------------------------------------------------------------------------

def rounds_of(result):
    """An interrupted run has fewer of some paths than it was to have."""
    return f'{"" if result["complete"] else "at most "}{result["settings"]["rounds"]} rounds'


def machine_lines(result):
    facts, settings = result['machine'], result['settings']
    yield (f'{facts["cpu"]}, {facts["cores"]} cores{", virtual" if facts["virtual"] else ""}; '
           f'Linux {facts["kernel"]}; {facts["volley"]}, DPDK {facts["dpdk"]}; '
           f'{facts["huge_pages"]} huge pages')
    yield (f'64 bytes, one datagram in flight; server on core {settings["cores"][0]}, client on '
           f'core {settings["cores"][1]}; medians of {rounds_of(result)} of '
           f'{settings["seconds"]} s, max of all')


def lines(result):
    yield from machine_lines(result)
    yield ''
    yield from report.round_trips(result['rows'])
    yield ''
    yield ('vs plain: p50 of plain sockets that wait in the same way (on the same wire; virtio '
           'against\nloopback), divided by this p50; above 1 is faster.')
    yield from report.headlines(result['rows'], result['ratios'])
    yield ''
    loads = list(report.loads(result['rows']))
    yield from loads + [''] if loads else ()
    yield from micro.lines(result['ring']) if result['ring'] else ()
    yield from report.failures(result['rows'])
    yield from (f'Disturbed: {sentence}' for sentence in result['disturbances'])
