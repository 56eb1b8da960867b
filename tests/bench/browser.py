#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The page of a report in Chromium; scripts/test-page runs this.

    browser.py                tests, with a report that is made up
    browser.py REPORT.json    pictures of that one
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import made_up
import page
import reports

BROWSER = ['chromium', '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars',
           '--enable-logging=stderr', '--host-resolver-rules=MAP * ~NOTFOUND']
# Chromium lays out nothing narrower than 500 for --dump-dom; a picture has the width asked for.
SCREEN, PHONE = (1280, 9000), (390, 12000)
DARK = '--blink-settings=preferredColorScheme=0'
# What the page looks like once it is laid out, left in the document for --dump-dom.
LOOK = '''<script>
function shown(element) { return getComputedStyle(element).display !== "none"; }
function meet(a, b) {
	return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
function clashes(svg) {
	const boxes = [...svg.querySelectorAll("text")].map(text => text.getBoundingClientRect());
	const frame = svg.getBoundingClientRect();
	return boxes.filter((box, at) => box.left < frame.left - 1 || box.right > frame.right + 1 ||
		boxes.slice(at + 1).some(other => meet(box, other))).length;
}
const drawings = [...document.querySelectorAll("svg")].filter(shown);
document.documentElement.dataset.look = JSON.stringify({
	width: document.documentElement.scrollWidth,
	window: window.innerWidth,
	kinds: [...new Set(drawings.map(svg => svg.getAttribute("class")))],
	drawings: drawings.length,
	clashes: drawings.map(clashes).reduce((a, b) => a + b, 0),
	letters: Math.min(...drawings.flatMap(svg => [...svg.querySelectorAll("text")].map(
		text => text.getBoundingClientRect().height))),
	empty: drawings.filter(svg => svg.getBoundingClientRect().height < 100).length,
	paper: getComputedStyle(document.body).backgroundColor,
	ink: getComputedStyle(document.body).color,
	requests: performance.getEntriesByType("resource").map(entry => entry.name),
});
</script>'''


def browse(path, size, *words):
    """What Chromium prints of a file, and what it complains of."""
    with tempfile.TemporaryDirectory(prefix='volley-page-') as profile:
        done = subprocess.run([*BROWSER, f'--user-data-dir={profile}',
                               '--window-size={},{}'.format(*size), *words, 'file://' + path],
                              capture_output=True, text=True, check=False, timeout=120)
    return done.stdout, [line for line in done.stderr.splitlines() if 'CONSOLE' in line]


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='volley-page-')
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = os.path.join(cls.folder.name, 'report.html')
        report = made_up.report()
        report['disturbances'] = ['two cores: ' + 'much is said here ' * 10]
        with open(cls.path, 'w', encoding='utf-8') as file:
            file.write(page.page(report, ['a line of what has changed, ' * 8])
                       .replace('</body>', LOOK + '</body>'))

    def look(self, size, *words):
        text, complaints = browse(self.path, size, '--dump-dom', *words)
        self.assertEqual(complaints, [])
        found = re.search(r'data-look="([^"]*)"', text)
        self.assertTrue(found, text[-2000:])
        look = json.loads(found.group(1).replace('&quot;', '"'))
        self.assertEqual(look['requests'], [])
        self.assertEqual(look['drawings'], 12)
        self.assertEqual(look['empty'], 0)
        self.assertEqual(look['clashes'], 0, 'labels that meet, or are cut off')
        self.assertLessEqual(look['width'], look['window'], 'it is wider than its window')
        self.assertGreater(look['letters'], 11, 'letters too small to read')
        return look

    def test_screen(self):
        self.assertEqual(self.look(SCREEN)['kinds'], ['wide'])

    def test_phone(self):
        self.assertEqual(self.look(PHONE)['kinds'], ['narrow'])

    def test_dark(self):
        light, dark = self.look(SCREEN), self.look(SCREEN, DARK)
        self.assertEqual(light['paper'], 'rgb(255, 255, 255)')
        self.assertEqual(dark['paper'], 'rgb(18, 21, 26)')
        self.assertNotEqual(light['ink'], dark['ink'])


def pictures(report):
    folder = os.path.join(made_up.ROOT, 'build', 'page')
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, 'report.html')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(page.page(reports.load(report)))
    for name, size, words in (('screen', SCREEN, ()), ('phone', PHONE, ()),
                              ('dark', SCREEN, (DARK,))):
        picture = os.path.join(folder, name + '.png')
        browse(path, size, f'--screenshot={picture}', *words)
        print(picture)


if __name__ == '__main__':
    if len(sys.argv) > 1:
        pictures(sys.argv[1])
    else:
        unittest.main()
