# SPDX-License-Identifier: BSD-3-Clause
"""Percentile distributions in the text format of HdrHistogram (outputPercentileDistribution), which
its plotter and other tools read: columns Value, Percentile, TotalCount and 1/(1-Percentile), then
lines that begin with #. Here a distribution is a list of (value, count), by ascending value."""
import collections
import math

STEPS = 5  # lines while the distance to 100 % halves once: HdrHistogram's default
HEAD = f'{"Value":>12} {"Percentile":>14} {"TotalCount":>10} {"1/(1-Percentile)":>14}\n\n'


class Malformed(Exception):
    """It is not such a file; the text says what is wrong."""


def read(path):
    """A value stands for all that are above the line before, and not above it itself."""
    found, seen = [], 0
    with open(path, encoding='ascii', errors='replace') as file:
        for number, line in enumerate(file, 1):
            words = line.split()
            if not words or words[0] == 'Value' or line.startswith('#'):
                continue
            try:
                value, total = float(words[0]), int(words[2])
            except (ValueError, IndexError) as error:
                raise Malformed(f'{path}: line {number} is not one of a percentile '
                                'distribution') from error
            if total < seen or (found and value < found[-1][0]):
                raise Malformed(f'{path}: line {number} goes backwards')
            if total > seen:
                found.append((value, total - seen))
                seen = total
    return found


def merged(distributions):
    """All values of all of them."""
    counts = collections.Counter()
    for distribution in distributions:
        for value, count in distribution:
            counts[value] += count
    return sorted(counts.items())


def ranks(total):
    """The percentiles of the lines, as fractions: as HdrHistogram steps through them, up to the
    one that is the last value alone."""
    fraction = 0.0
    while (1 - fraction) * total > 1:
        yield fraction
        halvings = int(math.log2(1 / (1 - fraction))) + 1
        fraction += 1 / (STEPS * 2 ** halvings)
    yield 1.0


def walk(distribution, fractions):
    """Yields (fraction, value, values up to there) for ascending fractions."""
    total = sum(count for _, count in distribution)
    at, seen = 0, 0
    for fraction in fractions:
        wanted = max(1, math.ceil(fraction * total - 1e-9))
        while seen < wanted and at < len(distribution):
            seen += distribution[at][1]
            at += 1
        yield fraction, distribution[at - 1][0], seen


def curve(distribution, points=160):
    """[percentile from 0 to 1, value] for a plot: not more than so many points, the last one being
    the greatest value, at the percentile that it alone lies above."""
    total = sum(count for _, count in distribution)
    if not total:
        return []
    fractions = [min(fraction, 1 - 1 / total) for fraction in ranks(total)]
    keep = max(1, math.ceil(len(fractions) / points))
    kept = fractions[:-1][::keep]
    made = [[fraction, value] for fraction, value, _ in walk(distribution, kept)]
    return made + [[max(0.0, 1 - 1 / total), distribution[-1][0]]]


def text(distribution):
    """The lines of a file."""
    total = sum(count for _, count in distribution)
    mean = sum(value * count for value, count in distribution) / total if total else 0.0
    variance = sum(count * (value - mean) ** 2 for value, count in distribution) / (total or 1)
    lines = [HEAD]
    for fraction, value, seen in walk(distribution, ranks(total)) if total else ():
        distance = f'{1 / (1 - fraction):14.2f}' if fraction < 1 else ''
        lines.append(f'{value:12.3f} {fraction:2.12f} {seen:10d} {distance}'.rstrip() + '\n')
    lines += [f'#[Mean    = {mean:12.3f}, StdDeviation   = {math.sqrt(variance):12.3f}]\n',
              f'#[Max     = {distribution[-1][0] if total else 0:12.3f}, '
              f'Total count    = {total:12d}]\n',
              f'#[Buckets = {1:12d}, SubBuckets     = {len(distribution):12d}]\n']
    return ''.join(lines)
