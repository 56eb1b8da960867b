# SPDX-License-Identifier: BSD-3-Clause
"""From the samples of the kernel path to its tables, and the same as JSON."""
import statistics

from report import columns, number, spread
from rows import summary

HEAD = ('wire', 'load', 'bytes', 'server', 'thousand/s (least-most)', 'p50 us', 'p99',
        'user ns', 'system ns', 'calls', 'loss', 'ratios and their limits')

# (load, size or None for any, server, what is compared, beside, limit or None, at most)
LIMITS = (
    ('trains', 64, 'uring', 'rate', 'plain', 25, False),
    ('trains', 1400, 'uring', 'rate', 'plain', 12, False),
    ('trains', None, 'uring', 'rate', 'train', 0.85, False),
    ('trains', None, 'socket', 'rate', 'train', 0.85, False),
    ('trains', None, 'uring-zerocopy', 'rate', 'uring', None, False),
    ('peers', None, 'socket', 'rate', 'mmsg', 1.0, False),
    ('peers', None, 'uring', 'rate', 'mmsg', 1.0, False),
    ('frames', None, 'socket', 'rate', 'mmsg', 1.0, False),
    ('frames', None, 'uring', 'rate', 'mmsg', 1.0, False),
    ('frames', None, 'uring', 'calls', 'mmsg', 1.0, True),
    ('apart', None, 'socket', 'rate', 'mmsg', 1.0, False),
    ('apart', None, 'uring', 'rate', 'mmsg', 1.0, False),
    ('apart', None, 'uring', 'calls', 'mmsg', 1.0, True),
    ('flood', None, 'socket', 'rate', 'sink', 0.9, False),
    ('flood', None, 'uring', 'rate', 'sink', 0.9, False),
    ('ping', None, 'socket', 'p50_ns', 'plain', 1.0, True),
    ('ping', None, 'uring', 'p50_ns', 'plain', 1.0, True),
    ('spin', None, 'socket', 'p50_ns', 'plain', 1.0, True),
    ('spin', None, 'uring', 'p50_ns', 'plain', 1.0, True),
)


def row_of(row, result):
    out = {'wire': row.wire, 'load': row.load, 'bytes': row.size,
           'server': row.server, 'calls': result['calls'], 'failures': result['failures'],
           'samples': result['samples'], 'ratios': []}
    samples = [sample for sample in result['samples'] if sample]
    for key in 'rate', 'p50_ns', 'p99_ns', 'user_ns', 'system_ns', 'loss':
        values = [sample[key] for sample in samples if key in sample]
        if values:
            out[key] = summary(values)
    return out


def ratio_of(row, base, what):
    """The median of the ratios of the rounds, in which both met the same machine."""
    if what == 'calls':
        known = row['calls'] and base['calls']
        return row['calls'] / base['calls'] if known else None
    ratios = [ours[what] / theirs[what] for ours, theirs in zip(row['samples'], base['samples'])
              if ours and theirs and what in ours and what in theirs]
    return statistics.median(ratios) if ratios else None


def holds(value, limit, at_most):
    if limit is None:
        return None
    return value <= limit if at_most else value >= limit


def add_ratios(rows):
    by_key = {(row['wire'], row['load'], row['bytes'], row['server']): row
              for row in rows}
    for row in rows:
        for load, size, server, what, beside, limit, at_most in LIMITS:
            if row['load'] != load or row['server'] != server or \
                    (size and row['bytes'] != size):
                continue
            base = by_key.get((row['wire'], load, row['bytes'], beside))
            value = ratio_of(row, base, what) if base else None
            if value is not None:
                row['ratios'].append({
                    'of': what, 'beside': beside, 'ratio': value, 'limit': limit,
                    'at_most': at_most, 'holds': holds(value, limit, at_most)})


def rows_of(chosen, results):
    rows = [row_of(row, result) for row, result in zip(chosen, results)]
    add_ratios(rows)
    return rows


# --- the tables -----------------------------------------------------------------------------------

def ratio_text(one):
    what = {'rate': '', 'calls': 'calls ', 'p50_ns': 'p50 '}[one['of']]
    sign = '<=' if one['at_most'] else '>='
    if one['limit'] is None:
        return f'{what}{one["ratio"]:.2f} of {one["beside"]}'
    return (f'{what}{one["ratio"]:.2f} of {one["beside"]} ({sign} {one["limit"]:g} '
            f'{"holds" if one["holds"] else "MISSED"})')


def thousands(one):
    return spread({key: value / 1000 for key, value in one.items()})


def micros(row, key):
    return number(row[key]['median'] / 1000) if key in row else ''


def cells(row):
    names = [row['wire'], row['load'], str(row['bytes']), row['server']]
    if 'rate' not in row:
        return names + ['-- ' + (row['failures'] or ['not measured'])[0]]
    return names + [
        thousands(row['rate']), micros(row, 'p50_ns'), micros(row, 'p99_ns'),
        number(row['user_ns']['median']), number(row['system_ns']['median']),
        f'{row["calls"]:.3f}' if row['calls'] else '--', f'{100 * row["loss"]["median"]:.2g} %',
        '; '.join(map(ratio_text, row['ratios']))]


def lines(result):
    facts, settings = result['machine'], result['settings']
    yield (f'{facts["cpu"]}, {facts["cores"]} cores{", virtual" if facts["virtual"] else ""}; '
           f'Linux {facts["kernel"]}; {facts["volley"]}')
    yield (f'server on core {settings["cores"][0]}, client on core {settings["cores"][1]}; medians '
           f'of {settings["rounds"]} rounds of {settings["seconds"]} s in turn; user, system: the '
           'server\'s\ntime for a datagram; calls: its system calls for a datagram. Servers block, '
           'but for load spin.\n')
    yield from columns([list(HEAD)] + [cells(row) for row in result['rows']])
    ratios = [one for row in result['rows'] for one in row['ratios'] if one['limit'] is not None]
    yield f'\n{sum(one["holds"] for one in ratios)} of {len(ratios)} limits hold'
    if facts['load'] > 0.5:
        yield f'Other work was running here before (load {facts["load"]:.1f}).'
