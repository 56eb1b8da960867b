# SPDX-License-Identifier: BSD-3-Clause
"""What it costs to forward, beside an echo on the same backend. Both have a core to themselves and
are asked by the same program, which also is the server behind a forwarder. What counts is each
datagram that leaves, to a server or back to a client: an echo sends one a question, a forwarder
two."""
import json
import os

import captures
import dpdk
import wires
from child import Child, Failure
from engine import Service
from pairs import Row
from runner import READY_S

ADDRESS, PORT = '127.0.0.1', '9000'
BEHIND = '7000'            # the port of the server behind the forwarder
VIA = '20000-20511'        # ports, one for each client
FIRST_PEER = '127.1.0.1'   # of the client's addresses
MORE_S = 0.4               # that the client asks for beyond what counts
LEAST_ANSWERED = 0.99
LEAST_MPPS = 1.0           # past the kernel: with less there is nothing left that goes round
# On the virtio pair all but the server is beyond a gateway.
LINK, GATEWAY, GATEWAY_MAC = captures.ADDRESS + '/30', captures.CLIENT, '02:00:00:00:00:01'
FAR_CLIENT, FAR_SERVER = '192.168.0.1', '172.16.0.1:7000'


def handler(bench, server, address):
    """The words that make a service forward to that server."""
    path = os.path.join(bench.folder, 'servers')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(server + '\n')
    via = f'{address}:{VIA}'
    return ['-l', via, '-H', f'forward,servers={path},via={via},check=0s']


# --- over the kernel's loopback -------------------------------------------------------------------

def kernel_sample(bench, backend, load, words, behind=()):
    """Millions of datagrams that a whole core sends in a second, by the processor time of each:
    now and then it waits for the client's core. `behind`: the port of what stands behind it."""
    wires.Loopback(bench.runner.is_private).open()
    service = Service(bench.runner.volley, bench.folder,
                      ['-b', backend, '--idle', 'block', '--cores', bench.cores[0],
                       '-l', f'{ADDRESS}:{PORT}', *words])
    client = None
    try:
        client = Child(['taskset', '-c', bench.cores[1],
                        os.path.join(bench.build, 'bench/baselines/udp_load'), load, ADDRESS, PORT,
                        str(captures.PAYLOAD_BYTES), str(bench.seconds + MORE_S), FIRST_PEER,
                        *behind], bench.folder, 'client')
        rates = bench.settled(service)
        client.finish(bench.seconds + MORE_S + READY_S)
        told = json.loads(client.text('out'))
    finally:
        if client:
            client.stop()
        service.stop()
    if told['received'] < LEAST_ANSWERED * told['sent']:
        raise Failure(f'answered only {told["received"]} of {told["sent"]}')
    return {'value': 1e3 / rates['cost_ns'],
            'cycles': bench.tsc_hz and rates['cost_ns'] * bench.tsc_hz / 1e9}


def kernel_forward(bench, backend, load):
    return kernel_sample(bench, backend, load, handler(bench, f'{ADDRESS}:{BEHIND}', ADDRESS),
                         [BEHIND])


def kernel_row(backend, load, what):
    return Row(f'forward: {backend}, {what}', lambda bench: kernel_forward(bench, backend, load),
               lambda bench: kernel_sample(bench, backend, load, ['-H', 'echo']), 'our echo', 0.7)


# --- past it: testpmd swaps what comes, and so is all clients and the server ----------------------

def pair_sample(bench, words):
    mac = captures.MAC.hex(':')
    service = Service(bench.runner.volley, bench.folder, [
        '-b', 'dpdk', '-d', 'vhost-user:' + bench.socket, '-a', LINK, '--dad', '0',
        '--gateway', GATEWAY, '--neighbour', f'{GATEWAY}@{GATEWAY_MAC}', '-o', 'mac=' + mac,
        '-o', 'hugepages=' + ('on' if bench.huge else 'off'), '--idle', 'busy',
        '--cores', bench.cores[0], '-l', f':{PORT}', *words])
    sample = dpdk.pair(bench, service, 'sent', dpdk.ROUND, FAR_CLIENT)
    if sample['value'] < LEAST_MPPS:
        raise Failure('what went round between the two has been lost on its way')
    return sample


ROWS = [
    kernel_row('socket', 'peers', '64 clients in turn'),
    kernel_row('socket', 'trains', 'one client, trains'),
    kernel_row('uring', 'peers', '64 clients in turn'),
    kernel_row('uring', 'trains', 'one client, trains'),
    Row('forward: dpdk, virtio pair, 256 clients',
        lambda bench: pair_sample(bench, handler(bench, FAR_SERVER, captures.ADDRESS)),
        lambda bench: pair_sample(bench, ['-H', 'echo']), 'our echo', 0.7),
    dpdk.FORWARD,
]
