# SPDX-License-Identifier: BSD-3-Clause
"""A report as tables for a terminal, and how figures are written everywhere."""
from rows import CAPACITY, LOAD, ROUND_TRIP, find, find_measure, is_searched, median, name

ROUND_TRIPS = ('wire', 'server', 'idle', 'p50 us (least-most)', 'p99', 'p99.9', 'max',
               'krt/s (least-most)', 'loss', 'vs plain')
LOAD_COLUMNS = ((CAPACITY, 'bytes'), (LOAD, 'share'))
SEARCHED = '*'  # behind a capacity
SEARCHED_MEANS = (f'{SEARCHED} the highest rate of which at most 1 % is lost, by search: a flood '
                  'lost more')
NAMES = 3  # columns of names, which stand to the left


def columns(lines):
    """Lines of cells, the first of which is the head, one below the other; a line of fewer cells,
    which says why there are no others, widens nothing."""
    widths = [max(len(line[i]) for line in lines if len(line) == len(lines[0]))
              for i in range(len(lines[0]))]
    for line in lines:
        yield '  '.join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()


def number(value):
    return f'{value:.2f}' if value < 10 else f'{value:.1f}' if value < 100 else f'{value:.0f}'


def spread(one, unit=1):
    return (f'{number(one["median"] / unit)} ({number(one["min"] / unit)}-'
            f'{number(one["max"] / unit)})')


def median_of(one, unit=1):
    return number(one['median'] / unit)


def percent(fraction):
    return f'{100 * fraction:.3g} %'


def times(value):
    return f'{value:.1f} times' if value < 10 else f'{value:.0f} times'


def names_of(row):
    return [row['wire'], row['server'], row['idle']]


def why_not(row):
    """What stands in place of figures."""
    return names_of(row) + ['-- ' + (row['failures'] or ['not measured'])[0]]


def round_trip_cells(row):
    made = find_measure(row, ROUND_TRIP)
    if not made or 'p50_us' not in made:
        return why_not(row)
    versus = row['vs_plain']
    return names_of(row) + [spread(made['p50_us'])] + \
        [number(median(made, key)) for key in ('p99_us', 'p999_us')] + \
        [number(made['max_us']['max']), spread(made['rate_s'], 1000), percent(loss_of(made)),
         f'{versus:.2f}' if versus else '--']


def loss_of(made):
    """Over all rounds together, so that one lost datagram is seen."""
    sent = sum(one.get('sent', 0) for one in made['rounds'])
    return sum(one.get('lost', 0) for one in made['rounds']) / sent if sent else 0.0


def aligned(lines, names=NAMES):
    """Lines of cells with their columns one below the other: so many names to the left, figures to
    the right. A line with fewer cells than the first ends with a sentence."""
    columns = len(lines[0])
    widths = [max(len(line[i]) for line in lines if len(line) == columns or i < names)
              for i in range(columns)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line[:names], widths)]
        cells += [cell.rjust(width) for cell, width in zip(line[names:], widths[names:])] \
            if len(line) == columns else line[names:]
        yield '  '.join(cells).rstrip()


def round_trips(rows):
    return aligned([list(ROUND_TRIPS)] + [round_trip_cells(row) for row in rows])


def measured(rows, kind, key):
    """The different sizes or shares of load that have been measured, in ascending order."""
    return sorted({made[key] for row in rows for made in row['measures']
                   if made['kind'] == kind and made['rounds']})


def has_one_peer(rows):
    return any(find_measure(row, CAPACITY, flows=1) for row in rows)


def load_head(sizes, shares, one_peer):
    return ['wire', 'server', 'idle', *(f'k/s, {size} bytes' for size in sizes), 'cycles',
            *([f'k/s, {sizes[0]} bytes, one peer'] if one_peer else ()),
            *(f'p50/p99 us at {100 * share:.0f} %' for share in shares)]


def capacity_cell(made, write=median_of):
    """In thousands; the mark says that a flood lost too much for its answers to count."""
    if not made:
        return '--'
    return write(made['rate_s'], 1000) + (SEARCHED if is_searched(made) else '')


def load_cells(row, sizes, shares, one_peer):
    if not find_measure(row, CAPACITY):
        return why_not(row)
    cells = names_of(row)
    for size in sizes:
        cells.append(capacity_cell(find_measure(row, CAPACITY, size),
                                   spread if size == sizes[0] else median_of))
    cycles = median(find_measure(row, CAPACITY, sizes[0]), 'cycles')
    cells.append(number(cycles) if cycles else '--')
    if one_peer:
        cells.append(capacity_cell(find_measure(row, CAPACITY, sizes[0], flows=1)))
    for share in shares:
        made = find_measure(row, LOAD, share=share)
        cells.append('/'.join(number(median(made, key)) for key in ('p50_us', 'p99_us'))
                     if made and 'p50_us' in made else '--')
    return cells


def loads(rows):
    """What each path can do, and how long it takes at a part of that; nothing if not measured."""
    sizes, shares = (measured(rows, kind, key) for kind, key in LOAD_COLUMNS)
    if not sizes:
        return []
    columns = sizes, shares, has_one_peer(rows)
    lines = list(aligned([load_head(*columns)] + [load_cells(row, *columns) for row in rows]))
    return lines + ([SEARCHED_MEANS] if has_searched(rows) else []) + repeated(rows)


def repeated(rows):
    """How much of the latency under load was taken again; nothing to say if none was."""
    taken = [one.get('repeats', 0) for row in rows for made in row['measures']
             if made['kind'] == LOAD for one in made['rounds']]
    again = sum(1 for repeats in taken if repeats)
    return [f'{again} of {len(taken)} measurements under load were taken again: the client had '
            'been held up'] if again else []


def has_searched(rows):
    return any(is_searched(made) for row in rows for made in row['measures'])


def headlines(rows, known):
    """What the tables come to, in sentences; only about what was measured."""
    lines = []
    dpdk = find_measure(find(rows, 'virtio', 'dpdk', 'busy'), ROUND_TRIP)
    if known['dpdk_vs_plain_block']:
        lines.append(f'dpdk past the kernel: {number(median(dpdk, "p50_us"))} us, '
                     f'{times(known["dpdk_vs_plain_block"])} less than plain sockets that block')
    if known['dpdk_vs_plain_busy']:
        lines.append(f'    and {times(known["dpdk_vs_plain_busy"])} less than plain sockets that '
                     'spin')
    if known['dpdk_vs_testpmd']:
        lines.append('dpdk beside testpmd, which swaps addresses and does nothing else: '
                     f'{known["dpdk_vs_testpmd"]:.2f} of its speed')
    return lines


def failures(rows):
    """Of the rows that were measured nevertheless."""
    for row in rows:
        if row['failures'] and row['measures']:
            yield (f'{name(row)}: {len(row["failures"])} measurements failed: '
                   f'{row["failures"][0]}')
