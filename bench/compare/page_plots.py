# SPDX-License-Identifier: BSD-3-Clause
"""Which plots the page has, and what they say."""
from html import escape

import plots
from child import Failure
from rows import CAPACITY, LOAD, PEERS, ROUND_TRIP, find_measure, median

# One plot each: more curves than these in one nobody can tell apart.
GROUPS = (
    ('Both sides spin', lambda row: row['idle'] == 'busy'),
    ('Loopback, asleep until something comes',
     lambda row: row['wire'] == 'loopback' and row['idle'] != 'busy'),
    ('veth, asleep until something comes',
     lambda row: row['wire'] == 'veth' and row['idle'] != 'busy'),
)
PERCENTILES = (('0 %', 0.0), ('50 %', 0.5), ('90 %', 0.9), ('99 %', 0.99), ('99.9 %', 0.999),
               ('99.99 %', 0.9999), ('99.999 %', 0.99999), ('99.9999 %', 0.999999))
ROOM = 3e4  # of the axis, in distances, up to which all have theirs
KNOWN = (('p50_us', 0.5), ('p90_us', 0.9), ('p99_us', 0.99), ('p999_us', 0.999))


def title_of(row):
    return ' '.join((row['wire'], row['server'], row['idle']))


def dash_of(row):
    """Told apart within a group, beside the server's colour."""
    if row['wire'] == 'veth' and row['idle'] == 'busy':
        return 'dashed'
    return 'dashed' if row['idle'] == 'preset' else 'solid'


def curves(rows, points_of):
    made = []
    for row in rows:
        if row['server'] not in plots.SERVERS:
            continue  # it has no colour of its own
        points = tuple(points_of(row))
        if len(points) > 1:
            made.append(plots.Curve(title_of(row), row['server'], dash_of(row), points))
    return tuple(made)


def distance(fraction):
    """The axis of percentiles: twice as far along, half as many lie above."""
    return 1 / (1 - fraction)


def percentile_points(row):
    made = find_measure(row, ROUND_TRIP)
    if not made or 'p50_us' not in made:
        return []
    known = made.get('percentiles') or [(at, median(made, key)) for key, at in KNOWN]
    return [(distance(fraction), value) for fraction, value in known if value > 0]


def load_points(row, key):
    loads = sorted((made for made in row['measures'] if made['kind'] == LOAD and key in made),
                   key=lambda made: made['share'])
    return [(median(made, 'rate_s'), median(made, key)) for made in loads
            if median(made, 'rate_s')]


def size_points(row):
    found = (one for one in row['measures'] if (one['kind'], one['flows']) == (CAPACITY, PEERS))
    sizes = sorted(found, key=lambda one: one['bytes'])
    return [(one['bytes'], median(one, 'rate_s')) for one in sizes if median(one, 'rate_s')]


def percentile_plot(title, found):
    most = max(x for curve in found for x, _ in curve.points)
    # The first two would meet on a long axis.
    first = 1 if most > ROOM else 0
    ticks = tuple((text, distance(at)) for text, at in PERCENTILES[first:]
                  if distance(at) <= most * 1.3)
    return plots.Plot(title, 'percentile', 'round trip, µs', found, ticks)


def plots_of(rows):
    """Yields (heading, words before, plots)."""
    def grouped(make, points_of):
        for title, belongs in GROUPS:
            found = curves([row for row in rows if belongs(row)], points_of)
            if found:
                yield make(title, found)

    yield ('Percentiles of a round trip',
           'Read to the right: how long the slowest tenth, hundredth, thousandth takes. Both axes '
           'are logarithmic.', list(grouped(percentile_plot, percentile_points)))
    for key, what in ('p50_us', 'the median'), ('p99_us', '99 of 100'):
        yield (f'Latency against load: {what}',
               'At a tenth, half and nine tenths of what each path can do, from the moment at '
               'which a datagram was due.',
               list(grouped(lambda title, found: plots.Plot(
                   title, 'datagrams a second', 'µs', found, marks=True),
                   lambda row, key=key: load_points(row, key))))
    sizes = tuple((str(size), size) for size in sorted(
        {made['bytes'] for row in rows for made in row['measures'] if made['kind'] == CAPACITY}))
    yield ('Throughput against size', 'Datagrams answered a second, as fast as one client core '
           'asks.', list(grouped(lambda title, found: plots.Plot(
               title, 'bytes of payload', 'datagrams a second', found, sizes, True),
               size_points)))


def legend(plot):
    items = ''.join(f'<li class="{curve.dash}" style="--colour:var(--{curve.server})"><i></i>'
                    f'{escape(curve.title)}</li>' for curve in plot.curves)
    return f'<ul class="legend">{items}</ul>'


def figure(plot):
    return (f'<figure><h3>{escape(plot.title)}</h3>{legend(plot)}\n{plots.draw(plot)}</figure>')


def figures_of(result):
    """All plots as HTML. Without gnuplot a line says so in their place."""
    try:
        for heading, words, made in plots_of(result['rows']):
            if made:
                drawn = [figure(plot) for plot in made]
                yield f'<h2>{escape(heading)}</h2><p class="quiet">{escape(words)}</p>'
                yield from drawn
    except Failure as failure:
        yield f'<p class="warn">{escape(str(failure))}</p>'
