#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Volley in containers; scripts/test-docker builds the image and runs this."""
import contextlib
import json
import os
import random
import socket
import subprocess
import tempfile
import time
import unittest

from containers import (COMPOSE, LEAST, PING, PROFILE, ROOT, SERVE, SERVER, SOCKET, Container,
                        Volume, await_true, docker, last_object, run)
from cost import Cost # pylint: disable=unused-import
from pods import Kubernetes # pylint: disable=unused-import

HUGE_PAGES = '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages'


class Image(unittest.TestCase):
    """What is in it."""

    def test_size(self):
        size = int(docker('image', 'inspect', '--format', '{{.Size}}', 'volley').stdout)
        print(f'image: {size / 1e6:.0f} MB', end=' ')
        self.assertLess(size, 120e6)

    def test_ordinary_user(self):
        done = docker('run', '--rm', '--entrypoint', 'id', 'volley', '-u')
        self.assertNotEqual(done.stdout.strip(), '0')

    def test_healthcheck(self):
        """As it comes it serves an echo and says so to the engine."""
        with Container(options=[*LEAST, '--network=none']) as server:
            await_true(lambda: server.inspect('{{.State.Health.Status}}') == 'healthy', 30,
                       'healthy')
            docker('stop', server.name)
            self.assertIn('\nbalanced', server.logs())
            self.assertEqual(server.inspect('{{.State.ExitCode}}'), '0')


class Compose(unittest.TestCase):
    """Every profile of docker/compose.yml, by the command that docker/README.md gives."""

    def up(self, profile):
        words = ['docker-compose', '-p', f'volley-test-{os.getpid()}', '--profile', profile]
        options = {'cwd': COMPOSE, 'env': dict(os.environ, TIME='1'), 'text': True,
                   'capture_output': True}
        try:
            done = subprocess.run([*words, 'up', '--no-build', '--abort-on-container-exit',
                                   '--exit-code-from', profile + '-client'], timeout=90,
                                  check=False, **options)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            server = f'volley-test-{os.getpid()}_{profile}-server_1'
            ledger = last_object(docker('logs', server).stdout)
        finally:
            subprocess.run([*words, 'down', '--volumes', '--timeout', '5'], check=True,
                           timeout=60, **options)
        self.assertTrue(ledger['balanced'])
        self.assertGreater(ledger['sent'], 100)
        return ledger

    def up_without_loss(self, profile):
        """Only the client's questions whether its own address is free meant nothing."""
        self.assertLessEqual(set(self.up(profile)['dropped']), {'arp', 'ndp'})

    def test_virtio(self):
        self.up_without_loss('virtio')

    def test_uring(self):
        self.up('uring')

    def test_xdp(self):
        self.up('xdp')

    def test_huge(self):
        with open(HUGE_PAGES, encoding='ascii') as file:
            before = file.read()
        done = subprocess.run([ROOT + '/scripts/hugepages', str(max(int(before), 128))],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            self.skipTest(done.stderr.strip())
        try:
            self.up_without_loss('huge')
        finally:
            with open(HUGE_PAGES, 'w', encoding='ascii') as file:
                file.write(before)


class Seccomp(unittest.TestCase):
    """The profile allows what is needed; a stricter one is named."""

    def strict_profile(self):
        with open(PROFILE, encoding='utf-8') as file:
            profile = json.load(file)
        for rule in profile['syscalls']:
            if rule['action'] == 'SCMP_ACT_ALLOW':
                rule['names'] = [name for name in rule['names'] if not name.startswith('io_uring')]
        file = tempfile.NamedTemporaryFile('w', suffix='.json')
        self.addCleanup(file.close)
        json.dump(profile, file)
        file.flush()
        return file.name

    def test_ours(self):
        status, out, err = run('serve', '-b', 'uring', '-l', '127.0.0.1:9000', '-H', 'echo',
                               '-t', '0.2', options=[*LEAST, '--network=none'])
        self.assertEqual((status, out.split(' ')[0:2]), (0, ['ready:', 'uring']), err)

    def test_stricter_is_named(self):
        options = ['--cap-drop=ALL', '--network=none',
                   f'--security-opt=seccomp={self.strict_profile()}']
        words = ['-l', '127.0.0.1:9000', '-H', 'echo', '-t', '0.2']
        status, _, err = run('serve', '-b', 'uring', *words, options=options)
        self.assertNotEqual(status, 0)
        self.assertEqual(err.count('\n'), 1, err)
        self.assertIn('docker/seccomp.json', err)
        status, out, err = run('serve', *words, options=options)
        self.assertEqual((status, out.split(' ')[0:2]), (0, ['ready:', 'socket']), err)


class BadInput(unittest.TestCase):
    """One clear line and a status, or a server that goes on."""

    def refused(self, *words, options):
        status, _, err = run(*words, options=options)
        self.assertNotEqual(status, 0)
        self.assertEqual(err.count('\n'), 1, err)
        return err

    def test_no_socket(self):
        with Volume() as volume:
            self.assertIn(SOCKET, self.refused(*PING, '-n', '1', SERVER, options=volume.least()))

    def test_socket_of_another_owner(self):
        with Volume() as volume, socket.socket(socket.AF_UNIX) as other:
            path = volume.path + '/wire.sock'
            other.bind(path)
            other.listen(1)
            os.chmod(path, 0o700)
            self.assertIn(SOCKET, self.refused(*PING, '-n', '1', SERVER, options=volume.least()))

    def test_no_huge_pages(self):
        with open(HUGE_PAGES, encoding='ascii') as file:
            if int(file.read()):
                self.skipTest('huge pages are reserved here')
        with Volume() as volume:
            words = [word.replace('=off', '=on') for word in SERVE]
            self.assertIn('scripts/hugepages', self.refused(*words, options=volume.least()))

    def test_memory_too_small(self):
        with Volume() as volume:
            options = [*volume.least(), '--memory=16m', '--memory-swap=16m']
            self.assertIn('memory', self.refused(*SERVE, options=options))

    def test_second_server(self):
        with Volume() as volume, Container(*SERVE, options=volume.least()) as server:
            server.await_text('ready:')
            self.assertIn(SOCKET, self.refused(*SERVE, options=volume.least()))
            self.assertTrue(server.stop()['balanced'])

    def test_garbage_on_the_socket(self):
        """A peer that speaks nonsense is cut off, and the next one is served."""
        source = random.Random(1)
        with Volume() as volume, Container(*SERVE, options=volume.least(0)) as server:
            server.await_text('ready:')
            for size in (1, 12, 13, 100, 4096, 100000):
                with socket.socket(socket.AF_UNIX) as peer:
                    peer.connect(volume.path + '/wire.sock')
                    peer.settimeout(1)
                    try:
                        peer.sendall(source.randbytes(size))
                    except OSError:
                        pass # cut off already
            status, out, err = run(*PING, '-n', '100', SERVER, options=volume.least(1))
            self.assertEqual(status, 0, err)
            self.assertEqual(last_object(out)['received'], 100)
            self.assertTrue(server.stop()['balanced'])


class Reconnect(unittest.TestCase):
    """Either end is killed again and again; traffic goes on by itself."""

    TIMES = 20
    TIMEOUT_S = 0.05
    RESUMED_S = 1

    def held(self, container, volume):
        """What must not grow: descriptors of the end that stays, sockets, network namespaces."""
        process = container.inspect('{{.State.Pid}}')
        namespaces = subprocess.run(['lsns', '--noheadings', '--type=net', '--output=NS'],
                                    capture_output=True, text=True, check=True).stdout
        return (len(os.listdir(f'/proc/{process}/fd')), os.listdir(volume.path),
                len(namespaces.splitlines()))

    def await_same(self, before, container, volume):
        await_true(lambda: self.held(container, volume) == before, 10,
                   f'as after the first kill: {before}, now {self.held(container, volume)}')

    def await_resumed(self, server, before, number):
        await_true(lambda: server.ledger()['sent'] > before, self.RESUMED_S,
                   f'traffic after kill {number}')

    def test_client_killed(self):
        with Volume() as volume, Container(*SERVE, options=volume.least(0)) as server:
            server.await_text('ready:')
            for number in range(self.TIMES):
                before_it = server.ledger()['sent']
                with Container(*PING, '-t', '60', SERVER, options=volume.least(1)) as client:
                    self.await_resumed(server, before_it, number)
                    time.sleep(0.3)
                    docker('kill', client.name)
                if number == 0:
                    time.sleep(1)
                    before = self.held(server, volume)
            self.await_same(before, server, volume)
            status, out, err = run(*PING, '-n', '1000', SERVER, options=volume.least(1))
            self.assertEqual(status, 0, err)
            self.assertEqual(last_object(out)['received'], 1000)
            ledger = server.stop()
            self.assertTrue(ledger['balanced'], ledger)
            self.assertGreater(ledger['sent'], 1000 * self.TIMES, 'every client was served')

    def test_server_killed(self):
        """The end that stays has the socket. The client waits TIMEOUT_S for each answer, so what it
        lost says how long none came."""
        serve = [*SERVE, '-o', 'server=off']
        ping = [*PING, '-o', 'server=on', '--timeout', str(self.TIMEOUT_S), '-t', '100', SERVER]
        down_s = 0.0
        with contextlib.ExitStack() as stack:
            volume = stack.enter_context(Volume())
            client = stack.enter_context(Container(*ping, options=volume.least(1)))
            for number in range(self.TIMES):
                with Container(*serve, options=volume.least(0)) as server:
                    server.await_text('ready:')
                    self.await_resumed(server, 0, number)
                    start = time.monotonic()
                    docker('kill', server.name)
                if number == 0:
                    before = self.held(client, volume)
                down_s += time.monotonic() - start
            self.await_same(before, client, volume)
            with Container(*serve, options=volume.least(0)) as server:
                server.await_text('ready:')
                time.sleep(1.5)
                docker('kill', '--signal', 'INT', client.name)
                status, out = client.wait(20)
                ledger = server.stop()
        self.assertEqual(status, 0, out)
        report = last_object(out)
        self.assertTrue(ledger['balanced'])
        self.assertGreater(ledger['sent'], 1000, 'the last server answered too')
        silent_s = report['lost'] * self.TIMEOUT_S
        print(f'down {down_s / self.TIMES:.2f} s, silent {silent_s / self.TIMES:.2f} s', end=' ')
        self.assertLess(silent_s - down_s, self.TIMES * 1.5, 'resumes by itself each time')


if __name__ == '__main__':
    unittest.main()
