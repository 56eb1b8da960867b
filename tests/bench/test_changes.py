#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`volley bench --compare`, with reports that were made up: what is found, how sure that is, and
what is refused."""
import copy
import itertools
import json
import os
import subprocess
import sys
import tempfile
import unittest

import made_up
import changes
import reports
import rows
import significance

PATH = 'veth uring block'


class MannWhitney(unittest.TestCase):
    """Against figures of the literature and of R's wilcox.test, and against going through all
    ways."""

    def test_none_overlap(self):
        # 2 / C(10, 5), 2 / C(6, 3), 2 / C(18, 9)
        self.assertAlmostEqual(significance.p_value([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 2 / 252)
        self.assertAlmostEqual(significance.p_value([4, 5, 6], [1, 2, 3]), 0.1)
        self.assertAlmostEqual(significance.p_value(range(9), range(9, 18)), 2 / 48620)
        self.assertAlmostEqual(significance.least(5, 5), 2 / 252)

    def test_known(self):
        # Hollander and Wolfe (1973), p. 69: permeability; U = 35 of 10 and 5, p = 0.2544
        term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
        early = [1.15, 0.88, 0.90, 0.74, 1.21]
        self.assertAlmostEqual(significance.p_value(term, early), 0.2544, 4)

    def test_equal(self):
        self.assertEqual(significance.p_value([1, 2, 3], [1, 2, 3]), 1.0)
        self.assertEqual(significance.p_value([5] * 30, [5] * 30), 1.0)
        self.assertEqual(significance.p_value([], [1, 2]), 1.0)

    def test_ties_by_going_through_all(self):
        values = [1, 1, 2, 2, 2, 3, 4, 4]
        found = significance.ranks(values)
        for chosen in itertools.combinations(range(8), 3):
            rest = [at for at in range(8) if at not in chosen]
            away = abs(sum(found[at] for at in chosen) - 3 * 9 / 2)
            ways = [sum(found[at] for at in choice) for choice in
                    itertools.combinations(range(8), 3)]
            wanted = sum(abs(total - 3 * 9 / 2) >= away - 1e-9 for total in ways) / len(ways)
            self.assertAlmostEqual(significance.p_value([values[at] for at in chosen],
                                                        [values[at] for at in rest]), wanted)

    def test_approximation_is_near(self):
        some, others = [1, 4, 6, 8, 9, 11, 13], [2, 3, 5, 7, 10, 12, 14, 15, 16]
        found = significance.ranks(some + others)
        self.assertAlmostEqual(significance.approximate(found, 7), significance.exact(found, 7), 1)
        self.assertAlmostEqual(significance.p_value(range(0, 100, 2), range(1, 101, 2)), 1.0, 0)
        self.assertLess(significance.p_value(range(50), range(50, 100)), 1e-10)


class Changes(unittest.TestCase):
    def setUp(self):
        self.old = made_up.report(seed=1)

    def worse(self, new, threshold=10.0):
        return {(change.path, change.what) for change in changes.changes(self.old, new)
                if change.is_regression(threshold)}

    def better(self, new, threshold=10.0):
        return {change.path for change in changes.changes(self.old, new)
                if change.is_improvement(threshold)}

    def test_the_same(self):
        new = copy.deepcopy(self.old)
        self.assertEqual(self.worse(new, 0.0), set())
        self.assertEqual(self.better(new, 0.0), set())
        self.assertEqual(changes.status(self.old, new, 10.0), 0)

    def test_one_path_slower(self):
        new = made_up.report(seed=1, slower={PATH: 1.5})
        found = self.worse(new)
        self.assertEqual({path for path, _ in found}, {PATH})
        self.assertIn((PATH, 'round trip 64 B: p50, us'), found)
        self.assertIn((PATH, 'capacity 1472 B: borne without loss, a second'), found)
        self.assertIn((PATH, 'load 64 B at 50 %: p50, us'), found)
        self.assertEqual(changes.status(self.old, new, 10.0), changes.REGRESSION)
        self.assertEqual(changes.status(new, self.old, 10.0), 0)

    def test_one_path_faster(self):
        new = made_up.report(seed=1, slower={PATH: 0.5})
        self.assertEqual(self.worse(new), set())
        self.assertEqual(self.better(new), {PATH})

    def test_below_the_threshold(self):
        new = made_up.report(seed=1, slower={PATH: 1.5})
        self.assertEqual(self.worse(new, 300.0), set())

    def test_noise_is_no_regression(self):
        """Twice as slow in two rounds of five: the median stays, and so does the verdict."""
        new = copy.deepcopy(self.old)
        for row in new['rows']:
            for made in row['measures']:
                for one in made['rounds'][:2]:
                    for key in 'p50_us', 'p99_us', 'cycles':
                        if one.get(key):
                            one[key] *= 2
        self.assertEqual(self.worse(reports.rebuilt(new)), set())

    def test_a_wide_spread_is_not_sure(self):
        """The median is 20 % worse, yet the rounds of both lie among each other."""
        before, after = [10, 30, 11, 29, 20], [12, 28, 24, 24, 25]
        old, new = (rows.measure(rows.ROUND_TRIP, 64, [{'p50_us': value} for value in values])
                    for values in (before, after))
        change = next(changes.changes_of('a', old, new))
        self.assertGreater(change.worse, 10)
        self.assertFalse(change.is_regression(10))

    def test_too_few_rounds(self):
        old, new = made_up.report(rounds=2), made_up.report(rounds=2, slower={PATH: 3})
        self.assertEqual(changes.status(old, new, 10.0), 1)
        self.assertIn(changes.CANNOT_TELL, list(changes.lines(old, new, 10.0)))
        old, new = made_up.report(rounds=3), made_up.report(rounds=3, slower={PATH: 3})
        self.assertEqual(changes.status(old, new, 10.0), changes.REGRESSION)

    def test_nothing_in_common(self):
        new = copy.deepcopy(self.old)
        for row in new['rows']:
            row['measures'] = []
        self.assertEqual(changes.status(self.old, new, 10.0), 1)
        lines = list(changes.lines(self.old, new, 10.0))
        self.assertIn(changes.NOTHING, lines)
        self.assertIn(f'only in the old report: {PATH}', lines)

    def test_another_machine_is_told(self):
        new = copy.deepcopy(self.old)
        new['machine'].update(kernel='7.0', cpu='another')
        new['settings']['seconds'] = 4.0
        new['complete'] = False
        text = '\n'.join(changes.lines(self.old, new, 10.0))
        for wanted in ('another kernel: 6.1.0 before, 7.0 now', 'another processor',
                       'seconds was 1.5, is 4.0', 'this report is of a run that was interrupted'):
            self.assertIn(wanted, text)


class Command(unittest.TestCase):
    """Of whole files, by exit status and lines."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def save(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def run_with(self, *words):
        return subprocess.run([sys.executable, '-B', made_up.COMPARE, *words], cwd=self.folder,
                              capture_output=True, text=True, check=False, timeout=60)

    def compare(self, old, new, *words):
        return self.run_with('--compare', self.save('old.json', old), '--report',
                             self.save('new.json', new), *words)

    def test_status(self):
        old = made_up.report()
        new = made_up.report(slower={PATH: 1.5})
        same = self.compare(old, old)
        self.assertEqual((same.returncode, same.stderr), (0, ''))
        self.assertIn(' 0 worse and 0 better by more than 10 %', same.stdout)
        worse = self.compare(old, new)
        self.assertEqual(worse.returncode, changes.REGRESSION)
        self.assertRegex(worse.stdout, PATH + r' +round trip 64 B: p50, us .*more +0\.0\d\d +WORSE')
        self.assertEqual(self.compare(old, new, '--threshold', '400').returncode, 0)
        self.assertEqual(os.listdir(self.folder).count('volley-bench'), 0)

    def refused(self, old, *wanted):
        done = self.compare(old, made_up.report())
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, '')
        self.assertEqual(done.stderr.count('\n'), 1, done.stderr)
        for text in wanted:
            self.assertIn(text, done.stderr)

    def test_what_is_no_report(self):
        self.refused('{', 'old.json is not JSON')
        self.refused('[' * 100000, 'old.json is not JSON')
        self.refused('', 'old.json is not JSON')
        self.refused('[1]', 'old.json is no report.json of volley bench')
        self.refused({'schema': 'x'}, 'old.json is no report.json of volley bench')
        self.refused({'schema': 1}, 'old.json has schema 1, this volley bench reads 3')
        self.refused({'schema': 3}, "damaged: KeyError 'complete'")

    def test_what_is_damaged(self):
        for value in 'many', -1, True, [1]:
            report = made_up.report()
            report['rows'][0]['measures'][0]['rounds'][1]['p50_us'] = value
            self.refused(report, 'loopback plain block: p50_us of a round')
        report = made_up.report()
        report['rows'][0]['measures'][0]['rounds'][1]['p50_us'] = float('nan')
        self.refused(report, 'p50_us of a round')
        report = made_up.report()
        report['rows'][0]['measures'][0]['rounds'] = []
        self.refused(report, 'its rounds')
        report = made_up.report()
        report['rows'] = {'a': 1}
        self.refused(report, 'damaged')

    def test_no_such_file(self):
        done = self.run_with('--compare', os.path.join(self.folder, 'none.json'))
        self.assertEqual(done.returncode, 1)
        self.assertIn('none.json: No such file or directory', done.stderr)
        self.assertEqual(done.stderr.count('\n'), 1)

    def test_threshold_that_is_none(self):
        for text in 'much', '-1', 'nan', 'inf':
            done = self.run_with(f'--threshold={text}')
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr.count('\n'), 1)


if __name__ == '__main__':
    unittest.main()
