#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Percentile distributions: written as HdrHistogram writes them, read back, and merged."""
import math
import os
import tempfile
import unittest

import made_up  # noqa: F401  (finds the modules)
import hgrm

# HdrHistogram's own lines for the values 1 to 8, once each, with 5 ticks per half distance.
ONE_TO_EIGHT = '''\
       Value     Percentile TotalCount 1/(1-Percentile)

       1.000 0.000000000000          1           1.00
       1.000 0.100000000000          1           1.11
       2.000 0.200000000000          2           1.25
       3.000 0.300000000000          3           1.43
       4.000 0.400000000000          4           1.67
       4.000 0.500000000000          4           2.00
       5.000 0.550000000000          5           2.22
       5.000 0.600000000000          5           2.50
       6.000 0.650000000000          6           2.86
       6.000 0.700000000000          6           3.33
       6.000 0.750000000000          6           4.00
       7.000 0.775000000000          7           4.44
       7.000 0.800000000000          7           5.00
       7.000 0.825000000000          7           5.71
       7.000 0.850000000000          7           6.67
       7.000 0.875000000000          7           8.00
       8.000 0.887500000000          8           8.89
       8.000 1.000000000000          8
#[Mean    =        4.500, StdDeviation   =        2.291]
#[Max     =        8.000, Total count    =            8]
'''


class File(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, 'a.hgrm')

    def save(self, text):
        with open(self.path, 'w', encoding='ascii') as file:
            file.write(text)

    def test_reads_what_hdrhistogram_writes(self):
        self.save(ONE_TO_EIGHT)
        self.assertEqual(hgrm.read(self.path), [(float(value), 1) for value in range(1, 9)])

    def test_writes_the_same_steps(self):
        lines = hgrm.text([(value, 1) for value in range(1, 9)]).splitlines()
        wanted = [line.split() for line in ONE_TO_EIGHT.splitlines() if line[:1] == ' ']
        made = [line.split() for line in lines if line[:1] == ' ']
        self.assertEqual(made[0], wanted[0])
        self.assertEqual(made[1:-1], wanted[1:len(made) - 1])
        self.assertEqual(made[-1], ['8.000', '1.000000000000', '8'])
        self.assertIn('#[Mean    =        4.500, StdDeviation   =        2.291]', lines)
        self.assertIn('#[Max     =        8.000, Total count    =            8]', lines)

    def test_nothing_recorded(self):
        self.save(hgrm.text([]))
        self.assertEqual(hgrm.read(self.path), [])

    def test_round_trip(self):
        wanted = [(value / 8, 1 + value % 3) for value in range(1, 200)]
        self.save(hgrm.text(wanted))
        back = hgrm.read(self.path)
        self.assertEqual(sum(count for _, count in back), sum(count for _, count in wanted))
        self.assertEqual(back[-1][0], wanted[-1][0])
        # A value is written as the next one that a line has: never as a smaller one.
        self.assertLessEqual({value for value, _ in back}, {value for value, _ in wanted})

    def test_what_is_no_such_file(self):
        for text in ('{"schema": 1}\n', '1.0 0.5\n', '1.0 0.5 4 2.0\n0.5 0.75 5 4.0\n',
                     '1.0 0.5 4 2.0\n2.0 0.75 3 4.0\n'):
            self.save(text)
            with self.assertRaises(hgrm.Malformed) as caught:
                hgrm.read(self.path)
            self.assertIn('line ', str(caught.exception))


class Merged(unittest.TestCase):
    def test_counts_are_kept(self):
        self.assertEqual(hgrm.merged([[(1, 2), (5, 1)], [(1, 1), (3, 4)]]),
                         [(1, 3), (3, 4), (5, 1)])

    def test_curve_ends_with_the_greatest(self):
        curve = hgrm.curve([(value, 1) for value in range(1, 1001)])
        self.assertEqual(curve[0], [0.0, 1])
        self.assertEqual(curve[-1], [0.999, 1000])
        median = next(value for fraction, value in curve if math.isclose(fraction, 0.5))
        self.assertEqual(median, 500)
        self.assertEqual(curve, sorted(curve))

    def test_curve_is_short(self):
        self.assertLessEqual(len(hgrm.curve([(value, 10 ** 6) for value in range(1, 900)], 40)),
                             41)

    def test_curve_of_nothing(self):
        self.assertEqual(hgrm.curve([]), [])


if __name__ == '__main__':
    unittest.main()
