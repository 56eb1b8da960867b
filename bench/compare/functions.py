# SPDX-License-Identifier: BSD-3-Clause
"""What the handlers cost of themselves, without a wire: functions that volley-microbench measures
on one core, each beside what it is measured by. A sample is a process of its own, so that both
sides of a pair are measured in turn."""
import os

import micro
from child import Child, Failure
from pairs import Row, plain

SHARE = 5           # of a measurement on a wire one here takes a part: nothing has to settle
HANDLERS = 1, 2, 4, 8
SIZES = 64, 1024    # bytes of text
SEAL, OPEN = 'encrypt', 'decrypt'
FEW, MANY = 16, 1048576             # timers
SHORT_LIST, LONG_LIST = 10, 1000000 # prefixes
CHAIN_CYCLES = 10   # for each handler and datagram
PYTHON_TIMES = 20
LOOP, DTLS_LOOP = 0.8, 0.7
FLAT = 1.25         # a million beside a few: what the caches behind the first add
ONE_LINE = 1.5      # of what it takes to change a word of a timer that is not in a cache
FIVE_LINES = 5      # a timer, the two beside it where it stops, the one it comes after, and a list
READY_S = 20
PYTHON = '/usr/bin/python3'  # for which Debian has the package


def seconds_of(bench):
    return bench.seconds / SHARE


def pinned(bench):
    return ['taskset', '-c', bench.cores[0]]


def told(bench, name):
    return micro.run_one(bench.build, name, seconds_of(bench), pinned(bench))


def cost(bench, name):
    """Nanoseconds of one, and its cycles where they are counted."""
    result = told(bench, name)
    return {'value': micro.nanoseconds(result), 'cycles': result.get('cycles_each')}


def rate(bench, name):
    """Thousands a second."""
    return plain(1e6 / cost(bench, name)['value'])


def cycles(bench, name):
    return plain(told(bench, name)['cycles_each'])


# --- the chain ------------------------------------------------------------------------------------

def chain_row(count):
    name = f'chain/empty/handlers:{count}'
    return Row(f'chain of {count}, each for a datagram', lambda bench: cycles(bench, name),
               None, 'the limit', CHAIN_CYCLES, True, 'cycles')


# --- what encrypts --------------------------------------------------------------------------------

def python(bench, case, size):
    """Thousands a second by Python's cryptography."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fernet_python.py')
    child = Child([*pinned(bench), PYTHON, '-B', script, case, str(size), str(seconds_of(bench))],
                  bench.folder, 'python')
    try:
        child.finish(READY_S + seconds_of(bench))
    finally:
        child.stop()
    try:
        return plain(1e6 / float(child.text('out')))
    except ValueError as error:
        raise Failure(child.why()) from error


def fernet_row(case, size, way, other, limit):
    """`way`: of ours; `other`: python, or a loop of volley-microbench."""
    name = {SEAL: 'seal', OPEN: 'open'}[case]
    how = {'burst': 'bursts of 32', 'vly': 'one at a time'}[way]
    beside = {'python': "Python's cryptography", 'evp': 'OpenSSL EVP loop'}[other]
    return Row(
        f'fernet: {name} {size} bytes, {how} ({other})',
        lambda bench: rate(bench, f'fernet-{case}/{way}/bytes:{size}'),
        lambda bench: python(bench, case, size) if other == 'python' else
        rate(bench, f'fernet-{case}/{other}/bytes:{size}'),
        beside, limit, unit='k/s')


def dtls_row(size):
    return Row(f'dtls: {size} bytes decrypted and answered',
               lambda bench: rate(bench, f'dtls/vly/bytes:{size}'),
               lambda bench: rate(bench, f'dtls/openssl/bytes:{size}'), 'OpenSSL loop', DTLS_LOOP,
               unit='k/s')


# --- flat: the same work among few and among many -------------------------------------------------

def flat_row(what, name, few, many, limit=FLAT):
    return Row(f'{what} {many:,}', lambda bench: cost(bench, name + str(many)),
               lambda bench: cost(bench, name + str(few)), f'{few}', limit, True, 'ns')


def timer_row(what, name, limit=FLAT):
    return flat_row(f'timers: {what}, among', f'timer/{name}/timers:', FEW, MANY, limit)


def memory_row(what, name, limit):
    """Among so many that each is somewhere in memory, beside the least that asks for it."""
    return Row(f'timers: {what}, of {MANY:,}',
               lambda bench: cost(bench, f'timer/{name}/timers:{MANY}'),
               lambda bench: cost(bench, f'timer/change/vly/timers:{MANY}'), 'a word changed',
               limit, True, 'ns')


ROWS = [
    *(chain_row(count) for count in HANDLERS),
    *(fernet_row(case, size, 'burst', 'python', PYTHON_TIMES)
      for case in (OPEN, SEAL) for size in SIZES),
    *(fernet_row(case, size, 'burst', 'evp', LOOP) for case in (OPEN, SEAL) for size in SIZES),
    *(fernet_row(case, size, 'vly', 'python', None) for case in (OPEN, SEAL) for size in SIZES),
    *(dtls_row(size) for size in SIZES),
    flat_row('auth: look-up among', 'prefixes/vly/prefixes:', SHORT_LIST, LONG_LIST),
    timer_row('from start to firing', 'fire/vly'),
    timer_row('put off, as they lie', 'put-off/vly/in-order'),
    timer_row('put off, jumping about', 'put-off/vly', None),
    memory_row('put off, jumping about', 'put-off/vly', ONE_LINE),
    timer_row('stop and start, as they lie', 'restart/vly/in-order', None),
    timer_row('stop and start, jumping about', 'restart/vly', None),
    memory_row('stop and start, jumping about', 'restart/vly', FIVE_LINES),
    Row(f'timers: stop and start, jumping about, of {MANY:,} (rte)',
        lambda bench: rate(bench, f'timer/restart/vly/timers:{MANY}'),
        lambda bench: rate(bench, f'timer/restart/rte/timers:{MANY}'), 'rte_timer', 1.0,
        unit='k/s'),
]
