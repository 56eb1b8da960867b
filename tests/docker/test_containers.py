#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Volley in containers; scripts/test-docker builds the image and runs this."""
import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import tempfile
import time
import unittest

import yaml

from containers import (COMPOSE, LEAST, PING, PROFILE, ROOT, SERVE, SERVER, SOCKET, Container,
                        Volume, await_true, docker, last_object, run)

HUGE_PAGES = '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages'
HOST_VOLLEY = os.environ.get('VLY_HOST_VOLLEY', '')


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


class Kubernetes(unittest.TestCase):
    """The pods of docker/k8s as containers of this engine: same words, user, rights and limits."""

    def pod(self, name, number):
        """Words, options and the probe of the one container of a file's document."""
        with open(f'{COMPOSE}/k8s/{name}', encoding='utf-8') as file:
            pod = list(yaml.safe_load_all(file))[number]['spec']['template']['spec']
        container = pod['containers'][0]
        context = {**pod['securityContext'], **container['securityContext']}
        limits = container['resources']['limits']
        options = ['--read-only', '--security-opt=no-new-privileges', '--network=none',
                   f'--security-opt=seccomp={PROFILE}', f'--user={context["runAsUser"]}',
                   *[f'--cap-drop={word}' for word in context['capabilities']['drop']],
                   *[f'--cap-add={word}' for word in context['capabilities'].get('add', [])],
                   f'--memory={limits["memory"][:-1].lower()}', f'--cpus={limits["cpu"]}']
        return container['args'], options, container['livenessProbe']['exec']['command']

    def await_probe(self, server, probe):
        server.await_text('ready:')
        await_true(lambda: docker('exec', server.name, *probe, check=False).returncode == 0, 20,
                   ' '.join(probe))

    def scrape(self, server, words):
        """What the annotations lead to, asked from within the pod's network."""
        port = words[words.index('--metrics') + 1]
        ask = f'import urllib.request as u; print(u.urlopen("http://127.0.0.1{port}/metrics", ' \
              'timeout=10).read().decode())'
        return subprocess.run(['nsenter', '--net', '--target', server.inspect('{{.State.Pid}}'),
                               '/usr/bin/python3', '-c', ask], capture_output=True, text=True,
                              check=True).stdout

    def test_kernel(self):
        words, options, probe = self.pod('kernel.yml', 0)
        with Container(*words, options=options) as server:
            self.await_probe(server, probe)
            self.assertIn('ready: uring', server.logs())
            self.assertIn('\nvolley_port_info{port="0",backend="uring"', self.scrape(server, words))
            self.assertTrue(server.stop()['balanced'])

    def test_dpdk(self):
        """A socket in the place of the card that is not here."""
        words, options, probe = self.pod('dpdk.yml', 1)
        device, = (word for word in words if word.startswith('pci:'))
        words[words.index(device)] = 'vhost-user:' + SOCKET
        ping = [*PING[:-2], '192.0.2.11/24', '--json', '-n', '1000', '192.0.2.10:9000']
        # Both ends may write there: root without its rights, and an ordinary user.
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            os.chmod(folder, 0o777)
            shared = f'--volume={folder}:{os.path.dirname(SOCKET)}'
            server = stack.enter_context(Container(*words, options=[*options, shared]))
            self.await_probe(server, probe)
            self.assertIn('{port="0",backend="dpdk"', self.scrape(server, words))
            os.chmod(folder + '/wire.sock', 0o666)
            status, out, err = run(*ping, options=[*LEAST, '--network=none', shared])
            self.assertEqual((status, last_object(out)['received']), (0, 1000), err)
            ledger = server.stop()
            self.assertTrue(ledger['balanced'])
            self.assertEqual(len(ledger['ports']), 2)


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


if __name__ == '__main__':
    unittest.main()
