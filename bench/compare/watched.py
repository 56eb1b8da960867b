#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What it costs an echo to be watched: by the handler capture, and by volley tap, beside the same
echo alone, one after the other in each round.

    bench/compare/watched.py [--rounds N] [--seconds S] [BUILD]

The wire is a capture that dpdk replays for ever from memory (64 bytes, 4096 flows): what is watched
comes as fast as the engine takes it. So the figures are the cost of the path with nothing to hide
it, and the loss at its worst. The watcher has another core.
"""
import argparse
import os
import statistics
import sys
import tempfile
import time

import captures
from child import Child, Failure
from engine import Service
from testpmd import memory_mib

FLOWS = 4096
BUFFERS = FLOWS + 20000  # beside those that hold the capture
ATTACH_S = 10
SETTLE_S = 0.3
NOTHING = '--port', '9'  # that nobody has
HERE = os.path.dirname(os.path.abspath(__file__))

# name: the handlers before the echo, and the words of a tap
WAYS = {
    'echo alone': ('', None),
    'capture': ('capture,file={folder}/c,files=2,file-bytes=32M', None),
    'capture, 4 bytes of each': ('capture,file={folder}/c,files=2,file-bytes=32M,snap=4', None),
    'capture, nothing wanted': ('capture,file={folder}/c,port=9', None),
    'tap': ('', ()),
    'tap, 4 bytes of each': ('', ('-s', '4')),
    'tap, nothing wanted': ('', NOTHING),
}


def serve(volley, folder, capture, handler):
    """An echo on the capture."""
    words = ['-b', 'dpdk', '-d', 'pcap:' + capture, '-a', captures.PREFIX,
             '-o', 'mac=' + captures.MAC.hex(':'), '--cores', '0', '--buffers', str(BUFFERS),
             '-o', f'memory={memory_mib(BUFFERS)}M', '-o', 'hugepages=off', '--idle', 'busy',
             '-l', f':{captures.PORT}']
    for each in filter(None, (handler, 'echo')):
        words += ['-H', each]
    return Service(volley, folder, words)


def metric(ledger, name):
    return sum(row['value'] for row in ledger['metrics'] if row['name'] == name)


def tap_counts(tap):
    """Of "N packets written, N missed..., N not wanted"."""
    line = tap.text('err').splitlines()[-1]
    numbers = [int(word) for word in line.split() if word.isdigit()]
    return numbers[0], numbers[1]


def measure(volley, folder, capture, way, seconds):
    """Echoes a second, and of what was to be watched the part that was missed (or None)."""
    handler, tap_words = WAYS[way]
    server = serve(volley, folder, capture, handler.format(folder=folder))
    tap = None
    try:
        if tap_words is not None:
            tap = Child([volley, 'tap', '-w', '/dev/null', *tap_words, str(server.pid)], folder,
                        'tap')
            end = time.monotonic() + ATTACH_S
            while 'attached' not in tap.text('err'):
                if time.monotonic() > end:
                    raise Failure(tap.why())
                time.sleep(0.01)
        time.sleep(SETTLE_S)
        start_s, before = server.ledger()
        time.sleep(seconds)
        end_s, after = server.ledger()
        missed = None
        if tap:
            tap.stop()
            seen, missed = tap_counts(tap)
        elif handler:
            seen, missed = metric(after, 'captured'), metric(after, 'missed')
    finally:
        if tap:
            tap.stop()
        server.stop()
    rate = (after['handled'] - before['handled']) / (end_s - start_s)
    return rate, missed and missed / (seen + missed)


def show(rates, losses):
    alone = statistics.median(rates['echo alone'])
    print(f'{"":26}  {"M/s":>7}  {"least":>7}  {"most":>7}  {"of alone":>8}  {"ns more":>7}  '
          f'{"missed":>7}')
    for way, values in rates.items():
        middle = statistics.median(values)
        lost = [loss for loss in losses[way] if loss is not None]
        print(f'{way:26}  {middle / 1e6:7.2f}  {min(values) / 1e6:7.2f}  {max(values) / 1e6:7.2f}  '
              f'{middle / alone:8.2f}  {1e9 / middle - 1e9 / alone:7.1f}  '
              f'{f"{statistics.median(lost):.1%}" if lost else "":>7}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n', maxsplit=1)[0])
    parser.add_argument('build', nargs='?', default=os.path.join(HERE, '..', '..', 'build'))
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=0.5)
    words = parser.parse_args()
    volley = os.path.join(words.build, 'apps', 'volley', 'volley')
    rates = {way: [] for way in WAYS}
    losses = {way: [] for way in WAYS}
    # In memory, where there is such a folder: a disk is not what is measured.
    memory = '/dev/shm' if os.path.isdir('/dev/shm') else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        capture = os.path.join(folder, 'flows.pcap')
        captures.write(capture, FLOWS, FLOWS, 0)
        for _ in range(words.rounds):
            for way in WAYS:
                rate, loss = measure(volley, folder, capture, way, words.seconds)
                rates[way].append(rate)
                losses[way].append(loss)
    show(rates, losses)


if __name__ == '__main__':
    try:
        main()
    except Failure as failure:
        sys.exit(f'watched: {failure}')
