# SPDX-License-Identifier: BSD-3-Clause
"""A report as one HTML page that needs nothing else: no network, no script, no font."""
import math
import os
from html import escape

import report
from page_plots import figures_of
from plots import SERVERS
from rows import CAPACITY, ROUND_TRIP, find, find_measure, median, name

STYLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'page.css')
BAR_PERCENT = 78  # of the longest bar: the figure stands behind it
FACTS = (('cpu', 'Processor'), ('cores', 'Cores'), ('virtual', 'Virtual machine'),
         ('hypervisor', 'Hypervisor'), ('governor', 'Frequency governor'),
         ('isolated', 'Isolated cores'), ('memory_mib', 'Memory, MiB'),
         ('huge_pages', 'Huge pages'), ('kernel', 'Kernel'), ('system', 'System'),
         ('mitigations', 'Mitigations'), ('volley', 'Volley'), ('commit', 'Commit'),
         ('dpdk', 'DPDK'), ('liburing', 'liburing'), ('compiler', 'Compiler'), ('time', 'When'))


def text_of(value):
    if value is None or value == '':
        return 'not known'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, list):
        return '; '.join(map(str, value)) or 'none'
    return str(value)


# --- the top --------------------------------------------------------------------------------------

def warnings(result):
    """What a reader must know before any figure."""
    lines = [escape(line) for line in result['disturbances']]
    if not result['complete']:
        lines.insert(0, '<b>The run was interrupted.</b> What follows is of the rounds that were '
                        'done.')
    if not lines:
        return ''
    items = ''.join(f'<li>{line}</li>' for line in lines)
    return f'<div class="warn" role="note">What disturbs these figures:<ul>{items}</ul></div>'


def card(figure, text):
    return f'<div class="card"><b>{escape(figure)}</b><span>{escape(text)}</span></div>'


def cards(result):
    """The headline."""
    rows, known, made = result['rows'], result['ratios'], []
    dpdk = find(rows, 'virtio', 'dpdk', 'busy')
    p50 = median(find_measure(dpdk, ROUND_TRIP), 'p50_us')
    if p50:
        made.append(card(f'{report.number(p50)} µs', 'median round trip past the kernel: dpdk '
                                                     'over a virtio pair'))
    if known['dpdk_vs_plain_block']:
        made.append(card(f'{report.number(known["dpdk_vs_plain_block"])}×',
                         'shorter than plain sockets that block'))
    if known['dpdk_vs_plain_busy']:
        made.append(card(f'{report.number(known["dpdk_vs_plain_busy"])}×',
                         'shorter than plain sockets that spin'))
    if known['dpdk_vs_testpmd']:
        made.append(card(f'{known["dpdk_vs_testpmd"]:.2f}×',
                         'as fast a round trip as testpmd, which swaps addresses and counts '
                         'nothing'))
    rate = median(find_measure(dpdk, CAPACITY), 'rate_s')
    if rate:
        made.append(card(f'{report.number(rate / 1e6)} M/s', 'datagrams answered past the kernel, '
                                                             'one core each side'))
    return f'<div class="cards">{"".join(made)}</div>' if made else ''


# --- tables and bars ------------------------------------------------------------------------------

def table(head, lines, names):
    """Lines of cells; one with fewer cells than the head ends with a sentence."""
    def cells(line, tag):
        out = []
        for at, cell in enumerate(line):
            is_name = at < names or len(line) < len(head)
            span = f' colspan="{len(head) - at}"' if at == len(line) - 1 < len(head) - 1 else ''
            kind = ' class="name"' if is_name else ''
            out.append(f'<{tag}{kind}{span}>{escape(cell)}</{tag}>')
        return '<tr>' + ''.join(out) + '</tr>'
    body = '\n'.join(cells(line, 'td') for line in lines)
    return (f'<div class="scroll"><table><thead>{cells(head, "th")}</thead>\n'
            f'<tbody>{body}</tbody></table></div>')


def one_name(line):
    """Wire, server and idle in one cell: a phone shows more of the rest."""
    return [' '.join(line[:report.NAMES])] + list(line[report.NAMES:])


def tables(rows):
    lines = [one_name(report.round_trip_cells(row)) for row in rows]
    yield table(['path', *report.ROUND_TRIPS[report.NAMES:]], lines, 1)
    yield ('<p class="quiet">A path is a wire, a server, and how both ends wait: <b>block</b> '
           'sleeps until something comes, <b>busy</b> spins, <b>preset</b> is the server as it '
           'comes and a client that sleeps. Microseconds; <b>krt/s</b>: thousand round trips a '
           'second. Medians of the rounds, least and most of them in brackets; max is the '
           'greatest of all. <b>vs plain</b>: the median of plain sockets that wait in the same '
           'way, on the same wire (virtio against loopback), divided by this one: above 1 is '
           'faster.</p>')


def load_table(rows):
    columns = [*(report.measured(rows, kind, key) for kind, key in report.LOAD_COLUMNS),
               report.has_one_peer(rows)]
    head = one_name(report.load_head(*columns))
    head[0] = 'path'
    return table(head, [one_name(report.load_cells(row, *columns)) for row in rows], 1)


def capacity_words(rows):
    yield ('<p class="quiet"><b>k/s</b>: thousand datagrams answered a second, as fast as one '
           'client core asks, from 64 ports; <b>cycles</b>: of the server, for each of them.</p>')
    if report.has_searched(rows):
        yield f'<p class="quiet">{escape(report.SEARCHED_MEANS)}.</p>'
    for sentence in report.repeated(rows):
        yield f'<p class="quiet">{escape(sentence)}.</p>'


def colour_of(row):
    return row['server'] if row['server'] in SERVERS else 'other'


def bars(rows, values, write):
    """A bar for each row that has a value; `write` makes its text."""
    most = max((value for value in values if value), default=0)
    out = []
    for row, value in zip(rows, values):
        if value:
            width = BAR_PERCENT * value / most
            out.append(f'<span>{escape(name(row))}</span><div><i style="width:{width:.1f}%;'
                       f'--colour:var(--{colour_of(row)})"></i><span>{write(value)}</span></div>')
    return f'<div class="bars">{"".join(out)}</div>' if out else ''


def log_ticks(values):
    """Round numbers (1, 2, 5, 10 ...) for a logarithmic axis, from the last one that is below all
    values and 1 to the first above."""
    known = [digit * 10.0 ** power for power in range(-6, 9) for digit in (1, 2, 5)]
    low = max(tick for tick in known if tick <= min(*values, 1) and tick < 1)
    high = min(tick for tick in known if tick >= max(*values, 1) and tick > 1)
    return [tick for tick in known if low <= tick <= high]


def ratio_rows(rows):
    """A bar for each row that has a ratio, from the line of 1 to the right, or to the left where it
    is less, over a logarithmic axis: on another the greatest would leave nothing of the rest."""
    shown = [row for row in rows if row['vs_plain']]
    ticks = log_ticks([row['vs_plain'] for row in shown])
    span = math.log(ticks[-1] / ticks[0])

    def at(value):
        return 100 * math.log(value / ticks[0]) / span

    lines = ''.join(f'<b{" class=one" if tick == 1 else ""} style="left:{at(tick):.1f}%"></b>'
                    for tick in ticks)
    for row in shown:
        left, right = sorted((at(1), at(row['vs_plain'])))
        yield (f'<span>{escape(name(row))}</span><div>{lines}<i style="left:{left:.1f}%;'
               f'width:{right - left:.1f}%;--colour:var(--{colour_of(row)})"></i></div>'
               f'<span class="value">{row["vs_plain"]:.2f}</span>')
    labels = ''.join(f'<span style="left:{at(tick):.1f}%">{tick:g}</span>' for tick in ticks)
    yield f'<span></span><div class="axis">{labels}</div><span></span>'


def ratio_bars(rows):
    if any(row['vs_plain'] for row in rows):
        yield '<h2>Beside plain sockets</h2>'
        yield ('<p class="quiet">How many times shorter the median round trip is than that of '
               'plain sockets which wait in the same way, which are 1: to the right of them is '
               'faster, to the left slower. The axis is logarithmic.</p>')
        yield f'<div class="ratios">{"".join(ratio_rows(rows))}</div>'


def cycle_bars(rows):
    values = [median(find_measure(row, CAPACITY), 'cycles') for row in rows]
    made = bars(rows, values, report.number)
    if made:
        yield '<h2>Cycles of a datagram</h2>'
        yield ('<p class="quiet">What the server spends on each datagram that it answers, with as '
               'much to do as it can: the processor time of its threads, the kernel\'s work for '
               'them included, in cycles of the time stamp counter. Shorter is better.</p>')
        yield made


# --- the page -------------------------------------------------------------------------------------

def machine_of(result):
    facts = result['machine']
    yield '<h2>The machine</h2>'
    known = {**facts, 'isolated': facts['isolated'] or 'none'}
    lines = ''.join(f'<tr><th>{title}</th><td>{escape(text_of(known.get(key)))}</td></tr>'
                    for key, title in FACTS)
    yield f'<table class="facts">{lines}</table>'
    yield '<h2>To do it again</h2>'
    yield f'<pre>{escape(result["command"])}</pre>'
    yield ('<p class="quiet">In the source tree, at the commit above. report.json beside this page '
           'has every round; the .hgrm files hold the distributions, for HdrHistogram\'s '
           'plotter.</p>')


def method(result):
    settings = result['settings']
    cores = ' and '.join(settings['cores'])
    most = '' if result['complete'] else 'at most '
    return (f'<p class="quiet">Server and client on cores {escape(cores)}; all paths in turn, '
            f'{most}{settings["rounds"]} rounds, {settings["seconds"]:g} s for each measurement, '
            f'{settings["warmup"]} round trips before those that count.</p>')


def body(result, comparison):
    facts, rows = result['machine'], result['rows']
    yield '<h1>Volley, measured</h1>'
    commit = (facts['commit'] or 'no commit known')[:12] + (', changed' if facts['changed'] else '')
    yield (f'<p class="quiet">{escape(facts["time"])} · {escape(facts["volley"])} ({commit}) · '
           f'{escape(facts["cpu"])}, Linux {escape(facts["kernel"])}</p>')
    yield cards(result)
    yield warnings(result)
    yield method(result)
    yield '<h2>Round trips, one datagram in flight</h2>'
    yield from tables(rows)
    yield from ratio_bars(rows)
    yield from figures_of(result)
    if report.measured(rows, CAPACITY, 'bytes'):
        yield '<h2>Capacity, and latency below it</h2>'
        yield load_table(rows)
        yield from capacity_words(rows)
    yield from cycle_bars(rows)
    if comparison:
        yield '<h2>What has changed</h2>'
        yield f'<pre class="lines">{escape(chr(10).join(comparison))}</pre>'
    yield from machine_of(result)


def page(result, comparison=()):
    """`comparison`: lines about what has changed since another report."""
    with open(STYLE, encoding='utf-8') as file:
        style = file.read()
    return ('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            '<title>Volley, measured</title>\n'
            '<link rel="icon" href="data:,">\n'  # else a browser asks for one
            f'<style>\n{style}</style>\n</head>\n<body>\n' + '\n'.join(body(result, comparison)) +
            '\n</body>\n</html>\n')
