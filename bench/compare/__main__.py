# SPDX-License-Identifier: BSD-3-Clause
"""Measures Volley beside plain sockets and testpmd on every path, and writes a report: a page to
look at, the same as JSON, and the distributions."""
import json
import os
import sys

import dpdk
import kernel
import matrix
import page
import pipeline
import session

# What the first word can be, and whose matrix it is; no such word: that of matrix.py.
MATRICES = {'dpdk': dpdk.main, 'pipeline': pipeline.main, 'kernel': kernel.main}


def read_arguments():
    parser = session.parser('', __doc__, quick='a minute', full='half an hour',
                            rounds='3, 5 or 9')
    parser.epilog = ('Other matrices, by the first word: ' +
                     ', '.join(f'volley bench {word}' for word in MATRICES) +
                     '; each has its own --help.')
    parser.add_argument('--only', metavar='TEXT', default='',
                        help='paths whose "wire server idle" has this text in it')
    parser.add_argument('--seconds', type=session.seconds, metavar='S',
                        help='of one measurement, instead of 0.3, 1.5, 4')
    return parser.parse_args()


def main():
    if len(sys.argv) > 1 and sys.argv[1] in MATRICES:
        return MATRICES[sys.argv[1]](sys.argv[2:])
    arguments = read_arguments()
    session.prepare(arguments.folder)
    arguments.build = os.path.abspath(arguments.build)
    result = session.in_folder(lambda *place: matrix.measure(arguments, *place))
    for line in matrix.lines(result):
        print(line)
    target = os.path.join(arguments.folder, 'report')
    session.write(target + '.json', json.dumps(result, indent=1) + '\n')
    session.write(target + '.html', page.page(result))
    print(f'\nto look at: {target}.html')
    return session.tell(target + '.json', result['complete'],
                        any(row['measures'] for row in result['rows']))


if __name__ == '__main__':
    sys.exit(main())
