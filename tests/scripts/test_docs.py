#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_docs.py VOLLEY: what the documents tell people to type is there. Every sub-command and
option of a `volley` line, in a text or a manual page, is one that `volley SUB-COMMAND --help`
knows; every path that stands in a text is a file or a folder; and the handler printed in the README
is the one that is built."""
import functools
import os
import re
import subprocess
import sys
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
TEXTS = ['README.md', 'CONTRIBUTING.md', 'engine/ARCHITECTURE.md', 'apps/python/README.md',
         'docker/README.md', 'bench/README.md']
PAGES = sorted('apps/man/' + name for name in os.listdir(ROOT + '/apps/man')
               if name[-2:] in ('.1', '.7'))
FOLDERS = ('apps', 'bench', 'docker', 'engine', 'scripts', 'tests')
MADE = ('bench/.*\\.json$',)  # what a command writes


def read(name):
    with open(os.path.join(ROOT, name), encoding='utf-8') as file:
        return file.read()


def lines_of(name):
    """The lines, those that end in a backslash joined, roff's escapes taken away."""
    text = read(name)
    if name in PAGES:
        text = re.sub(r'\\f.|\\&|\\c', '', text).replace('\\-', '-').replace('\\(aq', "'")
        text = text.replace('\\e', '\\')
    return re.sub(r'\\\n\s*', ' ', text).split('\n')


def command_lines(name):
    """What is typed: the indented lines of a text, or the lines of a page's examples."""
    for line in lines_of(name):
        if name in PAGES:
            line = re.sub(r'^\.B[IR]* ', '', line)
        elif not line.startswith('    '):
            continue
        line = line.split('#')[0].strip()
        for part in re.split(r'[|;&]|\$\(|\bsudo\b', line):
            words = part.replace(')', '').split()
            while words and re.match(r'[A-Z_]+=', words[0]):
                words.pop(0)
            if words and words[0] == 'volley' and len(words) > 1:
                yield line, words[1:]


@functools.lru_cache(None)
def help_of(sub):
    done = subprocess.run([sys.argv[1], sub, '--help'], capture_output=True, text=True, timeout=20,
                          check=False)
    return done.stdout if done.returncode == 0 else None


def options_of(words):
    """The names of the options, and of no value: what stands behind a word that takes one."""
    for word in words:
        found = re.match(r'(--[a-z][a-z-]*|-[a-zA-Z])', word)
        if found:
            yield found.group(1)


class Documents(unittest.TestCase):
    def test_commands_exist(self):
        seen = 0
        for name in TEXTS + PAGES:
            for line, words in command_lines(name):
                if not re.match('[a-z][a-z-]+$', words[0]):
                    continue
                with self.subTest(name=name, line=line):
                    text = help_of(words[0])
                    self.assertIsNotNone(text, f'no sub-command {words[0]}')
                    for option in options_of(words[1:]):
                        self.assertRegex(text, rf'(?m)(^|[ ,]){re.escape(option)}\b')
                        seen += 1
        self.assertGreater(seen, 60, 'hardly an option was found: is this test still right?')

    def test_paths_exist(self):
        seen = 0
        for name in TEXTS:
            for path in re.findall(r'`([a-z][\w./-]*/[\w./*-]*)[^`]*`', read(name)):
                if path.split('/')[0] not in FOLDERS or '*' in path:
                    continue
                if any(re.match(made, path) for made in MADE):
                    continue
                with self.subTest(name=name, path=path):
                    self.assertTrue(any(os.path.exists(os.path.join(ROOT, path + end))
                                        for end in ('', '.c', '.h', '.sh')))
                    seen += 1
        self.assertGreater(seen, 40, 'hardly a path was found: is this test still right?')

    def test_the_printed_handler_is_the_built_one(self):
        printed = re.search(r'`apps/plugins/upper.c`, complete:\n\n((?:    .*\n|\n)+)',
                            read('README.md')).group(1)
        printed = re.sub('(?m)^    ', '', printed).strip()
        built = read('apps/plugins/upper.c').replace('\t', ' ' * 8).split('\n', 1)[1].strip()
        self.assertEqual(printed, built)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
