# SPDX-License-Identifier: BSD-3-Clause
"""From the samples of each pair to a table, and the same as JSON."""
import statistics

from report import number, spread
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


def idle_of(samples):
    if not samples:
        return {}
    return {key: summary([sample[key] for sample in samples]) for key in ('seconds', 'mib')}


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
    lines = [list(HEAD)] + [cells(row) for row in rows]
    widths = [max([len(line[i]) for line in lines if len(line) == len(HEAD)])
              for i in range(len(HEAD))]
    for line in lines:
        yield '  '.join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()


def lines(result):
    facts, settings = result['machine'], result['settings']
    yield (f'{facts["cpu"]}, {facts["cores"]} cores{", virtual" if facts["virtual"] else ""}; '
           f'Linux {facts["kernel"]}; {facts["volley"]}, DPDK {facts["dpdk"]}; '
           f'{"huge" if settings["huge_pages"] else "normal"} pages on both sides')
    yield (f'{settings["bytes"]} bytes of payload, bursts of {settings["burst"]}; server on core '
           f'{settings["cores"][0]}, client on core {settings["cores"][1]}; medians of '
           f'{settings["rounds"]} rounds of {settings["seconds"]} s in turn; cycles: of the time '
           'stamp counter, for a datagram')
    yield ''
    yield from table(result['rows'])
    yield ''
    for name, idle in result['idle'].items():
        if not idle:
            continue
        yield (f'{name}: ready after {number(idle["seconds"]["median"])} s, '
               f'{number(idle["mib"]["median"])} MiB resident')
    for row in result['rows']:
        failures = row['samples']['failures']
        if failures and 'ratio' in row:
            yield f'{row["name"]}: {len(failures)} rounds failed: {failures[0]}'
    if facts['load'] > 0.5:
        yield f'Other work was running here before (load {facts["load"]:.1f}).'
