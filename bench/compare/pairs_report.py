# SPDX-License-Identifier: BSD-3-Clause
"""From the samples of each pair to a table, and the same as JSON."""
import statistics

from report import columns, spread
from rows import summary

HEAD = ('row', 'unit', 'volley (least-most)', 'cycles', 'beside', '(least-most)', 'cycles',
        'ratio', 'limit', '')


def row_of(row, result):
    """The ratio is the median of those of the rounds, in which both sides met the same machine."""
    out = {'name': row.name, 'unit': row.unit, 'beside': row.beside, 'limit': row.limit,
           'at_most': row.at_most, 'samples': result}
    pairs = list(zip(result['ours'], result['theirs']))
    if not pairs:
        return out
    for side in 'ours', 'theirs':
        out[side] = summary([sample['value'] for sample in result[side]])
        cycles = [sample['cycles'] for sample in result[side] if sample['cycles']]
        out[side + '_cycles'] = statistics.median(cycles) if cycles else None
    ratios = summary([ours['value'] / theirs['value'] for ours, theirs in pairs])
    out['ratio'] = ratios
    out['holds'] = ratios['median'] <= row.limit if row.at_most else ratios['median'] >= row.limit
    return out


def cells(row):
    if 'ratio' not in row:
        return [row['name'], row['unit'], '-- ' + (row['samples']['failures'] or ['no sample'])[0]]
    cycles = [f'{row[side]:.0f}' if row[side] else '--'
              for side in ('ours_cycles', 'theirs_cycles')]
    return [row['name'], row['unit'], spread(row['ours']), cycles[0], row['beside'],
            spread(row['theirs']), cycles[1], spread(row['ratio']),
            f'{"<=" if row["at_most"] else ">="} {row["limit"]:.2f}',
            'holds' if row['holds'] else 'MISSED']


def table(rows):
    return columns([list(HEAD)] + [cells(row) for row in rows])


def failures(rows):
    """Of rows that have figures all the same; the others say it in the table."""
    for row in rows:
        failed = row['samples']['failures']
        if failed and 'ratio' in row:
            yield f'{row["name"]}: {len(failed)} rounds failed: {failed[0]}'


def is_whole(result):
    return all('ratio' in row for row in result['rows'])


def lines(result):
    facts, settings = result['machine'], result['settings']
    yield (f'{facts["cpu"]}, {facts["cores"]} cores; Linux {facts["kernel"]}; {facts["volley"]}, '
           f'DPDK {facts["dpdk"]}')
    yield (f'{settings["bytes"]} bytes of payload; server on core {settings["cores"][0]}, client '
           f'on core {settings["cores"][1]}; medians of {settings["rounds"]} rounds of '
           f'{settings["seconds"]} s in turn')
    yield ''
    yield from table(result['rows'])
    yield from failures(result['rows'])
