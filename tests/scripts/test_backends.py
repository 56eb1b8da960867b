#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_backends.py VOLLEY: the manual page of the backends' options has all of those that the
backends themselves list, each with the kind of its value and its preset, and no others."""
import json
import os
import re
import shlex
import subprocess
import sys
import unittest

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    '../../apps/man/volley-backends.1')
OPTION = re.compile(r'-o ([a-z-]+)=(\S+)(?:: .*)? \(preset: ([^()]*)\)$')
OPTIONAL = {'dpdk', 'uring'}    # what a build may lack


def built():
    """Of each backend that was built in, its options as (key, kind, preset)."""
    done = subprocess.run([sys.argv[1], 'backends', '-v', '--json'], capture_output=True, text=True,
                          timeout=30, check=True)
    return {one['name']: [found.groups() for line in one['capabilities']
                          if (found := OPTION.match(line))]
            for one in json.loads(done.stdout)['backends']}


def entries():
    """The page's: (heading of the section, option, the line below it)."""
    with open(PAGE, encoding='utf-8') as file:
        lines = file.read().split('\n')
    heading = ''
    for line, below in zip(lines, lines[1:]):
        if line.startswith(('.SS ', '.SH ')):
            heading = line[4:] if line.startswith('.SS ') else ''
        elif heading and line.startswith('.BI "\\-o '):
            text = ''.join(shlex.split(line[4:])).replace('\\fR', '').replace('\\-', '-')
            yield heading, text, below


def written():
    options = {}
    for heading, text, _ in entries():
        found = OPTION.match(text)
        for name in heading.split(' and ') if found else ():
            options.setdefault(name, []).append(found.groups())
    return options


class Backends(unittest.TestCase):
    def test_each_option_is_in_the_page(self):
        page = written()
        for name, options in built().items():
            with self.subTest(backend=name):
                self.assertTrue(options)
                self.assertEqual(sorted(page.get(name, [])), sorted(options))

    def test_the_page_has_no_other_backend(self):
        self.assertLessEqual(set(written()) - OPTIONAL, set(built()))

    def test_each_entry_can_be_read_and_says_something(self):
        seen = 0
        for heading, text, below in entries():
            with self.subTest(section=heading, entry=text):
                self.assertRegex(text, OPTION)
                self.assertRegex(below, r'^[\w\\]')
                seen += 1
        self.assertGreater(seen, 40)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
