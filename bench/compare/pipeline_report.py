# SPDX-License-Identifier: BSD-3-Clause
"""The tables of `scripts/bench pipeline`."""
import statistics

from report import number, spread
from rows import summary

IDLE_LIMIT = 0.01   # of a core, for adaptive
HOP_LIMIT = 1.25    # of the bare line
RING_LIMITS = {'1': ('rte', 2.5), '8': ('best', 1.1), '32': ('best', 1.1)}


def table(head, rows):
    """Columns as wide as they must be; a row with fewer cells says why in its last one."""
    lines = [list(head)] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in lines if len(line) == len(head))
              for i in range(len(head))]
    for line in lines:
        yield '  '.join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()


def verdict(holds):
    return 'holds' if holds else 'MISSED'


# --- the rings ------------------------------------------------------------------------------------

def ring_lines(result):
    if isinstance(result, str):
        yield 'rings: -- ' + result
        return
    cases = {case['case']: case for case in result}
    rows = []
    for burst, (who, limit) in RING_LIMITS.items():
        case = cases.get(f'ring/burst:{burst}')
        if not case or not case['others']:
            continue
        others = case['others']
        best = who if who in others else min(others, key=lambda name: others[name]['ns'])
        rows.append([f'burst of {burst}', number(case['ours_ns']),
                     f'{best} {number(others[best]["ns"])}', f'{others[best]["ratio"]:.2f}',
                     f'>= {limit}', verdict(others[best]['ratio'] >= limit)])
    yield 'Rings, nanoseconds an item between two cores'
    yield from table(('', 'ours', 'beside', 'faster', 'limit', ''), rows)
    yield ''
    yield from hop_lines(cases)


def hop_lines(cases):
    """Ours beside bare lines that are looked at in the same way."""
    ways = [(text, cases[name]) for text, name in (('looks without end', 'ring/hop'),
                                                   ('pauses, as the loops do', 'ring/pausing-hop'))
            if cases.get(name)]
    rows = []
    for way, case in ways:
        ratios = {who: 1 / case['others'][who]['ratio'] for who in ('line', 'lines')}
        rows.append([way, number(case['ours_ns'])] +
                    [f'{number(case["others"][who]["ns"])} ({ratios[who]:.2f})' for who in ratios] +
                    [f'<= {HOP_LIMIT}', verdict(ratios['line'] <= HOP_LIMIT)])
    if rows:
        yield 'A hop to the other core, nanoseconds; in brackets, how many times that ours is'
        yield from table(('both sides', 'ours', 'one line', 'a line each way', 'limit', ''), rows)


# --- waking up ------------------------------------------------------------------------------------

def values(row, rate, *keys):
    out = []
    for one in row['rounds']:
        # JSON has texts for keys, a fresh result numbers.
        value = one[rate]
        for key in keys:
            value = value[key]
        out.append(value)
    return out


def percent(share):
    return f'{100 * share:.3g} %'


def idle_lines(rows):
    yield 'Waking up: round trip p50 (p99) in microseconds and share of the server\'s core, by rate'
    out = []
    misses = []
    for row in rows:
        cells = [row['backend'], row['workers'], row['idle']]
        if 'failure' in row:
            out.append(cells + ['-- ' + row['failure']])
            continue
        nothing = statistics.median(values(row, 0, 'core'))
        cells.append(percent(nothing))
        if row['idle'] == 'adaptive':
            misses.append((f'{row["backend"]}, {row["workers"]} workers', nothing))
        for rate in (1, 1000, 100000):
            p50 = statistics.median(values(row, rate, 'rtt_ns', 'p50')) / 1000
            p99 = statistics.median(values(row, rate, 'rtt_ns', 'p99')) / 1000
            core = statistics.median(values(row, rate, 'core'))
            cells.append(f'{number(p50)} ({number(p99)}) {percent(core)}')
        out.append(cells)
    yield from table(('backend', 'workers', 'idle', 'nothing', '1/s', '1,000/s', '100,000/s'), out)
    for name, share in misses:
        yield (f'adaptive with nothing to do, {name}: {percent(share)} of a core, limit '
               f'{percent(IDLE_LIMIT)}: {verdict(share < IDLE_LIMIT)}')


# --- work -----------------------------------------------------------------------------------------

def break_even(rows):
    """The work from which the pipeline is faster, between the two rows where it begins to be."""
    before = None
    for row in rows:
        gain = statistics.median(row['completion']) - statistics.median(row['pipeline'])
        if gain > 0:
            if before is None:
                return 'at any'
            cycles, loss = before
            return f'{cycles + (row["cycles"] - cycles) * loss / (loss + gain):.0f} cycles'
        before = (row['cycles'], -gain)
    return 'not up to ' + f'{rows[-1]["cycles"]:,} cycles'


def work_lines(rows):
    yield ('Run to completion (one core) and pipeline (I/O and one worker, a core each): cycles '
           'from one datagram to the next')
    out = []
    for row in rows:
        cells = [row['wire'], f'{row["cycles"]:,}']
        if not row['pipeline']:
            out.append(cells + ['-- ' + row.get('failure', 'not measured')])
            continue
        ratio = statistics.median(a / b for a, b in zip(row['completion'], row['pipeline']))
        out.append(cells + [spread(summary(row['completion'])), spread(summary(row['pipeline'])),
                            f'{ratio:.2f}'])
    yield from table(('wire', 'work', 'completion (least-most)', 'pipeline', 'gain'), out)
    for wire in dict.fromkeys(row['wire'] for row in rows):
        of_wire = [row for row in rows if row['wire'] == wire and row['pipeline']]
        if not of_wire or of_wire[0]['cycles']:
            continue
        price = statistics.median(of_wire[0]['pipeline']) - \
            statistics.median(of_wire[0]['completion'])
        yield (f'{wire}: without work the pipeline takes {price:+.0f} cycles a datagram; it wins '
               f'from a work of {break_even(of_wire)}')
    yield ('virtio: the client spins on the worker\'s core, so that three busy threads share two '
           'cores; its handler does not answer')


# --- workers --------------------------------------------------------------------------------------

def worker_lines(rows):
    yield ('Workers, a ring each way for each, on the two cores of the pipeline (over-subscribed '
           'from 2 on): cycles from one datagram to the next')
    out = []
    for row in rows:
        cells = [row['workers']]
        if not row['one']:
            out.append(cells + ['-- ' + row.get('failure', 'not measured')])
            continue
        out.append(cells + [spread(summary(row[way])) for way in ('all', 'one')])
    yield from table(('workers', '1,000 flows', 'one flow, one busy worker'), out)


# --- overload -------------------------------------------------------------------------------------

def overload_lines(rows, settings):
    yield (f'Overload: a handler of {settings["over_cycles"]:,} cycles a datagram behind a ring of '
           f'{settings["over_ring"]}, offered a part or a multiple of what it can do; server on '
           'one core, client on the other')
    out = []
    for row in rows:
        cells = [row['policy'], f'{row["ratio"]:g}']
        if not row['rounds']:
            out.append(cells + ['-- ' + row.get('failure', 'not measured')])
            continue
        last = row['rounds'][-1]
        p50, p99 = (statistics.median(one['rtt_ns'][key] for one in row['rounds']) / 1e6
                    for key in ('p50', 'p99'))
        answered = statistics.median(one['answered'] / one['sent'] for one in row['rounds'])
        drops = ', '.join(f'{name} {count:,}' for name, count in last['dropped'].items() if count)
        out.append(cells + [number(p50), number(p99), percent(answered), drops or 'none'])
    yield from table(('policy', 'offered', 'p50 ms', 'p99 ms', 'answered',
                      'dropped in the last round'), out)


def lines(result):
    facts, settings = result['machine'], result['settings']
    yield (f'{facts["cpu"]}, {facts["cores"]} cores{", virtual" if facts["virtual"] else ""}; '
           f'Linux {facts["kernel"]}; {facts["volley"]}, DPDK {facts["dpdk"]}; medians of '
           f'{settings["rounds"]} rounds; {settings["tsc_hz"] / 1e9:.2f} GHz')
    parts = {'rings': ring_lines, 'idle': idle_lines, 'work': work_lines, 'workers': worker_lines,
             'overload': lambda rows: overload_lines(rows, settings)}
    for name, part in parts.items():
        if name in result:
            yield ''
            yield from part(result[name])
    if facts['load'] > 0.5:
        yield f'\nOther work was running here before (load {facts["load"]:.1f}).'
