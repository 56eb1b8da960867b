#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The median round trip that volley load finds beside sockperf's ping-pong, on the same path: the
ratio must be from 0.9 to 1.1.

    load_sockperf.py VOLLEY FOLDER

sockperf's client is stopped while the other asks, and goes on after, so that each window of the one
has one of the other beside it; it sends at once what it has missed, and those that it did not send
on time do not count. All three programs go before whatever else this machine has to do. A median
that is not clearly within the limits is asked for by more windows, before it is believed.
"""
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time

LEAST, MOST = 0.9, 1.1
CLEARLY = 0.03  # within
WINDOWS = 6, 12, 18
WINDOW_S = 0.25
RATE = 5000
PACED_S = 0.75 / RATE  # from one to the next: less has been made up for
PORT = '9200'
SOCKPERF_S = 60
START_S = 20  # for what it measures of the clock
BEFORE_OTHERS = ['nice', '-n', '-18']


def start(core, *words):
    return subprocess.Popen([*BEFORE_OTHERS, 'taskset', '-c', core, *words],
                            stdout=subprocess.DEVNULL)


def end(process):
    process.send_signal(signal.SIGINT)
    process.wait(START_S)


def ours(volley):
    """The median, in microseconds."""
    done = subprocess.run([*BEFORE_OTHERS, volley, 'load', '-b', 'socket', '--json', '--cores', '1',
                           '--idle', 'busy', '-r', str(RATE), '-t', str(WINDOW_S), '--warmup',
                           '0.05', '-s', '64', '--payload', 'sockperf', '127.0.0.1:' + PORT],
                          stdout=subprocess.PIPE, check=True, timeout=START_S)
    return json.loads(done.stdout)['latency_ns']['p50'] / 1000


def windows_of(path):
    """The medians between the stops, in microseconds, of what was sent on time."""
    windows, before_s = [[]], None
    with open(path, encoding='ascii', errors='replace') as file:
        for line in file:
            found = re.match(r'\d+, *([\d.]+), *[\d.]+, *([\d.]+)$', line.strip())
            if not found:
                continue
            sent_s, us = map(float, found.groups())
            gap_s = sent_s - before_s if before_s is not None else 0
            if gap_s > WINDOW_S / 2:
                windows.append([])
            elif gap_s > PACED_S:
                windows[-1].append(us)
            before_s = sent_s
    return [statistics.median(window) for window in windows if len(window) > 100]


def await_answers(server, client):
    """Until the server has had the processor for the first of the client's datagrams."""
    until = time.monotonic() + START_S
    first = None
    while time.monotonic() < until and client.poll() is None:
        with open(f'/proc/{server.pid}/status', encoding='ascii') as file:
            waits = int(re.search(r'^voluntary_ctxt_switches:\s+(\d+)', file.read(), re.M).group(1))
        first = waits if first is None else first
        if waits > first + 100:
            return
        time.sleep(0.02)
    sys.exit('load_sockperf: sockperf does not begin')


def pairs(volley, folder, server, count):
    """(ours, theirs) of so many windows."""
    path = os.path.join(folder, 'sockperf.csv')
    client = start('1', 'sockperf', 'ping-pong', '-i', '127.0.0.1', '-p', PORT, '-m', '64', '-t',
                   str(SOCKPERF_S), f'--mps={RATE}', '--nonblocked', '--full-rtt', '--full-log',
                   path)
    found = []
    try:
        await_answers(server, client)
        time.sleep(0.4 + WINDOW_S)  # it warms up before it counts
        for _ in range(count):
            client.send_signal(signal.SIGSTOP)
            found.append(ours(volley))
            client.send_signal(signal.SIGCONT)
            time.sleep(WINDOW_S)
    finally:
        client.send_signal(signal.SIGCONT)
        end(client)
    theirs = windows_of(path)
    if len(theirs) <= count // 2:
        sys.exit(f'load_sockperf: of {count} windows sockperf has told {len(theirs)}')
    return list(zip(found, theirs))


def main():
    volley, folder = sys.argv[1:]
    server = start('0', 'sockperf', 'server', '-i', '127.0.0.1', '-p', PORT)
    ratios = []
    try:
        for count in WINDOWS:
            time.sleep(0.2)
            taken = pairs(volley, folder, server, count)
            ratios += [one / other for one, other in taken]
            median = statistics.median(ratios)
            print(f'{len(ratios)} windows, the last one {taken[-1][0]:.1f} us beside '
                  f'{taken[-1][1]:.1f}: ratio {median:.3f} ({min(ratios):.3f}-{max(ratios):.3f})')
            if LEAST + CLEARLY < median < MOST - CLEARLY:
                break
    finally:
        end(server)
    return 0 if LEAST < median < MOST else 1


if __name__ == '__main__':
    sys.exit(main())
