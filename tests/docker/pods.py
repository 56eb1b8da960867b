# SPDX-License-Identifier: BSD-3-Clause
"""The pods of docker/k8s; part of test_containers.py."""
import contextlib
import os
import subprocess
import tempfile
import unittest

import yaml

from containers import (COMPOSE, LEAST, PING, PROFILE, SOCKET, Container, await_true, docker,
                        last_object, run)


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
