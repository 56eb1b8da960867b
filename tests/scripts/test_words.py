#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/ make of what is typed: --help is there at once, and what they would refuse is
refused in one line, before anything is installed, built or started."""
import os
import subprocess
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
SETUP_STATUS = 77  # of what stands in for scripts/setup
LIMIT_S = 20
HELPFUL = ('bench', 'bind', 'hugepages', 'setup', 'test', 'test-docker', 'test-guest', 'test-page',
           'test-results', 'tidy')
REFUSED = [
    ('bench --nonsense', '--nonsense'),
    ('bench sideways', "no matrix 'sideways'; known: peers"),
    ('bench kernel peers', "one matrix at a time: 'kernel' or 'peers'"),
    ('bench --rounds 0', "'0' is not a number from 1 to 1000"),
    ('bench --quick chat --seconds never', "'never' is not from 0.01 to 3600 seconds"),
    ('bench --quick --full', 'not allowed with'),
    ('bench dpdk --only nonsense', 'no row has "nonsense" in its name'),
    ('bench --compare nowhere.json', 'nowhere.json: No such file'),
    ('test --nonsense', "no option '--nonsense'; known: --all, --no-install"),
    ('test-docker --nonsense', "no test '--nonsense'; one: "),
    ('test-docker Compose.test_nothing', "no test 'Compose.test_nothing'"),
    ('test-guest Kernel.test_nothing', "no test 'Kernel.test_nothing'"),
    ('test-guest Kernel.test_preset Nothing', "no test 'Nothing'"),
    ('test-page nowhere.json', 'nowhere.json is no file'),
]


class Words(unittest.TestCase):
    def setUp(self):
        """A tree with the same scripts, in which setup only says that it was called."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = folder.name
        os.mkdir(self.tree + '/scripts')
        for name in os.listdir(ROOT + '/scripts'):
            os.symlink(f'{ROOT}/scripts/{name}', f'{self.tree}/scripts/{name}')
        for name in ('bench', 'tests'):
            os.symlink(f'{ROOT}/{name}', f'{self.tree}/{name}')
        os.unlink(self.tree + '/scripts/setup')
        with open(self.tree + '/scripts/setup', 'w', encoding='utf-8') as file:
            file.write(f'#!/bin/sh\necho setup is reached\nexit {SETUP_STATUS}\n')
            os.chmod(file.fileno(), 0o755)

    def run_line(self, line):
        script, *words = line.split()
        return subprocess.run([f'scripts/{script}', *words], cwd=self.tree, capture_output=True,
                              text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL, check=False)

    def test_help(self):
        for name in HELPFUL:
            with self.subTest(name=name):
                done = self.run_line(name + ' --help') if name != 'setup' else subprocess.run(
                    [ROOT + '/scripts/setup', '--help'], capture_output=True, text=True,
                    timeout=LIMIT_S, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ''))
                self.assertIn(name, done.stdout)
                self.assertNotIn('setup is reached', done.stdout)

    def test_refused_at_once(self):
        for line, text in REFUSED:
            with self.subTest(line=line):
                done = self.run_line(line)
                self.assertIn(done.returncode, (1, 2))
                self.assertEqual((done.stdout, done.stderr.count('\n')), ('', 1))
                self.assertIn(text, done.stderr)

    def test_what_is_right_goes_on(self):
        for line in ('bench --quick', 'bench --rounds 3 peers -o out', 'bench --seconds 50ms'):
            with self.subTest(line=line):
                done = self.run_line(line)
                self.assertEqual(done.returncode, SETUP_STATUS)
                self.assertEqual(done.stdout, 'setup is reached\n')


if __name__ == '__main__':
    unittest.main()
