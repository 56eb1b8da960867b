# SPDX-License-Identifier: BSD-3-Clause
"""How fast a chat sends what one member says to all: Volley's beside the same on asyncio and on
Twisted, over loopback, and Volley's past the kernel, over a virtio pair; server and client on a
core each. And what a copy costs the server's processor: of that, how much in the kernel."""
import json
import os
import resource
import socket
import statistics
import time

import machine
import session
import wires
from child import Child, Failure
from pipeline_report import table
from report import number, spread
from rows import summary

# rounds, seconds of one measurement
LENGTHS = {'quick': (1, 0.3), 'default': (5, 1.0), 'full': (9, 3.0)}
READY_S = 20
ANSWER_S = 10
ADDRESS, PORT = '127.0.0.1', 9000
MEMBERS = (10, 100, 1000)
OURS = {'volley socket': 'socket', 'volley uring': 'uring'}
BYPASS = 'volley dpdk'
OTHERS = {'asyncio': 'asyncio-chat', 'twisted': 'twisted-chat'}
HANDLER = 'chat,rate=1000000,burst=1000000,notices=0,history=0'
WINDOW = 4        # messages under way
TEXT = 'x' * 64   # crowd.c says as much
NS, TICKS = 1e9, os.sysconf('SC_CLK_TCK')
MUTE_BYTES = 4096  # of the receive buffer of a member that does not read


class Crowd:
    """Members on a socket each. In the measurement only the first one says anything and reads: its
    own copy of a message is there when its turn in the crowd has come, for each message once. What
    the others do not read, the kernel throws away: it is the server that is measured."""

    def __init__(self, count):
        self.sockets = []
        for i in range(count):
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.settimeout(ANSWER_S)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MUTE_BYTES if i else 1 << 20)
            made.connect((ADDRESS, PORT))
            self.sockets.append(made)

    def close(self):
        for one in self.sockets:
            one.close()

    def ask(self, one, line, answer):
        one.send(line.encode())
        said = one.recv(2000).decode()
        if not said.startswith(answer):
            raise Failure(f'"{line}" was answered with "{said.strip()}"')
        return said

    def join(self):
        for i, one in enumerate(self.sockets):
            proof = self.ask(one, f'join m{i}', 'proof =').split()[1]
            self.ask(one, f'join m{i} {proof}', 'ok joined ')

    def check(self):
        """A message reaches everybody, with the right number and text."""
        self.sockets[0].send(b'say hello')
        for one in self.sockets:
            got = one.recv(2000)
            if got == b'ok\n':
                got = one.recv(2000)
            if got != b'1 / m0: hello\n':
                raise Failure(f'a member heard {got}')

    def rate(self, seconds):
        """Copies that the server sends, and the seconds that they take."""
        one, line = self.sockets[0], f'say {TEXT}'.encode()
        done, said, ended = 0, 0, None
        start = time.monotonic()
        while done < said or ended is None:
            while ended is None and said < done + WINDOW:
                one.send(line)
                said += 1
            if one.recv(2000)[:1].isdigit():
                done += 1
            if time.monotonic() - start >= seconds:
                ended = True
        return done * len(self.sockets), time.monotonic() - start


def processor(pid):
    """Seconds of a process in its own code, and in the kernel (proc(5))."""
    with open(f'/proc/{pid}/stat', encoding='ascii') as file:
        fields = file.read().rpartition(')')[2].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS


def sample_of(copies, seconds, before, after):
    own, kernel = (NS * (late - early) / copies for early, late in zip(before, after))
    return {'rate': copies / seconds, 'own_ns': own, 'kernel_ns': kernel}


def words_of(bench, name):
    if name in OURS:
        return [session.volley(bench['build']), 'serve', '-b', OURS[name], '-l',
                f'{ADDRESS}:{PORT}', '--cores', bench['cores'][0], '-H', HANDLER]
    return ['taskset', '-c', bench['cores'][0], bench['start'], OTHERS[name], ADDRESS, str(PORT)]


def sample(bench, name, count):
    server = Child(words_of(bench, name), bench['folder'], 'server')
    crowd, ours = None, os.sched_getaffinity(0)
    try:
        server.await_text('ready:', READY_S)
        os.sched_setaffinity(0, {int(bench['cores'][1])})
        crowd = Crowd(count)
        crowd.join()
        crowd.check()
        before = processor(server.pid)
        copies, seconds = crowd.rate(bench['seconds'])
        return sample_of(copies, seconds, before, processor(server.pid))
    except OSError as error:
        raise Failure(f'the client: {error}') from error
    finally:
        if crowd:
            crowd.close()
        os.sched_setaffinity(0, ours)
        server.stop()


def sample_bypass(bench, count):
    """Over a virtio pair: the crowd is a program of ours, and takes all that comes."""
    path = os.path.join(bench['folder'], 'chat.sock')
    server = Child([session.volley(bench['build']), 'serve', '-b', 'dpdk', '-d',
                    f'vhost-user:{path}', '-a', '10.0.0.1/24', '-l', f':{PORT}', '--cores',
                    bench['cores'][0], '-H', HANDLER], bench['folder'], 'server')
    crowd = None
    try:
        server.await_text('ready:', READY_S)
        crowd = Child([os.path.join(bench['build'], 'bench/wire/crowd'), '-b', 'dpdk', '-d',
                       f'virtio-user:{path}', '-a', '10.0.0.2/24', '-c', bench['cores'][1], '-n',
                       str(count), '-t', str(bench['seconds']), f'10.0.0.1:{PORT}'],
                      bench['folder'], 'crowd')
        crowd.await_text('joined', READY_S)
        before = processor(server.pid)
        crowd.await_text('copies', READY_S + bench['seconds'])
        after = processor(server.pid)
        crowd.finish(ANSWER_S)
        made = json.loads(crowd.text('out').splitlines()[-1])
        return sample_of(made['copies'], made['seconds'], before, after)
    finally:
        if crowd:
            crowd.stop()
        server.stop()
        if os.path.exists(path):
            os.unlink(path)


def name_of(server, count):
    return f'{count} members, {server}'


def prepare(build, folder, seconds):
    """What the samples need: the loopback, a socket for each member, programs and cores."""
    wires.Loopback(os.environ.get(session.PRIVATE)).open()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return {'build': build, 'folder': folder, 'seconds': seconds,
            'cores': ('0', '1') if os.cpu_count() > 1 else ('0', '0'),
            'start': os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                  'baselines/start')}


def rows_of(text):
    rows = [{'server': name, 'members': count, 'samples': []}
            for count in MEMBERS for name in (*OURS, *OTHERS, BYPASS)
            if text in name_of(name, count)]
    if not rows:
        session.stop(f'no row has "{text}" in its name')
    return rows


def measure(arguments, rows, folder):
    rounds, seconds = LENGTHS[arguments.length]
    rounds = arguments.rounds or rounds
    bench = prepare(os.path.abspath(arguments.build), folder, arguments.seconds or seconds)
    progress = session.Progress(rounds * len(rows))
    with session.Interruptible() as run:
        for _ in range(rounds):
            for row in rows:  # in turn: what disturbs the machine disturbs all
                progress.step(name_of(row['server'], row['members']))
                try:
                    row['samples'].append(
                        sample_bypass(bench, row['members']) if row['server'] == BYPASS else
                        sample(bench, row['server'], row['members']))
                except Failure as failure:
                    row['failure'] = str(failure)
        run.done()
    progress.end()
    return {'schema': 1, 'machine': machine.fingerprint(session.volley(bench['build'])),
            'settings': {'rounds': rounds, 'seconds': bench['seconds'], 'cores': bench['cores'],
                         'window': WINDOW, 'text_bytes': len(TEXT)},
            'rows': rows, 'complete': run.complete}


def median(row, key):
    return statistics.median(one[key] for one in row['samples'])


def ratio(row, rows, name):
    """How many times as fast as another, in the middle."""
    other = next((one for one in rows
                  if one['server'] == name and one['members'] == row['members']), None)
    if not (other and row['samples'] and other['samples']):
        return '--'
    return f'{median(row, "rate") / median(other, "rate"):.1f}'


def lines(result):
    rows = result['rows']
    cells = []
    for row in rows:
        start = [row['members'], row['server']]
        if row['samples']:
            rates = summary([one['rate'] for one in row['samples']])
            cells.append(start + [spread(rates, 1000), f'{median(row, "own_ns"):.0f}',
                                  f'{median(row, "kernel_ns"):.0f}'] +
                         [ratio(row, rows, name) for name in OTHERS])
        else:
            cells.append(start + ['-- ' + row.get('failure', 'not measured'), *['--'] * 4])
    yield 'Chat: copies of one member\'s messages that the server sends, thousands a second, and ' \
          'what'
    yield 'each costs its processor, nanoseconds of its own code and of the kernel'
    yield f'({result["settings"]["text_bytes"]} bytes of text, ' \
          f'{result["settings"]["window"]} messages under way)'
    yield from table(('members', 'server', 'median (least-most)', 'own', 'kernel',
                      *(f'/ {name}' for name in OTHERS)), cells)
    yield 'over loopback, where the kernel\'s part is also the way to each member\'s socket; ' \
          f'{BYPASS}: over a virtio pair'


def main(words):
    parser = session.parser(' chat', __doc__, quick='half a minute', full='six minutes',
                            rounds='1, 5 or 9')
    parser.add_argument('--only', metavar='TEXT', default='',
                        help='rows with this text in "10 members, volley socket"')
    parser.add_argument('--seconds', type=session.seconds, metavar='S',
                        help='of one measurement, instead of 0.3, 1 or 3')
    arguments = parser.parse_args(words)
    rows = rows_of(arguments.only)
    return session.run(lambda folder, _: measure(arguments, rows, folder), lines,
                       os.path.join(arguments.folder, 'chat.json'),
                       lambda result: all(row['samples'] for row in result['rows']))
