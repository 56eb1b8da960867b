# SPDX-License-Identifier: BSD-3-Clause
"""The handlers, each beside what it is measured by: an echo on the same backend."""
import dpdk
import forward
import pairs

# rounds, seconds of one measurement
LENGTHS = {'quick': (3, 0.3), 'default': (7, 0.5), 'full': (15, 1.0)}
ROWS = [*forward.ROWS]


def main(words):
    arguments = pairs.read_arguments(words, 'handlers', __doc__, 'a minute', 'ten minutes', LENGTHS)
    return pairs.run(dpdk.Bench, ROWS, arguments, LENGTHS, 'handlers')
