#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How a run of the matrix goes, without one: how long it is planned to take, what is done when the
client cannot send, and what a signal leaves of it."""
import os
import signal
import time
import unittest
import unittest.mock

import made_up

# pylint: disable=wrong-import-order
import clients
import matrix
import paths
import report
import session

MINUTES = {'quick': 1, 'default': 10, 'full': 35}
PEER_MINUTES = {'quick': 3, 'default': 10, 'full': 35}


class Plan(unittest.TestCase):
    """What --help promises."""

    def check(self, lengths, known, is_peers, minutes):
        for name, length in lengths.items():
            expected_s = matrix.expected_s(length, len(known), is_peers)
            self.assertLess(expected_s, 60 * minutes[name], name)
            self.assertGreater(expected_s, 15 * minutes[name], name + ': it promises too much')

    def test_paths(self):
        self.check(matrix.LENGTHS, paths.PATHS, False, MINUTES)

    def test_peers(self):
        self.check(matrix.PEER_LENGTHS, paths.PEERS, True, PEER_MINUTES)


class Share(unittest.TestCase):
    """A part of a capacity that the client cannot always send."""

    def share(self, *bears):
        """`bears`: what can be sent at each try, as parts of what is asked, or as rates."""
        self.asked = []

        def load(_runner, _served, _seconds, _size, _flows, rate):
            can = bears[len(self.asked)]
            self.asked.append(rate)
            sent_s = can * rate if can <= 1 else can
            if sent_s < rate:
                raise clients.Behind(sent_s, rate)
            return {'offered_s': rate}, []

        with unittest.mock.patch('clients.load', load):
            return clients.share(None, None, 0.1, 64, 64, 0.9, 1000.0)[0]

    def test_at_once(self):
        self.assertEqual(self.share(1), {'offered_s': 900.0, 'repeats': 0})

    def test_held_up(self):
        self.assertEqual(self.share(0.99, 0.98, 1), {'offered_s': 900.0, 'repeats': 2})

    def test_bears_less_now(self):
        made = self.share(750.0, 800.0, 800.0)
        self.assertAlmostEqual(made['offered_s'], 720.0)
        self.assertEqual(made['repeats'], 2)

    def test_held_up_for_long(self):
        made = self.share(0.8, 1)
        self.assertEqual((made['offered_s'], made['repeats']), (900.0, 1))

    def test_ends(self):
        with self.assertRaisesRegex(clients.Failure, 'could not send'):
            self.share(*[0.5] * clients.TRIES, 1)
        self.assertEqual(len(self.asked), clients.TRIES)

    def test_is_told(self):
        rows = made_up.report(rounds=2)['rows']
        self.assertEqual(report.repeated(rows), [])
        for row in rows[:3]:
            row['measures'][-1]['rounds'][0]['repeats'] = 2
        self.assertIn(f'3 of {len(rows) * 6} measurements', report.repeated(rows)[0])


class Interrupted(unittest.TestCase):
    """Signals to this process itself."""

    def setUp(self):
        for number in session.ENDING:
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        session.listen()

    def test_what_was_done_is_kept(self):
        for number in session.ENDING:
            session.listen()
            done = []
            with session.Interruptible() as run:
                done.append('first')
                os.kill(os.getpid(), number)
                time.sleep(5)
                done.append('second')
                run.done()
            self.assertEqual((done, run.complete), (['first'], False))

    def test_a_second_one_changes_nothing(self):
        cleaned = []
        with session.Interruptible() as run:
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(5)
            finally:
                for number in session.ENDING:
                    os.kill(os.getpid(), number)
                time.sleep(0.01)
                cleaned.append(True)
            run.done()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        self.assertEqual((cleaned, run.complete), ([True], False))

    def test_too_late(self):
        with session.Interruptible() as run:
            run.done()
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        self.assertTrue(run.complete)

    def test_nohup_is_meant(self):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        session.listen()
        self.assertEqual(signal.getsignal(signal.SIGHUP), signal.SIG_IGN)

    def test_nobody_reads(self):
        ends = os.pipe()
        os.close(ends[0])
        with os.fdopen(ends[1], 'w', encoding='utf-8') as stream:
            session.say(['a line'] * 10000, stream)
            session.say(['another'], stream)


if __name__ == '__main__':
    unittest.main()
