# SPDX-License-Identifier: BSD-3-Clause
"""What has changed from one report to another, path by path, and whether that can be chance."""
import dataclasses
import statistics

import significance
from report import aligned, number
from rows import CAPACITY, LOAD, ROUND_TRIP, find, find_measure, name

SIGNIFICANT = 0.05
LEAST = 0.1       # p of three rounds beside three, if none overlap
THRESHOLD = 10.0  # per cent
REGRESSION = 3    # exit status
# What is compared, of which kinds of measure, and whether more is worse.
LATENCIES = (ROUND_TRIP, LOAD)
COMPARED = (('p50_us', 'p50, us', LATENCIES, True), ('p99_us', 'p99, us', LATENCIES, True),
            ('flood_s', 'answers to a flood, a second', (CAPACITY,), False),
            ('borne_s', 'borne without loss, a second', (CAPACITY,), False),
            ('cycles', 'cycles', (CAPACITY,), True))
SAME = (('cpu', 'processor'), ('cores', 'number of cores'), ('kernel', 'kernel'),
        ('dpdk', 'DPDK'), ('liburing', 'liburing'), ('mitigations', 'mitigations'),
        ('governor', 'frequency governor'))
NOTHING = 'the two reports have no figure in common: nothing can be said'
CANNOT_TELL = 'nothing can be told from so few rounds: at least three in each report'
SETTINGS = ('seconds', 'warmup', 'cores')


@dataclasses.dataclass(frozen=True)
class Change:
    """Of one figure. `worse` is how much worse it has become, in per cent of what it was: below
    zero it is better. `p` is of the test, `least` the smallest that so few rounds could give."""
    path: str
    what: str
    old: float
    new: float
    worse: float
    p: float
    least: float

    @property
    def can_tell(self):
        """Whether there are rounds enough to tell anything: three on each side."""
        return self.least <= LEAST

    @property
    def is_sure(self):
        """Of three rounds the clearest case that they can show is taken for significant: all of
        the one on the same side of all of the other."""
        return self.can_tell and self.p <= max(SIGNIFICANT, self.least)

    def is_regression(self, threshold):
        return self.is_sure and self.worse > threshold

    def is_improvement(self, threshold):
        """By a factor as large as that of a regression."""
        return self.is_sure and self.worse < -100 * threshold / (100 + threshold)


def values(made, key):
    return [one[key] for one in made['rounds'] if one.get(key) is not None]


def title(made, text):
    part = f' at {100 * made["share"]:.0f} %' if made['share'] is not None else ''
    peers = ', one peer' if made['kind'] == CAPACITY and made['flows'] == 1 else ''
    return f'{made["kind"]} {made["bytes"]} B{part}{peers}: {text}'


def changes_of(path, old, new):
    """Of all figures of a measure that both reports have."""
    for key, text, kinds, more_is_worse in COMPARED:
        before, after = values(old, key), values(new, key)
        if new['kind'] not in kinds or not before or not after:
            continue
        was, now = statistics.median(before), statistics.median(after)
        if was <= 0 or now <= 0:
            continue
        worse = 100 * (now / was - 1 if more_is_worse else was / now - 1)
        yield Change(path, title(new, text), was, now, worse,
                     significance.p_value(before, after),
                     significance.least(len(before), len(after)))


def changes(old, new):
    for row in new['rows']:
        before = find(old['rows'], row['wire'], row['server'], row['idle'])
        for made in row['measures']:
            base = find_measure(before, made['kind'], made['bytes'], made['share'],
                                made['flows'])
            if base:
                yield from changes_of(name(row), base, made)


def missing(old, new):
    """Paths that only one of the reports has figures of."""
    for some, others, where in (old, new, 'the old report'), (new, old, 'this one'):
        for row in some['rows']:
            other = find(others['rows'], row['wire'], row['server'], row['idle'])
            if row['measures'] and not (other and other['measures']):
                yield f'only in {where}: {name(row)}'


def differences(old, new):
    """What else differs, so that not all of a change need be Volley's."""
    for key, text in SAME:
        if old['machine'].get(key) != new['machine'].get(key):
            yield f'another {text}: {old["machine"].get(key)} before, {new["machine"].get(key)} now'
    for key in SETTINGS:
        if old['settings'].get(key) != new['settings'].get(key):
            yield f'other settings: {key} was {old["settings"].get(key)}, is ' \
                  f'{new["settings"].get(key)}'
    for result, text in (old, 'the old report'), (new, 'this report'):
        if not result['complete']:
            yield f'{text} is of a run that was interrupted'


def verdict(change, threshold):
    if change.is_regression(threshold):
        return 'WORSE'
    return 'better' if change.is_improvement(threshold) else ''


def line_of(change, threshold):
    sign = 'more' if change.new > change.old else 'less'
    part = abs(change.new / change.old - 1)
    return [change.path, change.what, number(change.old), number(change.new),
            f'{100 * part:.1f} % {sign}', f'{change.p:.3f}', verdict(change, threshold)]


def table(found, threshold):
    head = ['path', 'figure', 'before', 'now', 'change', 'p', '']
    return aligned([head] + [line_of(change, threshold) for change in found], 2)


def lines(old, new, threshold):
    """Yields the lines of what is worth telling: every figure that is surely other, and a count of
    the rest."""
    found = list(changes(old, new))
    shown = [change for change in found if verdict(change, threshold)]
    yield (f'beside the report of {old["machine"]["time"]}, commit '
           f'{(old["machine"]["commit"] or "not known")[:12]}')
    yield from differences(old, new)
    yield from missing(old, new)
    if not any(change.can_tell for change in found):
        yield CANNOT_TELL if found else NOTHING
        return
    if shown:
        yield ''
        yield from table(shown, threshold)
        yield ''
    worse = sum(change.is_regression(threshold) for change in found)
    yield (f'{len(found)} figures compared: {worse} worse and {len(shown) - worse} better by more '
           f'than {threshold:g} %, the rest within that or within chance')
    yield (f'p: Mann-Whitney, two-sided, over the rounds; sure is p <= {SIGNIFICANT:g}, or with '
           'too few rounds for that, that all of one report lie beyond all of the other.')


def status(old, new, threshold):
    """The exit status: whether anything is worse; 1 if that cannot be told."""
    found = list(changes(old, new))
    if any(change.is_regression(threshold) for change in found):
        return REGRESSION
    return 0 if any(change.can_tell for change in found) else 1
