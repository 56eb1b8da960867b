#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The page of a report: well formed, complete, and in need of nothing else."""
import html.parser
import re
import unittest
import unittest.mock

import made_up
import page

VOID = ('meta', 'link', 'br', 'img', 'hr')
REFERENCES = ('src', 'href', 'xlink:href', 'action', 'data', 'poster', 'srcset')


class Reader(html.parser.HTMLParser):
    """Raises ValueError where an element is not closed by its own end."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.references, self.ids, self.words = [], [], [], [], []
        self.feed(text)
        self.close()
        if self.open:
            raise ValueError(f'not closed: {self.open}')

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.references += [value for key, value in attrs if key in REFERENCES]
        self.ids += [value for key, value in attrs if key == 'id']
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.references += [value for key, value in attrs if key in REFERENCES]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise ValueError(f'</{tag}> at {self.getpos()} closes nothing')

    def handle_data(self, data):
        self.words.append(data)

    def count(self, tag, **wanted):
        return sum(name == tag and wanted.items() <= attributes.items()
                   for name, attributes in self.tags)

    def text(self):
        return ' '.join(' '.join(self.words).split())


class Page(unittest.TestCase):
    def setUp(self):
        self.result = made_up.report()

    def read(self):
        return Reader(page.page(self.result))

    def test_needs_nothing_else(self):
        text = page.page(self.result)
        reader = Reader(text)
        self.assertEqual([one for one in reader.references if one != 'data:,'], [])
        self.assertNotRegex(text, r'https?://|@import|url\(|<script')

    def test_every_part_is_there(self):
        reader = self.read()
        headings = [words for words in reader.words if words.strip()]
        for wanted in ('Volley, measured', 'Beside plain sockets', 'Percentiles of a round trip',
                       'Latency against load: the median', 'Throughput against size',
                       'Cycles of a datagram', 'The machine', 'To do it again',
                       'scripts/bench --full', 'Made-up <CPU> & Co', 'spectre_v2: Retpolines'):
            self.assertIn(wanted, headings)

    def test_a_plot_for_each_group_and_size(self):
        reader = self.read()
        # Percentiles, two of latency against load, throughput; three groups; a phone and a window.
        self.assertEqual(reader.count('svg'), 4 * 3 * 2)
        self.assertEqual(reader.count('svg', **{'class': 'wide'}),
                         reader.count('svg', **{'class': 'narrow'}))
        self.assertEqual(reader.ids, [])  # gnuplot's would be there many times

    def test_colours_follow_the_style_sheet(self):
        text = page.page(self.result)
        self.assertNotRegex(text[text.index('</style>'):], r'rgb\(|#[0-9a-fA-F]{6}')
        used = set(re.findall(r'var\((--[a-z]+)\)', text))
        self.assertLessEqual({'--plain', '--socket', '--uring', '--dpdk', '--testpmd'}, used)
        for variable in used - {'--colour'}:
            self.assertEqual(text.count(variable + ':'), 2, f'{variable}: light and dark')

    def test_what_disturbs_is_said(self):
        self.assertNotIn('What disturbs', self.read().text())
        self.result['disturbances'] = ['one core: <all>']
        self.result['complete'] = False
        text = self.read().text()
        self.assertIn('one core: <all>', text)
        self.assertIn('The run was interrupted', text)

    def test_what_was_not_measured_says_why(self):
        row = self.result['rows'][3]
        row['measures'], row['failures'] = [], ['needs <root>']
        row['vs_plain'] = None
        self.assertIn('-- needs <root>', self.read().text())

    def test_nothing_measured(self):
        for row in self.result['rows']:
            row['measures'], row['vs_plain'] = [], None
        self.result['ratios'] = dict.fromkeys(self.result['ratios'])
        reader = self.read()
        self.assertEqual(reader.count('svg'), 0)
        self.assertIn('not measured', reader.text())

    def test_ratios_stand_on_a_logarithmic_axis(self):
        self.assertEqual(page.log_ticks([0.85, 12.5]), [0.5, 1, 2, 5, 10, 20])
        self.assertEqual(page.log_ticks([1.0]), [0.5, 1, 2])
        self.assertEqual(page.log_ticks([100.0, 1.2]), [0.5, 1, 2, 5, 10, 20, 50, 100])
        for row, ratio in zip(self.result['rows'], (0.5, 1.0, 2.0, 8.0)):
            row['vs_plain'] = ratio
        for row in self.result['rows'][4:]:
            row['vs_plain'] = None
        found = re.findall(r'<i style="left:([\d.]+)%;width:([\d.]+)%', page.page(self.result))
        # From 0.5 to 10 a factor of two takes 23.1 % of the axis.
        self.assertEqual(len(found), 4)
        for (left, width), (wanted, wide) in zip(found, ((0, 23.1), (23.1, 0), (23.1, 23.1),
                                                         (23.1, 69.4))):
            self.assertAlmostEqual(float(left), wanted, delta=0.2)
            self.assertAlmostEqual(float(width), wide, delta=0.2)

    def test_without_gnuplot(self):
        with unittest.mock.patch('shutil.which', return_value=None):
            reader = self.read()
        self.assertEqual(reader.count('svg'), 0)
        self.assertIn('apt-get install gnuplot-nox', reader.text())
        self.assertGreaterEqual(reader.count('table'), 3)


if __name__ == '__main__':
    unittest.main()
