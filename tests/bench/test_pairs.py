#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Rows of two sides, and of one with a limit: what becomes of their samples, and of what
volley-microbench says. In its place stands a script; nothing is measured."""
import json
import os
import tempfile
import types
import unittest

import made_up  # for the path of the rest

# pylint: disable=wrong-import-order
import functions
import handlers
import micro
import pairs
import pairs_report
from child import Failure

assert made_up.COMPARE


def samples(*values):
    return [pairs.plain(value) for value in values]


def result_of(ours=(), theirs=(), failures=()):
    return {'ours': samples(*ours), 'theirs': samples(*theirs), 'failures': list(failures)}


def row(limit=1.0, at_most=False, theirs=True):
    return pairs.Row('a row', lambda _: pairs.plain(2.0),
                     (lambda _: pairs.plain(1.0)) if theirs else None, 'the other', limit,
                     at_most)


class Verdict(unittest.TestCase):
    def made(self, which, *sides):
        return pairs_report.row_of(which, result_of(*sides))

    def test_ratio_of_the_rounds(self):
        made = self.made(row(), (2, 30, 4), (1, 10, 4))
        self.assertEqual(made['ratio'], {'median': 2, 'min': 1, 'max': 3})
        self.assertTrue(made['holds'])
        self.assertFalse(self.made(row(2.5), (2, 30, 4), (1, 10, 4))['holds'])
        self.assertFalse(self.made(row(1.5, True), (2, 30, 4), (1, 10, 4))['holds'])

    def test_limit_of_one_side(self):
        made = self.made(row(10, True, theirs=False), (3, 4, 11))
        self.assertNotIn('ratio', made)
        self.assertTrue(made['holds'])
        self.assertFalse(self.made(row(10, True, theirs=False), (11, 12, 3))['holds'])
        self.assertIn('4.00 (3.00-11.0)', pairs_report.cells(made))

    def test_for_information(self):
        made = self.made(row(None), (2,), (1,))
        self.assertNotIn('holds', made)
        self.assertEqual(pairs_report.cells(made)[-2:], ['--', ''])
        self.assertTrue(pairs_report.is_whole({'rows': [made]}))

    def test_nothing_measured(self):
        made = pairs_report.row_of(row(), result_of(failures=['it is not there']))
        self.assertEqual(pairs_report.cells(made)[-1], '-- it is not there')
        self.assertFalse(pairs_report.is_whole({'rows': [made]}))

    def test_table(self):
        rows = [self.made(row(), (2,), (1,)), self.made(row(None), (2,), (1,)),
                self.made(row(1, True, theirs=False), (2,)), self.made(row())]
        lines = list(pairs_report.table(rows))
        self.assertEqual(len(lines), 5)
        self.assertTrue(lines[1].endswith('holds'))
        self.assertTrue(lines[3].endswith('MISSED'))
        json.dumps(rows)


class Rounds(unittest.TestCase):
    def test_sides_take_turns(self):
        seen = []

        def side(name):
            return lambda _: (seen.append(name), pairs.plain(1.0))[1]

        both = pairs.Row('both', side('ours'), side('theirs'), 'the other', 1.0)
        alone = pairs.Row('alone', side('alone'), None, 'the limit', 1.0)
        results = pairs.nothing_yet([both, alone])
        for number in (1, 2):
            for which, result in zip([both, alone], results):
                pairs.run_round(None, which, number, result)
        self.assertEqual(seen, ['ours', 'theirs', 'alone', 'theirs', 'ours', 'alone'])
        self.assertEqual([len(results[1][side]) for side in ('ours', 'theirs')], [2, 0])

    def test_both_or_neither(self):
        def fail(_):
            raise Failure('no')

        result = result_of()
        pairs.run_round(None, pairs.Row('', lambda _: pairs.plain(1.0), fail, '', 1.0), 1, result)
        self.assertEqual(result, result_of(failures=['no']))


class Micro(unittest.TestCase):
    """A script in place of volley-microbench."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.build = folder.name
        self.bench = types.SimpleNamespace(build=self.build, folder=self.build, seconds=0.05,
                                           cores=('0', '0'))

    def says(self, text):
        """The script tells its words in a file."""
        os.makedirs(os.path.join(self.build, 'bench'), exist_ok=True)
        path = os.path.join(self.build, 'bench/volley-microbench')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'#!/bin/sh\necho "$@" >{self.build}/words\ncat <<"END"\n{text}\nEND\n')
        os.chmod(path, 0o755)

    def tells(self, *benchmarks):
        self.says(json.dumps({'context': {}, 'benchmarks': benchmarks}))

    def failure(self, action):
        with self.assertRaises(Failure) as raised:
            action()
        return str(raised.exception)

    def run_one(self):
        return micro.run_one(self.build, 'a/name', 0.05)

    def test_one(self):
        self.tells({'name': 'a/name', 'real_time': 8, 'time_unit': 'us'})
        self.assertEqual(micro.nanoseconds(self.run_one()), 8000)
        with open(os.path.join(self.build, 'words'), encoding='utf-8') as file:
            words = file.read().split()
        self.assertEqual(words, ['--benchmark_format=json', '--benchmark_filter=^a/name$',
                                 '--benchmark_min_time=0.05'])

    def test_what_goes_wrong(self):
        self.assertIn('not built', self.failure(self.run_one))
        self.says('Failed to match any benchmarks against regex: ^a/name$')
        self.assertIn('Failed to match', self.failure(self.run_one))
        self.says('')
        self.assertIn('exit status 0', self.failure(self.run_one))
        self.tells({'name': 'a/name', 'error_occurred': True, 'error_message': 'no memory'})
        self.assertEqual(self.failure(self.run_one), 'a/name: no memory')
        self.tells({'name': 'a/name'}, {'name': 'a/name'})
        self.assertIn('2 benchmarks', self.failure(self.run_one))

    def test_figures(self):
        """Per item, not per iteration, which may be a turn of a wheel."""
        self.tells({'name': 'x', 'real_time': 999, 'time_unit': 'ns', 'items_per_second': 5e8,
                    'cycles_each': 5.2})
        self.assertEqual(functions.cost(self.bench, 'x'), {'value': 2, 'cycles': 5.2})
        self.assertEqual(functions.rate(self.bench, 'x'), pairs.plain(5e5))
        self.assertEqual(functions.cycles(self.bench, 'x'), pairs.plain(5.2))

    def test_rows(self):
        """Each asks for something, and none is there twice."""
        names = [one.name for one in handlers.ROWS]
        self.assertEqual(len(names), len(set(names)))
        self.tells({'name': 'x', 'real_time': 1, 'time_unit': 'ns', 'items_per_second': 1e9,
                    'cycles_each': 2.6})
        for one in functions.ROWS:
            self.assertGreater(one.ours(self.bench)['value'], 0, one.name)


if __name__ == '__main__':
    unittest.main()
