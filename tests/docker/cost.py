# SPDX-License-Identifier: BSD-3-Clause
"""What a container costs; part of test_containers.py."""
import os
import statistics
import subprocess
import tempfile
import unittest

from containers import (PING, SERVE, SERVER, SOCKET, Container, Volume, docker, last_object, run)

HOST_VOLLEY = os.environ.get('VLY_HOST_VOLLEY', '')


class Cost(unittest.TestCase):
    """The same round trips from inside containers and from the host, in turn."""

    ROUNDS = 5
    # What server and client are told on a path. The kernel's are loopbacks, that of the host and
    # one that two containers share: what lies between containers otherwise is the engine's choice.
    PATHS = {'virtio': (SERVE, [*PING, SERVER])}
    for backend in ('uring', 'socket'):
        PATHS[backend] = (
            ['serve', '-b', backend, '-l', '127.0.0.1:9000', '-H', 'echo', '--json'],
            ['ping', '-b', backend, '--json', '127.0.0.1:9000'])

    def host(self, path):
        with tempfile.TemporaryDirectory() as folder:
            serve, ping = ([word.replace(SOCKET, folder + '/wire.sock') for word in words]
                           for words in self.PATHS[path])
            with subprocess.Popen(['taskset', '-c', '0', HOST_VOLLEY, *serve], text=True,
                                  stdout=subprocess.PIPE) as server:
                try:
                    self.assertIn('ready:', server.stdout.readline())
                    done = subprocess.run(['taskset', '-c', '1', HOST_VOLLEY, *ping, '-t', '1'],
                                          capture_output=True, text=True, timeout=30, check=True)
                finally:
                    server.terminate()
                    server.communicate(timeout=20)
        return last_object(done.stdout)

    def contained(self, path):
        serve, ping = self.PATHS[path]
        with Volume() as volume, Container(*serve, options=volume.least(0)) as server:
            server.await_text('ready:')
            options = [word for word in volume.least(1) if not word.startswith('--network')]
            status, out, err = run(*ping, '-t', '1',
                                   options=[*options, '--network=container:' + server.name])
            self.assertEqual(status, 0, err)
            return last_object(out)

    @unittest.skipUnless(os.access(HOST_VOLLEY, os.X_OK), 'not built on the host: ninja -C build')
    def test_latency(self):
        print()
        for path in self.PATHS:
            inside, outside = [], []
            for _ in range(self.ROUNDS):
                inside.append(self.contained(path))
                outside.append(self.host(path))
            for key in ('p50', 'p99', 'p999'):
                values = [statistics.median(result['rtt_ns'][key] for result in results) / 1e3
                          for results in (inside, outside)]
                print(f'    {path:6} {key:4}: in containers {values[0]:.2f} us, on the host '
                      f'{values[1]:.2f} us, ratio {values[0] / values[1]:.2f}')
            self.assertTrue(all(result['lost'] == 0 for result in inside + outside))

    def test_start(self):
        """How soon it serves, once the engine has started it, and in how little memory."""
        with Volume() as volume, Container(*SERVE, options=volume.least(0)) as server:
            server.await_text('ready:')
            ready = docker('logs', '--timestamps', server.name).stdout.split(' ready:')[0]
            started, ready = (float(stamp.split(':')[-1].rstrip('Z'))
                              for stamp in (server.inspect('{{.State.StartedAt}}'), ready))
            process = server.inspect('{{.State.Pid}}')
            with open(f'/proc/{process}/status', encoding='ascii') as file:
                fields = dict(line.split(':', 1) for line in file)
            print(f'serves after {(ready - started) % 60:.2f} s, resident at most '
                  f'{int(fields["VmHWM"].split()[0]) // 1024} MB', end=' ')
            self.assertTrue(server.stop()['balanced'])

    def test_little_memory(self):
        """It runs where docker/README.md says that it does."""
        with Volume() as volume:
            options = [*volume.least(0), '--memory=40m', '--memory-swap=40m']
            with Container(*SERVE, options=options) as server:
                server.await_text('ready:')
                status, out, err = run(*PING, '-n', '10000', SERVER, options=volume.least(1))
                self.assertEqual((status, last_object(out)['received']), (0, 10000), err)
                self.assertTrue(server.stop()['balanced'])
