# SPDX-License-Identifier: BSD-3-Clause
"""Python's own sockets beside the volley module: requests one at a time, and bursts.

    python3 -m compare.python_client [--build DIR] [--rounds N] [--seconds S]

Run in bench/. The server is `volley serve -H echo` on a core of its own; the client, a loop of
Python, on another. Variants take turns in every round; ratios are medians of the rounds' own."""
import argparse
import contextlib
import os
import pathlib
import signal
import socket as plain
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BURST = 32
PAYLOAD = bytes(64)


def closed_loop(sock, address, seconds):
    """Requests a second, one in flight."""
    count, end = 0, time.perf_counter() + seconds
    start = time.perf_counter()
    while time.perf_counter() < end:
        for _ in range(50):
            sock.sendto(PAYLOAD, address)
            sock.recvfrom(2048)
        count += 50
    return count / (time.perf_counter() - start)


def bursts_singly(sock, address, seconds):
    """Datagrams a second there and back, 32 in flight, a call for each."""
    count, start = 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        for _ in range(BURST):
            sock.sendto(PAYLOAD, address)
        for _ in range(BURST):
            sock.recvfrom(2048)
        count += BURST
    return count / (time.perf_counter() - start)


def bursts_at_once(sock, address, seconds):
    """The same, with the calls for many."""
    payloads, count, start = [PAYLOAD] * BURST, 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        sock.send_burst(payloads, address)
        got = 0
        while got < BURST:
            got += len(sock.recv_burst(BURST))
        count += BURST
    return count / (time.perf_counter() - start)


def spinning(sock):
    """A plain socket that never sleeps, for a fair look at one of ours that does not."""
    class Spinner:  # pylint: disable=too-few-public-methods
        sendto = sock.sendto

        @staticmethod
        def recvfrom(size):
            while True:
                try:
                    return sock.recvfrom(size, plain.MSG_DONTWAIT)
                except BlockingIOError:
                    pass
    return Spinner


class Server:
    """volley serve on core 0, until the with is left."""

    def __init__(self, build, port, *arguments):
        command = [build / 'apps/volley/volley', 'serve', *arguments, '-l', f':{port}', '-H',
                   'echo', '--cores', '0']
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline().startswith('ready:'):
            sys.exit('python_client: the server did not start')

    def __enter__(self):
        return self

    @contextlib.contextmanager
    def stopped(self):
        """Does not run within."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def __exit__(self, *args):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)


def open_variants(volley, device):
    """Pairs of a name and a function of seconds that gives a rate; the first is the measure."""
    address = ('127.0.0.1', 9100)
    plain_socket = plain.socket(plain.AF_INET, plain.SOCK_DGRAM)
    plain_socket.settimeout(5)
    spinner = plain.socket(plain.AF_INET, plain.SOCK_DGRAM)
    ours = {}
    for name, words in (('socket', 'backend=socket'), ('uring', 'backend=uring shared=off'),
                        ('socket, block', 'backend=socket idle=block'),
                        ('dpdk', f'backend=dpdk device={device} address=10.0.0.2/24 shared=off '
                                 'idle=busy')):
        ours[name] = volley.socket(port=words)
        ours[name].settimeout(5)
    over = lambda name: ('10.0.0.1', 9100) if name == 'dpdk' else address
    loops = [('plain', lambda s: closed_loop(plain_socket, address, s)),
             ('plain, spins', lambda s: closed_loop(spinning(spinner), address, s))]
    loops += [(name, lambda s, name=name: closed_loop(ours[name], over(name), s))
              for name in ours]
    bursts = [('plain', lambda s: bursts_singly(plain_socket, address, s))]
    bursts += [(name + ', singly', lambda s, name=name: bursts_singly(ours[name], over(name), s))
               for name in ('socket', 'dpdk')]
    bursts += [(name, lambda s, name=name: bursts_at_once(ours[name], over(name), s))
               for name in ('socket', 'uring', 'dpdk')]
    return [('requests, one in flight', loops), (f'{BURST} in flight', bursts)]


def measure(title, variants, servers, rounds, seconds):
    """Prints a table: medians, spread, and the median of the rounds' ratios to the first."""
    rates = {name: [] for name, _ in variants}
    for _ in range(rounds):
        for name, run in variants:
            with servers(name):
                rates[name].append(run(seconds))
    first = rates[variants[0][0]]
    print(f'{title}, 64 bytes, thousand a second')
    for name, values in rates.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(values, first))
        print(f'  {name:16} {statistics.median(values) / 1e3:8.1f} '
              f'({min(values) / 1e3:.1f}-{max(values) / 1e3:.1f})  {ratio:6.2f} of plain')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=0.5)
    options = parser.parse_args()
    os.environ['VOLLEY_LIBRARY'] = str(options.build.resolve() / 'engine/libvolley.so')
    sys.path.insert(0, str(ROOT / 'apps/python'))
    import volley  # pylint: disable=import-outside-toplevel
    with tempfile.TemporaryDirectory() as folder:
        path = f'{folder}/python.sock'
        build = options.build.resolve()
        # Both servers spin before they sleep, and would take the core from each other: the one
        # that is not asked is stopped meanwhile.
        with Server(build, 9100, '-b', 'socket') as kernel, \
                Server(build, 9100, '-b', 'dpdk', '-d', f'vhost-user:{path}', '-a',
                       '10.0.0.1/24') as bypass:
            os.sched_setaffinity(0, {1})
            servers = lambda name: (kernel if 'dpdk' in name else bypass).stopped()
            for title, variants in open_variants(volley, f'virtio-user:{path}'):
                measure(title, variants, servers, options.rounds, options.seconds)


if __name__ == '__main__':
    main()
