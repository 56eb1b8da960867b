# SPDX-License-Identifier: BSD-3-Clause
"""Plots for a page: gnuplot draws them as SVG, and what it draws is made fit to stand in HTML that
is light or dark. A plot is drawn twice, for a wide window and for a phone: the same drawing made
smaller would have letters that nobody can read."""
import dataclasses
import html
import math
import re
import shutil
import subprocess

from child import Failure

SIZES = {'wide': (820, 400), 'narrow': (360, 330)}
FONT = 'system-ui,sans-serif'
# gnuplot is told colours that stand for a variable of the page's style sheet.
INK, GRID, TEXT = '#010000', '#010001', '#010002'
NAMES = {(1, 0): '--ink', (1, 1): '--grid', (1, 2): '--text'}
SERVERS = ('plain', 'socket', 'uring', 'dpdk', 'testpmd')
NAMES.update({(2, number): f'--{name}' for number, name in enumerate(SERVERS)})
DASHES = {'solid': '1', 'dashed': '(9,5)', 'dotted': '(2,4)'}
RIGHT_LETTERS = 5.5  # beside the plot: half of a tick's text
MARKS = 'set style line 1 pt 7 ps 0.55'


@dataclasses.dataclass(frozen=True)
class Curve:
    """`server` gives it its colour, `dash` is one of DASHES, points are (x, y)."""
    title: str
    server: str
    dash: str
    points: tuple


@dataclasses.dataclass(frozen=True)
class Plot:
    """Both axes are logarithmic. `ticks` of x is a tuple of (text, x); empty: round numbers."""
    title: str
    x_label: str
    y_label: str
    curves: tuple
    ticks: tuple = ()
    marks: bool = False


def colour(server):
    return f'#0200{SERVERS.index(server):02x}'


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def short(value):
    """2000000 is 2M."""
    for size, letter in ((1e9, 'G'), (1e6, 'M'), (1e3, 'k')):
        if value >= size:
            return f'{value / size:g}{letter}'
    return f'{value:g}'


def round_ticks(low, high):
    """Powers of ten; where there are but two or fewer, also twice and five times those."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    made = []
    for steps in (1,), (1, 2, 5):
        made = [step * 10.0 ** power for power in range(first, last + 1) for step in steps]
        made = [value for value in made if low <= value <= high]
        if len(made) > 2:
            break
    return tuple((short(value), value) for value in made)


def tick_lines(axis, ticks):
    texts = (quoted(text.replace('%', '%%')) + f' {value:g}' for text, value in ticks)
    return f'set {axis}tics (' + ', '.join(texts) + ')'


def limits(values):
    """A logarithmic axis that the values do not touch."""
    return min(values) / 1.25, max(values) * 1.25


def script(plot, size):
    width, height = SIZES[size]
    xs = [x for curve in plot.curves for x, _ in curve.points]
    ys = [y for curve in plot.curves for _, y in curve.points]
    left, right = limits(xs)
    low, high = limits(ys)
    x_ticks = plot.ticks or round_ticks(left, right)
    with_ = 'linespoints ls 1' if plot.marks else 'lines'
    lines = [
        f'set terminal svg size {width},{height} font "{FONT},13" rounded',
        'set encoding utf8', 'set logscale xy', 'unset key', MARKS,
        f'set xrange [{left:g}:{right:g}]', f'set yrange [{low:g}:{high:g}]',
        f'set border 3 lc rgb "{GRID}"', f'set grid xtics ytics lc rgb "{GRID}" lw 1 dt 1',
        f'set tics nomirror scale 0.4 textcolor rgb "{TEXT}"',
        tick_lines('y', round_ticks(low, high)),
        tick_lines('x', x_ticks if size == 'wide' else x_ticks[::2]),
        f'set xlabel {quoted(plot.x_label)} textcolor rgb "{TEXT}"',
        f'set label {quoted(plot.y_label)} at graph 0, graph 1 offset -4, 1 textcolor rgb "{TEXT}"',
        'set tmargin 2.2', f'set rmargin {RIGHT_LETTERS}']
    parts = []
    for number, curve in enumerate(plot.curves):
        lines += [f'$curve{number} << END', *(f'{x:g} {y:g}' for x, y in curve.points), 'END']
        parts.append(f'$curve{number} using 1:2 with {with_} lc rgb "{colour(curve.server)}" lw 2 '
                     f'dt {DASHES[curve.dash]} title {quoted(curve.title)}')
    return '\n'.join(lines + ['plot ' + ', '.join(parts), ''])


def style(match, kind):
    variable = NAMES[(int(match.group(1)), int(match.group(3)))]
    return f'style="{kind}:var({variable})"'


def fit_for_page(svg):
    """Takes off what only a file of its own needs, and names the colours."""
    rgb = r'rgb\(\s*(\d+),\s*(\d+),\s*(\d+)\)'
    svg = svg[svg.index('<g id="gnuplot_canvas">'):svg.rindex('</svg>')]
    svg = re.sub(r'<defs>.*?</defs>', '', svg, flags=re.S)
    svg = re.sub(r'<use xlink:href=\'#gpPt\d+\' transform=\'translate\(([\d.]+),([\d.]+)\) '
                 r'scale\(([\d.]+)\)\' color=\'' + rgb + r'\'/>',
                 lambda m: f'<circle cx="{m.group(1)}" cy="{m.group(2)}" r="{m.group(3)}" '
                           f'style="fill:var({NAMES[(int(m.group(4)), int(m.group(6)))]})" '
                           'stroke="none"/>', svg)
    svg = re.sub(f'stroke=\'{rgb}\'', lambda m: style(m, 'stroke'), svg)
    svg = re.sub(f'fill="{rgb}"', lambda m: style(m, 'fill'), svg)
    svg = re.sub(r' id="[^"]*"| font-family="[^"]*"| color="[^"]*"', '', svg)
    svg = re.sub(r'<tspan\s*>(.*?)</tspan>', r'\1', svg)
    empty = re.compile(r'<g[^>]*>\s*</g>\n?')
    while empty.search(svg):
        svg = empty.sub('', svg)
    return re.sub(r'\n\s*', '\n', svg)


def draw(plot):
    """The plot as HTML: an <svg> for each size, of which the style sheet shows one. Raises
    Failure."""
    program = shutil.which('gnuplot')
    if not program:
        raise Failure('no plots: there is no gnuplot here; apt-get install gnuplot-nox')
    out = []
    for size, (width, height) in SIZES.items():
        done = subprocess.run([program], input=script(plot, size), capture_output=True, text=True,
                              check=False, timeout=60)
        if done.returncode != 0 or '</svg>' not in done.stdout:
            reason = (done.stderr.strip() or 'no drawing').splitlines()[-1]
            raise Failure(f'no plots: gnuplot: {reason}')
        body = fit_for_page(done.stdout)
        out.append(f'<svg class="{size}" viewBox="0 0 {width} {height}" role="img" '
                   f'aria-label="{html.escape(plot.title)}">\n{body}</svg>')
    return '\n'.join(out)
