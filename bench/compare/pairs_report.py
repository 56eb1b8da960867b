# SPDX-License-Identifier: BSD-3-Clause
"""From the samples of each pair to a table, and the same as JSON."""
import statistics

from report import columns, spread
from rows import summary

HEAD = ('row', 'unit', 'volley (least-most)', 'cycles', 'beside', '(least-most)', 'cycles',
        'ratio', 'limit', '')


def row_of(row, result):
    """The ratio is the median of those of the rounds, in which both sides met the same machine. A
    row of one side only has none: its limit is of the value."""
    out = {'name': row.name, 'unit': row.unit, 'beside': row.beside, 'limit': row.limit,
           'at_most': row.at_most, 'samples': result}
    if not result['ours']:
        return out
    for side in ('ours', 'theirs') if row.theirs else ('ours',):
        out[side] = summary([sample['value'] for sample in result[side]])
        cycles = [sample['cycles'] for sample in result[side] if sample['cycles']]
        out[side + '_cycles'] = statistics.median(cycles) if cycles else None
    if row.theirs:
        out['ratio'] = summary([ours['value'] / theirs['value'] for ours, theirs in
                                zip(result['ours'], result['theirs'])])
    if row.limit is not None:
        judged = out['ratio' if row.theirs else 'ours']['median']
        out['holds'] = judged <= row.limit if row.at_most else judged >= row.limit
    return out


def has_figures(row):
    return 'ours' in row


def side_cells(row, side):
    if side not in row:
        return ['--', '--']
    cycles = row[side + '_cycles']
    return [spread(row[side]), f'{cycles:.0f}' if cycles else '--']


def verdict_cells(row):
    if row['limit'] is None:
        return ['--', '']
    return [f'{"<=" if row["at_most"] else ">="} {row["limit"]:.2f}',
            'holds' if row['holds'] else 'MISSED']


def cells(row):
    if not has_figures(row):
        return [row['name'], row['unit'], '-- ' + (row['samples']['failures'] or ['no sample'])[0]]
    return [row['name'], row['unit'], *side_cells(row, 'ours'), row['beside'],
            *side_cells(row, 'theirs'), spread(row['ratio']) if 'ratio' in row else '--',
            *verdict_cells(row)]


def table(rows):
    return columns([list(HEAD)] + [cells(row) for row in rows])


def failures(rows):
    """Of rows that have figures all the same; the others say it in the table."""
    for row in rows:
        failed = row['samples']['failures']
        if failed and has_figures(row):
            yield f'{row["name"]}: {len(failed)} rounds failed: {failed[0]}'


def is_whole(result):
    return all(has_figures(row) for row in result['rows'])


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
