# SPDX-License-Identifier: BSD-3-Clause
"""The dpdk path beside dpdk-testpmd, on the same device, with the same burst, in turns."""
import ipaddress
import os
import time

import captures
import clients
import dpdk_report
import machine
import pairs
import pairs_report
import paths
import runner
import session
from child import Child, Failure
from engine import Engine
from pairs import Row
from testpmd import BURST, BUFFERS, Testpmd, has_huge_pages

# rounds, seconds of one measurement
LENGTHS = {'quick': (3, 0.3), 'default': (7, 0.5), 'full': (15, 1.0)}
SETTLE_S = 0.2  # from the start of a flood to what counts
SPARE = 20000   # buffers beside those that hold the capture
MANY = 1000000  # flows; and the length of every capture that is compared with that one
HUGE_MIB = 512  # free huge pages from which on both sides use them
# Bursts of 32 datagrams that go round between server and client: fewer than a ring holds.
ROUND = ('5tswap', 'tx_first 24')
PEERS_LENGTH = 20000  # so that what makes 64 neighbours known is little of it
FORWARD_LENGTH, FORWARD_FLOWS, FORWARD_PEERS = 20000, 512, 16
FORWARD_PORTS = '20000-20999'
PAIR = 'packed_vq=1,in_order=1,mrg_rxbuf=0,queue_size=1024'


class Bench:
    """What the sides need: programs, cores, captures, memory of one kind for both."""

    def __init__(self, build, folder, is_private, seconds):
        self.build = build
        self.folder = folder
        self.seconds = seconds
        self.tsc_hz = machine.tsc_hz()
        self.huge = has_huge_pages(HUGE_MIB)
        self.runner = runner.Runner(build, folder, is_private)
        self.cores = self.runner.cores
        self.socket = os.path.join(folder, 'pair.sock')
        self.known = {}

    def capture(self, length, flows=None, peers=0):
        """A capture of so many datagrams, of as many flows or fewer; made once."""
        flows = flows or length
        path = os.path.join(self.folder, f'{length}-{flows}-{peers}.pcap')
        if path not in self.known:
            captures.write(path, length, flows, peers)
            self.known[path] = True
        return f'net_pcap0,rx_pcap={path},infinite_rx=1'

    def engine(self, device, handler, buffers=0, more=()):
        program = os.path.join(self.build, 'bench/wire/rate')
        if handler == 'send':
            handler = os.path.join(self.build, 'bench/wire/send.so')
        return Engine(program, self.folder, device, handler, self.cores[0], self.huge, buffers,
                      more)

    def testpmd(self, name, vdev, core, buffers=BUFFERS, arguments=()):
        return Testpmd(self.folder, name, vdev, core, buffers, arguments, self.huge)

    def settled(self, server):
        """What it does a second, when a flood has gone on for a moment."""
        time.sleep(SETTLE_S)
        return server.rates(self.seconds)

    def sample(self, server, key, must_send=False):
        """Datagrams a second that the server has received or sent, and its cycles for each."""
        rates = self.settled(server)
        if must_send and rates['sent'] < 0.99 * rates['received']:
            raise Failure(f'answered only {rates["sent"]:.3g} of {rates["received"]:.3g} a second')
        if rates[key] == 0:
            raise Failure('nothing was received')
        return {'value': rates[key] / 1e6,
                'cycles': self.tsc_hz / rates[key] if self.tsc_hz else None}


# --- the synthetic wire: a capture replayed for ever from memory, what is sent is dropped ---------

def wire_echo(bench, length, flows=None, handler='echo', peers=0):
    server = bench.engine('vdev:' + bench.capture(length, flows, peers), handler,
                          length + SPARE)
    try:
        return bench.sample(server, 'sent', True)
    finally:
        server.stop()


def wire_swap(bench, length):
    server = bench.testpmd('server', bench.capture(length), bench.cores[0],
                           length + SPARE)
    try:
        server.forward('5tswap')
        return bench.sample(server, 'sent', True)
    finally:
        server.stop()


def wire_row(length):
    return Row(f'wire, {length:,} flows: echo', lambda bench: wire_echo(bench, length),
               lambda bench: wire_swap(bench, length), 'testpmd 5tswap', 0.85)


def wire_forward(bench):
    """On to two servers among the hosts of the same capture, each client over a port of its own."""
    path = os.path.join(bench.folder, 'servers')
    with open(path, 'w', encoding='utf-8') as file:
        for number in range(2):
            file.write(f'{ipaddress.ip_address(captures.host(number))}:7000\n')
    via = f'{captures.ADDRESS}:{FORWARD_PORTS}'
    server = bench.engine('vdev:' + bench.capture(FORWARD_LENGTH, FORWARD_FLOWS, FORWARD_PEERS),
                          f'forward,servers={path},via={via},check=0s',
                          FORWARD_LENGTH + SPARE, [via])
    try:
        return bench.sample(server, 'sent', True)
    finally:
        server.stop()


# --- the virtio pair: a flood from testpmd on the other core --------------------------------------

def pair(bench, server, key, flood, source=captures.CLIENT):
    """`flood` are the words with which the client starts; the server is taken down as well."""
    client = None
    try:
        client = bench.testpmd(
            'client', f'net_virtio_user0,path={bench.socket},queues=1,{PAIR}', bench.cores[1],
            arguments=['--eth-peer=0,' + captures.MAC.hex(':'), f'--txpkts={captures.FRAME_BYTES}',
                       f'--tx-ip={source},{captures.ADDRESS}', '--txonly-multi-flow',
                       f'--tx-udp={captures.PORT},{captures.PORT}'])
        client.forward(*flood)
        return bench.sample(server, key, key == 'sent')
    finally:
        if client:
            client.stop()
        server.stop()
        if os.path.exists(bench.socket):
            os.unlink(bench.socket)


def pair_engine(bench, handler, key, flood):
    return pair(bench, bench.engine('vhost-user:' + bench.socket, handler), key, flood)


def pair_testpmd(bench, mode, key, flood):
    server = bench.testpmd('server', f'net_vhost0,iface={bench.socket},queues=1', bench.cores[0])
    server.forward(mode)
    return pair(bench, server, key, flood)


def pair_row(what, handler, mode, key, flood):
    return Row(f'virtio: {what}', lambda bench: pair_engine(bench, handler, key, flood),
               lambda bench: pair_testpmd(bench, mode, key, flood), f'testpmd {mode}', 0.95)


def round_trip(bench, server):
    with bench.runner.serving(paths.Path('virtio', server, 'busy')) as served:
        result, _ = clients.round_trip(bench.runner, served, bench.seconds)
    if 'p50_us' not in result:
        raise Failure('no answer')
    return {'value': result['p50_us'], 'cycles': None}


# --- flat: the same work for one and for many -----------------------------------------------------

def cost(sample):
    """From datagrams a second to nanoseconds for each."""
    return {'value': 1e3 / sample['value'], 'cycles': sample['cycles']}


def many_flows(bench, flows):
    return cost(wire_echo(bench, MANY, flows))


def many_peers(bench, peers):
    return cost(wire_echo(bench, PEERS_LENGTH, handler='send', peers=peers))


FORWARD = Row(
    f'wire, {FORWARD_FLOWS} clients: forward to 2 servers', wire_forward,
    lambda bench: wire_echo(bench, FORWARD_LENGTH, FORWARD_FLOWS, peers=FORWARD_PEERS), 'our echo',
    0.7)
ROWS = [
    wire_row(512),
    wire_row(100000),
    pair_row('receive', 'sink', 'rxonly', 'received', ('txonly',)),
    pair_row('echo', 'echo', '5tswap', 'sent', ROUND),
    Row('virtio: round trip p50', lambda bench: round_trip(bench, 'dpdk'),
        lambda bench: round_trip(bench, 'testpmd'), 'testpmd 5tswap', 1.10, True, 'us'),
    FORWARD,
    Row('wire: 1,000,000 flows', lambda bench: many_flows(bench, MANY),
        lambda bench: many_flows(bench, 1), 'one flow', 1.15, True, 'ns'),
    Row('wire: 64 neighbours, routed', lambda bench: many_peers(bench, 64),
        lambda bench: many_peers(bench, 1), 'one neighbour', 1.15, True, 'ns'),
]


# --- what a server takes before it does anything --------------------------------------------------

def idle_engine(bench):
    start = time.monotonic()
    child = Child([bench.runner.volley, 'serve', '-b', 'dpdk', '-d', 'vhost-user:' + bench.socket,
                   '-a', captures.PREFIX, '-l', f':{captures.PORT}', '-H', 'echo',
                   '-o', 'hugepages=' + ('on' if bench.huge else 'off')], bench.folder, 'server')
    try:
        child.await_text('ready:', 30)
        return {'seconds': time.monotonic() - start, 'mib': machine.resident_mib(child.process.pid)}
    finally:
        child.stop()


def idle_testpmd(bench):
    server = bench.testpmd('server', f'net_vhost0,iface={bench.socket},queues=1', bench.cores[0])
    try:
        return {'seconds': server.start_s, 'mib': machine.resident_mib(server.child.process.pid)}
    finally:
        server.stop()


# --- all of it ------------------------------------------------------------------------------------

def measure(arguments, chosen, folder, is_private):
    rounds, seconds = pairs.length_of(arguments, LENGTHS)
    bench = Bench(os.path.abspath(arguments.build), folder, is_private, seconds)
    results = pairs.nothing_yet(chosen)
    idle = {'volley serve': [], 'dpdk-testpmd': []}
    progress = session.Progress(rounds * (len(chosen) + 1))
    with session.Interruptible() as run:
        for number in pairs.run_rounds(bench, chosen, results, rounds, progress):
            progress.step(f'round {number} of {rounds}: start-up and memory')
            idle['volley serve'].append(idle_engine(bench))
            idle['dpdk-testpmd'].append(idle_testpmd(bench))
        run.done()
    progress.end()
    return {'schema': 1, 'complete': run.complete,
            'machine': machine.fingerprint(bench.runner.volley),
            'settings': {'rounds': rounds, 'seconds': seconds, 'bytes': captures.PAYLOAD_BYTES,
                         'burst': BURST, 'cores': bench.cores, 'huge_pages': bench.huge,
                         'tsc_hz': bench.tsc_hz},
            'rows': [pairs_report.row_of(row, result) for row, result in zip(chosen, results)],
            'idle': {name: dpdk_report.idle_of(samples) for name, samples in idle.items()}}


def main(words):
    arguments = pairs.read_arguments(words, 'dpdk', __doc__, 'two minutes', 'fifteen minutes',
                                     LENGTHS)
    chosen = pairs.choose(ROWS, arguments.only)
    return session.run(lambda *place: measure(arguments, chosen, *place), dpdk_report.lines,
                       os.path.join(arguments.folder, 'dpdk.json'),
                       pairs_report.is_whole)
