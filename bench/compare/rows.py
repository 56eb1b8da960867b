# SPDX-License-Identifier: BSD-3-Clause
"""What a report says of a path: a row, with a measure for each thing that was measured on it. The
README beside this folder and report.schema.json say what each key means."""
import statistics

SCHEMA = 3
ROUND_TRIP, CAPACITY, LOAD = 'round trip', 'capacity', 'load'
PEERS = 64  # source ports of capacity and load: nothing can join their datagrams to trains
FIGURES = ('p50_us', 'p90_us', 'p99_us', 'p999_us', 'max_us', 'rate_s', 'flood_s', 'borne_s',
           'offered_s', 'loss', 'cycles')


def summary(values):
    """Median, least and most of a figure over the rounds."""
    return {'median': statistics.median(values), 'min': min(values), 'max': max(values)}


def measure(kind, size, rounds, share=None, flows=1, percentiles=None):
    """`rounds` are objects with some of FIGURES; a figure that a round lacks, or that is None, was
    not measured in it."""
    made = {'kind': kind, 'bytes': size, 'share': share, 'flows': flows, 'rounds': rounds}
    for key in FIGURES:
        values = [one[key] for one in rounds if one.get(key) is not None]
        if values:
            made[key] = summary(values)
    if percentiles:
        made['percentiles'] = percentiles
    return made


def row(path, measures, failures):
    return {'wire': path.wire, 'server': path.server, 'idle': path.idle, 'measures': measures,
            'failures': failures}


def name(one):
    return f'{one["wire"]} {one["server"]} {one["idle"]}'


def find(rows, wire, server, idle):
    for one in rows:
        if (one['wire'], one['server'], one['idle']) == (wire, server, idle):
            return one
    return None


def find_measure(one, kind, size=None, share=None, flows=None):
    """The first measure of a row with these; any size and share without one, and flows of that kind
    as they usually are. None if it was not measured."""
    flows = flows or (1 if kind == ROUND_TRIP else PEERS)
    for made in one['measures'] if one else ():
        if (made['kind'], made['flows']) == (kind, flows) and size in (None, made['bytes']) and \
                share in (None, made['share']) and made['rounds']:
            return made
    return None


def is_searched(made):
    """Whether a capacity is that of a search, at least in some rounds."""
    return made is not None and 'borne_s' in made


def median(made, key):
    """The median of a figure of a measure; None where there is none."""
    return made[key]['median'] if made and key in made else None


def round_trip(one):
    """The median round trip of a row, in microseconds; None if it was not measured."""
    return median(find_measure(one, ROUND_TRIP), 'p50_us')


def ratio(one, base):
    """How many times shorter the median round trip is; None if either was not measured."""
    ours, theirs = round_trip(one), round_trip(base)
    return theirs / ours if ours and theirs else None


def add_ratios(rows, paths):
    """Sets `vs_plain`: against plain sockets that wait in the same way, on the same wire."""
    for one, path in zip(rows, paths):
        base = find(rows, path.plain.wire, path.plain.server, path.plain.idle)
        one['vs_plain'] = ratio(one, base)


def ratios(rows):
    """Of the round trip past the kernel to what it is measured against; None: not measured."""
    dpdk = find(rows, 'virtio', 'dpdk', 'busy')
    others = {
        'dpdk_vs_plain_block': find(rows, 'loopback', 'plain', 'block'),
        'dpdk_vs_plain_busy': find(rows, 'loopback', 'plain', 'busy'),
        'dpdk_vs_testpmd': find(rows, 'virtio', 'testpmd', 'busy'),
    }
    return {key: ratio(dpdk, other) for key, other in others.items()}
