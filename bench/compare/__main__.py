# SPDX-License-Identifier: BSD-3-Clause
"""Measures Volley beside plain sockets and testpmd on every path, and writes a report: a page to
look at, the same as JSON, and the distributions."""
import argparse
import contextlib
import json
import math
import os
import sys

import changes
import chat
import dpdk
import handlers
import hgrm
import kernel
import load
import matrix
import page
import pipeline
import reports
import session

# What the first word can be, and whose matrix it is; no such word: that of matrix.py.
MATRICES = {'chat': chat.main, 'dpdk': dpdk.main, 'pipeline': pipeline.main, 'kernel': kernel.main,
            'load': load.main, 'handlers': handlers.main}


def percent(text):
    with contextlib.suppress(ValueError):
        if math.isfinite(float(text)) and float(text) >= 0:
            return float(text)
    raise argparse.ArgumentTypeError(f"'{text}' is not a number of per cent")


def parser_of(peers, **others):
    """`peers`: the servers that others would take instead of Volley, not all paths."""
    quick = 'three minutes' if peers else 'a minute'
    parser = session.parser(' peers' if peers else '', __doc__, quick=quick,
                            full='half an hour', rounds='3, 5 or 9', **others)
    parser.epilog = ('Other matrices, by the first word: ' +
                     ', '.join(f'volley bench {word}' for word in ('peers', *MATRICES)) +
                     '; each has its own --help.')
    parser.set_defaults(peers=peers)
    parser.add_argument('--only', metavar='TEXT', default='',
                        help='paths whose "wire server idle" has this text in it')
    parser.add_argument('--seconds', type=session.seconds, metavar='S',
                        help='of one measurement, instead of 0.2, 0.8, 1.4')
    parser.add_argument('--compare', metavar='OLD.json', dest='old',
                        help='also say what has changed since that report; exit status '
                             f'{changes.REGRESSION} if anything is worse')
    parser.add_argument('--threshold', metavar='PERCENT', type=percent,
                        default=changes.THRESHOLD,
                        help=f'by how much (default: {changes.THRESHOLD:g})')
    parser.add_argument('--report', metavar='NEW.json', dest='given',
                        help='measure nothing: take this report')
    return parser


def matrix_of(words):
    """The one that is named, wherever among the options it stands; '' if none is."""
    parser = parser_of(False, add_help=False)  # the options of all of them, and more
    names = parser.parse_known_intermixed_args(words)[0].words
    for name in names:
        if name not in ('peers', *MATRICES):
            parser.error(f"no matrix '{name}'; known: " + ', '.join(('peers', *MATRICES)))
    if len(names) > 1:
        parser.error(f"one matrix at a time: '{names[0]}' or '{names[1]}'")
    return names[0] if names else ''


def read_report(path):
    try:
        return reports.load(path) if path else None
    except reports.Unusable as why:
        return session.stop(str(why))


def write(arguments, result, distributions, comparison):
    folder = arguments.folder
    target = os.path.join(folder, 'peers' if arguments.peers else 'report')
    session.write(target + '.json', json.dumps(result, indent=1) + '\n')
    session.write(target + '.html', page.page(result, comparison))
    for name, distribution in distributions.items():
        session.write(os.path.join(folder, name), hgrm.text(distribution))
    return target


def main():
    word = matrix_of(sys.argv[1:])
    if word in MATRICES:
        return MATRICES[word](sys.argv[1:])
    arguments = parser_of(word == 'peers').parse_args(sys.argv[1:])
    chosen = matrix.chosen_of(arguments)
    old, result = read_report(arguments.old), read_report(arguments.given)
    distributions, target = {}, ''
    if not result:
        session.prepare(arguments.folder)
        arguments.build = os.path.abspath(arguments.build)
        result, distributions = session.in_folder(
            lambda *place: matrix.measure(arguments, chosen, *place))
    session.end_check()
    comparison = list(changes.lines(old, result, arguments.threshold)) if old else []
    try:
        if not arguments.given:
            target = write(arguments, result, distributions, comparison)
    finally:  # also if there is no room for it
        session.say([*matrix.lines(result), *([''] if old else []), *comparison])
    status = changes.status(old, result, arguments.threshold) if old else 0
    if arguments.given:
        return status
    session.say(['', f'to look at: {target}.html'])
    return session.tell(target + '.json', result['complete'],
                        any(row['measures'] for row in result['rows'])) or status


if __name__ == '__main__':
    sys.exit(main())
