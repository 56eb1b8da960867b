# SPDX-License-Identifier: BSD-3-Clause
"""What asks a path that is served, and how the answers become the figures of a round."""
import json
import os

import hgrm
import machine
import wires
from child import Child, Failure

WARMUP = 200       # round trips before those that count
WARMUP_S = '0.1'   # of a load, the same
TIMEOUT_S = '0.3'  # after which a datagram is lost
SEARCH_TIMEOUT_S = '0.1'  # the same, of which a search has many to wait for
PATIENCE_S = 60    # with a client that does not end
LOST_MOST = 0.01   # of a flood: with more it is searched what the path bears
TRIAL_S = 0.1      # of that search, at least
TRIES = 5          # of a load, if the client cannot send it
PAUSED = 0.97      # of what was to be sent: with more, only a moment was missing
PERCENTILES = {'p50': 'p50_us', 'p90': 'p90_us', 'p99': 'p99_us', 'p999': 'p999_us',
               'max': 'max_us'}


class Behind(Failure):
    """The client could not send what it was to send."""

    def __init__(self, sent_s, rate_s):
        super().__init__(f'the client could not send {rate_s:.0f} datagrams a second, but '
                         f'{sent_s:.0f}')
        self.sent_s, self.rate_s = sent_s, rate_s


def ask(runner, served, words, idle, seconds, timeout=TIMEOUT_S):
    """Runs a client on its core until it ends; returns the JSON object it prints. Raises
    Failure."""
    words = [runner.volley, *words, '--json', '--timeout', timeout, '--cores', runner.cores[1],
             '--idle', idle, *served.port, served.address]
    if served.within:
        words = wires.within(served.within, words)
    client = Child(words, runner.folder, 'client')
    try:
        client.finish(seconds + PATIENCE_S)
    finally:
        client.stop()
    try:
        return json.loads(client.text('out').strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise Failure(f'{words[1]}: what it wrote is not understood: {error}') from error


def ask_with_distribution(runner, served, words, idle, seconds):
    """Also returns that of the latencies, in microseconds."""
    file = os.path.join(runner.folder, 'client.hgrm')
    told = ask(runner, served, [*words, '--hgrm', file], idle, seconds)
    try:
        return told, hgrm.read(file)
    except (OSError, hgrm.Malformed) as error:
        raise Failure(f'{words[0]}: {error}') from error


def percentiles(durations_ns):
    return {key: durations_ns[name] / 1000 for name, key in PERCENTILES.items()} \
        if durations_ns else {}


def round_trip(runner, served, seconds, size=64):
    """One datagram in flight: the next leaves when the answer is there. Returns figures and
    distribution."""
    if served.payload != 'plain':
        raise Failure(f'{served.path.server} answers none but its own datagrams')
    told, distribution = ask_with_distribution(
        runner, served, ['ping', '-t', str(seconds), '-s', str(size), '--warmup', str(WARMUP)],
        served.path.client_idle, seconds)
    return {'rate_s': told['rate_pps'], 'sent': told['sent'], 'lost': told['lost'],
            'loss': told['lost'] / told['sent'] if told['sent'] else 0.0,
            **percentiles(told['rtt_ns'])}, distribution


def load_idle(runner):
    """It spins, if it has a core, so that nobody waits for its waking."""
    return 'busy' if runner.cores[0] != runner.cores[1] else 'adaptive'


def load(runner, served, seconds, size, flows, rate=None):
    """As many as the way takes, or `rate` a second, timed from when each was due. Returns figures
    and distribution."""
    schedule = ['-r', 'max'] if rate is None else ['-r', f'{rate:.0f}', '--warmup', WARMUP_S]
    told, distribution = ask_with_distribution(runner, served, [
        'load', '-t', str(seconds), '-s', str(size), '--flows', str(flows), '--payload',
        served.payload, *schedule], load_idle(runner), seconds)
    figures = {'rate_s': told['received_pps'], 'offered_s': rate, 'sent': told['sent'],
               'lost': told['lost'], 'loss': told['loss']}
    if rate is None:
        return figures, distribution
    if not told['kept_up']:
        raise Behind(told['sent_pps'], rate)
    return {**figures, **percentiles(told['latency_ns'])}, distribution


def share(runner, served, seconds, size, flows, part, capacity_s):
    """A part of the capacity. If the client cannot send it, nothing is measured but that: it was
    held up, and tries again. If much was missing, and is again, the path bears less than a moment
    ago: what the client could send at best, and the part is of that."""
    tries, could_s = 0, []
    while True:
        try:
            figures, distribution = load(runner, served, seconds, size, flows, part * capacity_s)
            return {**figures, 'repeats': tries}, distribution
        except Behind as behind:
            tries += 1
            if tries == TRIES:
                raise
            if behind.sent_s < PAUSED * behind.rate_s:
                could_s.append(behind.sent_s)
            if len(could_s) == 2:
                capacity_s, could_s = max(could_s), []


def trial_s(seconds):
    """How long a trial lasts of a search for a capacity that a flood of `seconds` did not tell."""
    return max(TRIAL_S, seconds / 4)


def borne(runner, served, seconds, size, flows):
    """Figures of the highest rate of which next to nothing is lost. Some servers answer less, the
    more they are asked: a flood does not tell what they can do."""
    told = ask(runner, served, [
        'load', '--search', '--loss', str(LOST_MOST), '--repeats', '1', '-t',
        str(trial_s(seconds)), '-s', str(size), '--flows', str(flows), '--payload',
        served.payload], load_idle(runner), seconds, SEARCH_TIMEOUT_S)
    found = told['sizes'][0]
    if not found['rate_pps']:
        raise Failure(f'no rate of which less than {100 * LOST_MOST:g} % is lost')
    return {'rate_s': found['rate_pps'], 'borne_s': found['rate_pps'], 'loss': found['loss']}


def capacity(runner, served, seconds, size, flows):
    """As many answers as a flood gets (flood_s) or, if much of that is lost, as come without loss
    (borne_s); rate_s is the latter where it was searched for. With the cycles of each datagram of
    the flood, if the kernel says how fast they go: of a server that spins, all of its core's; of
    another, the processor time that it took from the first datagram, there being none that do not
    count, to the last."""
    before_ns = machine.cpu_ns(served.pid)
    figures, distribution = load(runner, served, seconds, size, flows)
    after_ns = machine.cpu_ns(served.pid)
    figures['flood_s'] = figures['rate_s']
    hz = machine.tsc_hz()
    if hz and served.path.idle == 'busy' and figures['rate_s']:
        figures['cycles'] = hz / figures['rate_s']
    elif hz and figures['sent'] > figures['lost']:
        figures['cycles'] = (after_ns - before_ns) * hz / 1e9 / \
            (figures['sent'] - figures['lost'])
    if figures['loss'] > LOST_MOST and seconds >= TRIAL_S:  # else nothing here is a measurement
        figures.update(borne(runner, served, seconds, size, flows))
    return figures, distribution
