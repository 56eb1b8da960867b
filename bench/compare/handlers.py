# SPDX-License-Identifier: BSD-3-Clause
"""The handlers, each beside what it is measured by: single functions (the chain, Fernet, DTLS,
prefixes, timers) beside other libraries' or a limit, a chat's fan-out beside one in Python, and
forwarding beside an echo on the same backend."""
import chat
import dpdk
import forward
import functions
import pairs

# rounds, seconds of one measurement
LENGTHS = {'quick': (3, 0.3), 'default': (7, 0.5), 'full': (15, 1.0)}
MEMBERS = 1000


def chat_sample(bench, server):
    """Thousands of copies a second."""
    place = chat.prepare(bench.build, bench.folder, bench.seconds)
    return pairs.plain(chat.sample(place, server, MEMBERS)['rate'] / 1e3)


def chat_row(server, other):
    return pairs.Row(f'chat: {server}, {MEMBERS:,} members ({other})',
                     lambda bench: chat_sample(bench, 'volley ' + server),
                     lambda bench: chat_sample(bench, other), other, 1.0, unit='k/s')


ROWS = [*functions.ROWS, *(chat_row('socket', other) for other in chat.OTHERS), *forward.ROWS]


def main(words):
    arguments = pairs.read_arguments(words, 'handlers', __doc__, 'two minutes', 'fifteen minutes',
                                     LENGTHS)
    return pairs.run(dpdk.Bench, ROWS, arguments, LENGTHS, 'handlers')
