# SPDX-License-Identifier: BSD-3-Clause
"""From the rounds of each path to one table, and the same as JSON."""
import statistics

METRICS = ('p50', 'p99', 'p999', 'max')
HEAD = ('wire', 'server', 'idle', 'p50 us (least-most)', 'p99', 'p99.9', 'max',
        'krt/s (least-most)', 'loss', 'vs plain')


def summary(values):
    """Median, least and most of a metric over the rounds."""
    return {'median': statistics.median(values), 'min': min(values), 'max': max(values)}


def row_of(path, rounds, failures):
    """One path's result: rounds are the JSON objects of `volley ping`."""
    row = {'wire': path.wire, 'server': path.server, 'idle': path.idle, 'rounds': rounds,
           'failures': failures}
    measured = [one for one in rounds if one['rtt_ns']]
    if not measured:
        return row
    for metric in METRICS:
        row[metric + '_us'] = summary([one['rtt_ns'][metric] / 1000 for one in measured])
    row['krt_s'] = summary([one['rate_pps'] / 1000 for one in measured])
    sent = sum(one['sent'] for one in rounds)
    row['lost'] = sum(one['lost'] for one in rounds)
    row['loss'] = row['lost'] / sent if sent else 0.0
    return row


def ratio(row, base):
    """How many times shorter the median round trip is; None if either was not measured."""
    if not base or 'p50_us' not in base or 'p50_us' not in row:
        return None
    return base['p50_us']['median'] / row['p50_us']['median']


def find(rows, wire, server, idle):
    for row in rows:
        if (row['wire'], row['server'], row['idle']) == (wire, server, idle):
            return row
    return None


def add_ratios(rows, paths):
    """Sets `vs_plain`: against plain sockets that wait in the same way, on the same wire."""
    for row, path in zip(rows, paths):
        base = find(rows, path.plain.wire, path.plain.server, path.plain.idle)
        row['vs_plain'] = ratio(row, base)


def number(value):
    return f'{value:.2f}' if value < 10 else f'{value:.1f}' if value < 100 else f'{value:.0f}'


def spread(one):
    return f'{number(one["median"])} ({number(one["min"])}-{number(one["max"])})'


def cells(row):
    names = [row['wire'], row['server'], row['idle']]
    if 'p50_us' not in row:
        return names + ['-- ' + (row['failures'] or ['not measured'])[0]]
    versus = row['vs_plain']
    return names + [spread(row['p50_us'])] + \
        [number(row[name + '_us']['median']) for name in ('p99', 'p999')] + \
        [number(row['max_us']['max']), spread(row['krt_s']), f'{100 * row["loss"]:.3g} %',
         f'{versus:.2f}' if versus else '--']


def table(rows):
    """The table as lines. What could not be measured says why in place of figures."""
    lines = [list(HEAD)] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in lines if len(line) == len(HEAD))
              for i in range(len(HEAD))]
    widths[:3] = [max(len(line[i]) for line in lines) for i in range(3)]
    for line in lines:
        text = [cell.ljust(width) for cell, width in zip(line[:3], widths)]
        text += [cell.rjust(width) for cell, width in zip(line[3:], widths[3:])] \
            if len(line) == len(HEAD) else line[3:]
        yield '  '.join(text).rstrip()


def times(value):
    return f'{value:.1f} times' if value < 10 else f'{value:.0f} times'


def ratios(rows):
    """Of the round trip past the kernel to what it is measured against; None: not measured."""
    dpdk = find(rows, 'virtio', 'dpdk', 'busy')
    others = {
        'dpdk_vs_plain_block': find(rows, 'loopback', 'plain', 'block'),
        'dpdk_vs_plain_busy': find(rows, 'loopback', 'plain', 'busy'),
        'dpdk_vs_testpmd': find(rows, 'virtio', 'testpmd', 'busy'),
    }
    return {name: ratio(dpdk, other) if dpdk else None for name, other in others.items()}


def headlines(rows, known):
    """What the table comes to, in sentences; only about what was measured."""
    lines = []
    if known['dpdk_vs_plain_block']:
        p50_us = find(rows, 'virtio', 'dpdk', 'busy')['p50_us']['median']
        lines.append(f'dpdk past the kernel: {number(p50_us)} us, '
                     f'{times(known["dpdk_vs_plain_block"])} less than plain sockets that block')
    if known['dpdk_vs_plain_busy']:
        lines.append(f'    and {times(known["dpdk_vs_plain_busy"])} less than plain sockets that '
                     'spin')
    if known['dpdk_vs_testpmd']:
        lines.append('dpdk beside testpmd, which swaps addresses and does nothing else: '
                     f'{known["dpdk_vs_testpmd"]:.2f} of its speed')
    return lines
