# SPDX-License-Identifier: BSD-3-Clause
"""What lies between I/O threads and workers: the hop through a ring, waking up, what a hop costs
and when it pays, many workers, and what each policy makes of too many datagrams."""
import json
import os
import sys
import time

import captures
import machine
import micro
import pipeline_report
import session
import wires
from child import Child, Failure
from engine import Engine
from testpmd import Testpmd, has_huge_pages, memory_mib

# rounds, seconds of one measurement, seconds of one micro-benchmark
LENGTHS = {'quick': (1, 0.3, 0.02), 'default': (3, 0.5, 0.05), 'full': (7, 1.0, 0.2)}
READY_S = 30
SETTLE_S = 0.2
ADDRESS = '127.0.0.1:9000'
IDLES = ('busy', 'adaptive', 'block')
RATES = (1, 1000, 100000)
SLOW_S = 4       # of one measurement with a datagram a second
WORK = (0, 200, 1000, 5000)  # cycles a datagram
WIRES = ('sim', 'capture', 'virtio')
WORKERS = (1, 2, 4, 8, 16, 32, 64)
CAPTURE = 4096   # datagrams, and flows
SPARE = 20000    # buffers beside those that hold the capture
POLICIES = ('drop-newest', 'drop-oldest', 'block')
OVER_CYCLES = 200000  # a datagram, for a handler that is offered twice what it can do
OVER_RING = 256


class Rated(Engine):
    """An engine on any wire, with any number of workers, read while it runs."""

    def __init__(self, bench, wire, workers, handler, peers=64):
        words = [bench.program('wire/rate'), '-w', str(workers), '-H', handler,
                 '-c', bench.cores[0], '-c', bench.cores[1]]
        if wire == 'sim':
            words += ['-b', 'sim', '-o', f'peers={peers}', '9000']
        else:
            device = 'vhost-user:' + bench.socket
            if wire == 'capture':
                buffers = CAPTURE + SPARE
                words += ['-n', str(buffers), '-o', f'memory={memory_mib(buffers)}M']
                device = 'vdev:' + bench.capture()
            words += ['-d', device, '-a', captures.PREFIX, '-o', 'mac=' + captures.MAC.hex(':'),
                      '-o', 'hugepages=' + ('on' if bench.huge else 'off'), str(captures.PORT)]
        self.start(words, bench.folder)


class Bench:
    """What the tables need: programs, cores, a capture, how long."""

    def __init__(self, build, folder, rounds, seconds, micro_seconds):
        self.build = build
        self.folder = folder
        self.rounds = rounds
        self.seconds = seconds
        self.micro_seconds = micro_seconds
        self.tsc_hz = machine.tsc_hz()
        if not self.tsc_hz:
            raise Failure('this table counts cycles of the time stamp counter, of which the '
                          'kernel does not say the rate here')
        self.huge = has_huge_pages(512)
        self.cores = ('0', '1') if os.cpu_count() > 1 else ('0', '0')
        self.socket = os.path.join(folder, 'pair.sock')
        self.volley = session.volley(build)

    def program(self, name):
        return os.path.join(self.build, 'bench', name)

    def work(self, cycles, mute=False):
        return self.program('plugins/work.so') + f',cycles={cycles}' + (',mute' if mute else '')

    def capture(self):
        path = os.path.join(self.folder, 'flows.pcap')
        if not os.path.exists(path):
            captures.write(path, CAPTURE, CAPTURE, 0)
        return f'net_pcap0,rx_pcap={path},infinite_rx=1'

    def cycles(self, rate):
        return self.tsc_hz / rate


# --- a hop ----------------------------------------------------------------------------------------

def rings(bench, step):
    step('rings')
    return micro.measure(bench.build, max(3, 3 * bench.rounds), bench.micro_seconds)


# --- waking up ------------------------------------------------------------------------------------

def busy_ns(pid):
    """Time that a process's threads have run."""
    folder = f'/proc/{pid}/task'
    return sum(int(machine.file_text(f'{folder}/{task}/schedstat').split()[0])
               for task in os.listdir(folder))


def share_of_core(process, seconds):
    """How much of a core a process takes in that time."""
    before, start = busy_ns(process.pid), time.monotonic_ns()
    time.sleep(seconds)
    return (busy_ns(process.pid) - before) / (time.monotonic_ns() - start)


def paced_s(bench):
    """A second, or twice as long as a measurement; in a run that is cut short, less."""
    return max(min(1.0, 6 * bench.seconds), 2 * bench.seconds)


def pace(bench, server, rate, seconds):
    """What the client measures, and the server's share of its core meanwhile."""
    client = Child([bench.program('wire/pace'), '-c', bench.cores[1], '-r', str(rate),
                    '-t', str(seconds), ADDRESS], bench.folder, 'client')
    try:
        time.sleep(seconds / 8)
        core = share_of_core(server.process, seconds * 3 / 4)
        client.finish(seconds + READY_S)
    finally:
        client.stop()
    return {**json.loads(client.text('out')), 'core': core}


def serve(bench, words):
    server = Child([bench.volley, 'serve', '--json', '-l', ADDRESS, '--cores', bench.cores[0]] +
                   words, bench.folder, 'server')
    try:
        server.await_text('ready:', READY_S)
    except Failure:
        server.stop()
        raise
    return server


def wake(bench, backend, workers, idle):
    """Round trips and the server's share of its core, for each rate; and with nothing to do."""
    server = serve(bench, ['-b', backend, '-H', 'echo', '-w', str(workers), '--idle', idle])
    out = {}
    try:
        for rate in (0,) + RATES:
            seconds = SLOW_S if rate == 1 else paced_s(bench)
            time.sleep(SETTLE_S)
            out[rate] = pace(bench, server, rate, seconds) if rate else \
                {'core': share_of_core(server.process, seconds)}
    finally:
        server.stop()
    return out


def idles(bench, step):
    rows = []
    for backend, workers in (('socket', 0), ('uring', 0), ('socket', 1)):
        for idle in IDLES:
            step(f'waking: {backend}, {workers} workers, {idle}')
            row = {'backend': backend, 'workers': workers, 'idle': idle, 'rounds': []}
            rows.append(row)
            try:
                for _ in range(bench.rounds):
                    row['rounds'].append(wake(bench, backend, workers, idle))
            except Failure as failure:
                row['failure'] = str(failure)
    return rows


# --- the hop's price, and when it pays ------------------------------------------------------------

def flood(bench):
    client = Testpmd(bench.folder, 'client', f'net_virtio_user0,path={bench.socket},queues=1,'
                     'packed_vq=1,in_order=1,mrg_rxbuf=0,queue_size=1024', bench.cores[1],
                     arguments=['--eth-peer=0,' + captures.MAC.hex(':'),
                                f'--txpkts={captures.FRAME_BYTES}', '--txonly-multi-flow',
                                f'--tx-ip={captures.CLIENT},{captures.ADDRESS}',
                                f'--tx-udp={captures.PORT},{captures.PORT}'])
    client.forward('txonly')
    return client


def throughput(bench, wire, workers, cycles, peers=64):
    """Cycles of the time stamp counter between two datagrams that are done with."""
    server = Rated(bench, wire, workers, bench.work(cycles, wire == 'virtio'), peers)
    client = None
    try:
        if wire == 'virtio':
            client = flood(bench)
        time.sleep(SETTLE_S)
        rates = server.rates(bench.seconds)
    finally:
        if client:
            client.stop()
        server.stop()
        if os.path.exists(bench.socket):
            os.unlink(bench.socket)
    rate = rates['sent'] + rates['released']
    if not rate:
        raise Failure('nothing was handled')
    return bench.cycles(rate)


def works(bench, step):
    """Both ways in turn in each round."""
    rows = [{'wire': wire, 'cycles': cycles, 'completion': [], 'pipeline': []}
            for wire in WIRES for cycles in WORK]
    for _ in range(bench.rounds):
        for row in rows:
            step(f'work: {row["wire"]}, {row["cycles"]} cycles')
            try:
                for way, workers in (('completion', 0), ('pipeline', 1)):
                    row[way].append(throughput(bench, row['wire'], workers, row['cycles']))
            except Failure as failure:
                row['failure'] = str(failure)
    return rows


# --- many workers, many rings ---------------------------------------------------------------------

def workers(bench, step):
    rows = [{'workers': count, 'all': [], 'one': []} for count in WORKERS]
    for _ in range(bench.rounds):
        for row in rows:
            step(f'workers: {row["workers"]}')
            try:
                for way, peers in (('all', 1000), ('one', 1)):
                    row[way].append(throughput(bench, 'sim', row['workers'], 0, peers))
            except Failure as failure:
                row['failure'] = str(failure)
    return rows


# --- too many datagrams ---------------------------------------------------------------------------

def overload(bench, policy, ratio):
    rate = ratio * bench.tsc_hz / OVER_CYCLES
    server = serve(bench, ['-b', 'socket', '-w', '1', '--ring', str(OVER_RING),
                           '--overload', policy, '-H', bench.work(OVER_CYCLES)])
    try:
        result = pace(bench, server, round(rate), paced_s(bench))
    finally:
        server.stop()
    ledger = json.loads(server.text('out').strip().splitlines()[-1])
    if not ledger['balanced']:
        raise Failure('the ledger does not balance')
    result['dropped'] = ledger['dropped']
    return result


def overloads(bench, step):
    rows = []
    for ratio in (0.5, 2.0):
        for policy in POLICIES:
            step(f'overload: {policy}, {ratio} of what the handler can do')
            row = {'policy': policy, 'ratio': ratio, 'rounds': []}
            rows.append(row)
            try:
                for _ in range(bench.rounds):
                    row['rounds'].append(overload(bench, policy, ratio))
            except Failure as failure:
                row['failure'] = str(failure)
    return rows


# --- all of it ------------------------------------------------------------------------------------

TABLES = {'rings': (rings, 1), 'idle': (idles, 9), 'work': (works, len(WIRES) * len(WORK)),
          'workers': (workers, len(WORKERS)), 'overload': (overloads, 2 * len(POLICIES))}
EACH_ROUND = ('work', 'workers')


def read_arguments(words):
    parser = session.parser(' pipeline', __doc__, quick='three minutes',
                            full='half an hour', rounds='1, 3 or 7')
    parser.add_argument('--only', choices=TABLES, help='one of the tables')
    parser.add_argument('--seconds', type=session.seconds, metavar='S',
                        help='of one measurement, instead of 0.3, 0.5 or 1')
    return parser.parse_args(words)


def measure(arguments, folder):
    rounds, seconds, micro_seconds = LENGTHS[arguments.length]
    rounds, seconds = arguments.rounds or rounds, arguments.seconds or seconds
    build = os.path.abspath(arguments.build)
    try:
        bench = Bench(build, folder, rounds, seconds, micro_seconds)
    except Failure as failure:
        session.stop(str(failure))
    wires.Loopback(os.environ.get(session.PRIVATE)).open()
    chosen = [name for name in TABLES if arguments.only in (None, name)]
    progress = session.Progress(sum(TABLES[name][1] * (rounds if name in EACH_ROUND else 1)
                                    for name in chosen))
    result = {'schema': 1, 'machine': machine.fingerprint(bench.volley),
              'settings': {'rounds': rounds, 'seconds': seconds, 'cores': bench.cores,
                           'tsc_hz': bench.tsc_hz, 'over_cycles': OVER_CYCLES,
                           'over_ring': OVER_RING}}
    with session.Interruptible() as run:
        for name in chosen:
            result[name] = TABLES[name][0](bench, progress.step)
        run.done()
    progress.end()
    result['complete'] = run.complete
    return result


def main(words):
    arguments = read_arguments(words)
    return session.run(lambda folder, _: measure(arguments, folder), pipeline_report.lines,
                       os.path.join(arguments.folder, 'pipeline.json'))
