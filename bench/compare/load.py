# SPDX-License-Identifier: BSD-3-Clause
"""`volley load` beside what others measure with: testpmd's generators over a virtio pair, sockperf
over the loopback. In turns, and against the same servers."""
import contextlib
import json
import os
import re

import captures
import dpdk
import pairs
import wires
from child import Child, Failure
from pairs import Row, plain
from runner import PAIR_CLIENT, PAIR_SERVER, SERVER_MAC

# rounds, seconds of one measurement
LENGTHS = {'quick': (3, 0.5), 'default': (7, 1.0), 'full': (15, 2.0)}
PORT = '9100'
BYTES = str(captures.PAYLOAD_BYTES)
DESCRIPTORS = 512  # of testpmd's rings, which takes ethdev's preset; ours has more
RATE = '5000'  # of round trips: both are idle in between
SOCKPERF_LEAST_S = 1  # it counts in whole seconds


def load(bench, *words):
    """What `volley load` tells."""
    client = Child([bench.runner.volley, 'load', '--json', '--cores', bench.cores[1], '-s', BYTES,
                    '-t', str(bench.seconds), *words], bench.folder, 'load')
    try:
        client.finish(bench.seconds + 20)
    finally:
        client.stop()
    return json.loads(client.text('out'))


# --- the virtio pair ------------------------------------------------------------------------------

@contextlib.contextmanager
def peer(bench, mode):
    """testpmd at the other end of a pair."""
    server = bench.testpmd('server', f'net_vhost0,iface={bench.socket},queues=1', bench.cores[0])
    try:
        server.forward(mode)
        yield server
    finally:
        server.stop()
        if os.path.exists(bench.socket):
            os.unlink(bench.socket)


def pair_load(bench, mode, key, *words):
    with peer(bench, mode):
        told = load(bench, '-b', 'dpdk', '-d', 'virtio-user:' + bench.socket, '-r', 'max',
                    '-a', PAIR_CLIENT + '/24', '--dad', '0',
                    '--neighbour', f'{PAIR_SERVER}@{SERVER_MAC}',
                    '-o', 'hugepages=' + ('on' if bench.huge else 'off'),
                    '-o', f'descriptors={DESCRIPTORS}', *words,
                    f'{PAIR_SERVER}:{PORT}')
    rate = told[key]
    return {'value': rate / 1e6, 'cycles': bench.tsc_hz / rate if bench.tsc_hz else None}


def pair_testpmd(bench, mode, own_mode, key):
    with peer(bench, mode):
        client = bench.testpmd(
            'client', f'net_virtio_user0,path={bench.socket},queues=1,{dpdk.PAIR}', bench.cores[1],
            arguments=['--eth-peer=0,' + SERVER_MAC, f'--txpkts={captures.FRAME_BYTES}'])
        try:
            client.forward(own_mode)
            return bench.sample(client, key)
        finally:
            client.stop()


# --- the loopback ---------------------------------------------------------------------------------

@contextlib.contextmanager
def sockperf_server(bench):
    wires.Loopback(bench.runner.is_private).open()
    server = Child(['taskset', '-c', bench.cores[0], 'sockperf', 'server', '-i', '127.0.0.1',
                    '-p', PORT], bench.folder, 'sockperf-server')
    try:
        server.await_text('using recvfrom()', 20)
        yield server
    finally:
        server.stop()


def socket_load(bench, *words):
    with sockperf_server(bench):
        return load(bench, '-b', 'socket', *words, '127.0.0.1:' + PORT)


def sockperf(bench, mode, wanted, *words):
    """The number that `wanted` finds in what it says."""
    seconds = max(SOCKPERF_LEAST_S, round(bench.seconds))
    with sockperf_server(bench):
        client = Child(['taskset', '-c', bench.cores[1], 'sockperf', mode, '-i', '127.0.0.1',
                        '-p', PORT, '-m', BYTES, '-t', str(seconds), *words], bench.folder,
                       'sockperf')
        try:
            client.finish(seconds + 20)
        finally:
            client.stop()
    found = re.search(wanted, client.text('out'))
    if not found:
        raise Failure('sockperf: ' + client.why())
    return float(found.group(1))


def trip_load(bench):
    told = socket_load(bench, '-r', RATE, '--payload', 'sockperf', '--idle', 'busy')
    return plain(told['latency_ns']['p50'] / 1e3)


def trip_sockperf(bench):
    return plain(sockperf(bench, 'ping-pong', r'percentile 50\.000 = +([\d.]+)', '--mps=' + RATE,
                          '--nonblocked', '--full-rtt'))


ROWS = [
    Row('virtio: send', lambda bench: pair_load(bench, 'rxonly', 'sent_pps', '--one-way'),
        lambda bench: pair_testpmd(bench, 'rxonly', 'txonly', 'sent'), 'testpmd txonly', 0.9),
    Row('virtio: send and receive', lambda bench: pair_load(bench, '5tswap', 'received_pps'),
        lambda bench: pair_testpmd(bench, '5tswap', 'flowgen', 'received'), 'testpmd flowgen',
        0.9),
    Row('loopback: send',
        lambda bench: plain(socket_load(bench, '-r', 'max', '--one-way')['sent_pps'] / 1e6),
        lambda bench: plain(sockperf(bench, 'throughput', r'Message Rate is (\d+)') / 1e6),
        'sockperf throughput', 5.0),
    Row('loopback: round trip p50', trip_load, trip_sockperf, 'sockperf ping-pong', 1.10, True,
        'us'),
]


def main(words):
    arguments = pairs.read_arguments(words, 'load', __doc__, 'a minute', 'five minutes', LENGTHS)
    return pairs.run(dpdk.Bench, ROWS, arguments, LENGTHS, 'load')
