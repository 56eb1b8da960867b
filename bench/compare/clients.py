# SPDX-License-Identifier: BSD-3-Clause
"""What asks a path that is served, and how the answers become the figures of a round."""
import json

import wires
from child import Child

WARMUP = 200  # round trips before those that count
TIMEOUT_S = '0.3'  # after which a datagram is lost
PATIENCE_S = 60    # with a client that does not end


def ask(runner, served, words, seconds):
    """Runs a client on its core until it ends; returns the JSON object it prints. Raises
    Failure."""
    words = [runner.volley, *words, '--json', '--cores', runner.cores[1], *served.port,
             served.address]
    if served.within:
        words = wires.within(served.within, words)
    client = Child(words, runner.folder, 'client')
    try:
        client.finish(seconds + PATIENCE_S)
    finally:
        client.stop()
    return json.loads(client.text('out').strip().splitlines()[-1])


def round_trip(runner, served, seconds, size=64):
    """One datagram in flight: the next leaves when the answer is there."""
    told = ask(runner, served, ['ping', '-t', str(seconds), '-s', str(size), '--warmup',
                                str(WARMUP), '--timeout', TIMEOUT_S], seconds)
    figures = {'rate_s': told['rate_pps'], 'sent': told['sent'], 'lost': told['lost'],
               'loss': told['lost'] / told['sent'] if told['sent'] else 0.0}
    for key, value in (told['rtt_ns'] or {}).items():
        if key in ('p50', 'p90', 'p99', 'p999', 'max'):
            figures[key + '_us'] = value / 1000
    return figures
