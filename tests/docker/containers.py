# SPDX-License-Identifier: BSD-3-Clause
"""Containers of the image `volley` for a test: run, looked into, and taken away again."""
import json
import os
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMPOSE = os.path.join(ROOT, 'docker') # the folder it is run from: it names seccomp.json
PROFILE = os.path.join(ROOT, 'docker', 'seccomp.json')
SOCKET = '/run/volley/wire.sock'
# What a container gets in docker/compose.yml.
LEAST = ['--cap-drop=ALL', '--read-only', '--security-opt=no-new-privileges',
         f'--security-opt=seccomp={PROFILE}', '--memory=128m']
SERVE = ['serve', '-b', 'dpdk', '-d', 'vhost-user:' + SOCKET, '-o', 'hugepages=off',
         '-a', '10.0.0.1/24', '-l', ':9000', '-H', 'echo', '--json']
PING = ['ping', '-b', 'dpdk', '-d', 'virtio-user:' + SOCKET, '-o', 'hugepages=off',
        '-a', '10.0.0.2/24', '--json']
SERVER = '10.0.0.1:9000'


def docker(*words, check=True, seconds=60, **options):
    """Runs the client; returns the finished process with its output as text."""
    done = subprocess.run(['docker', *words], capture_output=True, text=True, timeout=seconds,
                          check=False, **options)
    if check and done.returncode:
        raise AssertionError(f'docker {" ".join(words)}: {done.stderr.strip()}')
    return done


def await_true(condition, seconds, what):
    """Waits until condition() is true; the value is returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'{what}: not within {seconds} s')
        time.sleep(0.05)


def last_object(text):
    """The last line that is a JSON object."""
    for line in reversed(text.splitlines()):
        if line.startswith('{'):
            return json.loads(line)
    raise AssertionError('no JSON object in: ' + text[-1000:])


class Container:
    """One in the background; a context that takes it away at its end."""

    count = 0

    def __init__(self, *words, options=()):
        Container.count += 1
        self.name = f'volley-test-{os.getpid()}-{Container.count}'
        self.words = ['--name', self.name, *options, 'volley', *words]

    def __enter__(self):
        docker('run', '--detach', *self.words)
        return self

    def __exit__(self, *_):
        docker('rm', '--force', self.name, check=False)

    def logs(self):
        done = docker('logs', self.name)
        return done.stdout + done.stderr

    def ledger(self):
        """The counters of a running server, which shows them when asked by a signal."""
        def shown():
            return [line for line in self.logs().splitlines() if line.startswith('{')]

        count = len(shown())
        docker('kill', '--signal', 'USR1', self.name)
        return json.loads(await_true(lambda: shown()[count:], 5, f'a ledger of {self.name}')[-1])

    def is_running(self):
        return self.inspect('{{.State.Running}}') == 'true'

    def inspect(self, template):
        return docker('inspect', '--format', template, self.name).stdout.strip()

    def await_text(self, text, seconds=20):
        def look():
            logs = self.logs()
            if text in logs:
                return logs
            if not self.is_running() and text not in self.logs():
                raise AssertionError(f'{self.name} ended without "{text}": {self.logs()}')
            return None

        return await_true(look, seconds, f'"{text}" of {self.name}')

    def stop(self):
        """Ends it as `docker stop` does; returns its ledger."""
        docker('stop', '--time', '10', self.name)
        return last_object(self.logs())

    def wait(self, seconds):
        """Waits for its end; returns status and output."""
        status = int(docker('wait', self.name, seconds=seconds).stdout)
        return status, self.logs()


def run(*words, options=(), seconds=60):
    """One in the foreground. Returns status, standard output, standard error."""
    with_name = Container(*words, options=options)
    try:
        done = docker('run', *with_name.words, check=False, seconds=seconds)
    finally:
        with_name.__exit__()
    return done.returncode, done.stdout, done.stderr


class Volume:
    """A volume of containers, its folder on this side in `path`."""

    def __enter__(self):
        self.name = f'volley-test-{os.getpid()}-{time.monotonic_ns()}'
        docker('volume', 'create', self.name)
        # An empty volume takes the owner of the image's folder when it is first used.
        run('--version', options=[*LEAST, '--network=none', *self.option()])
        self.path = docker('volume', 'inspect', '--format', '{{.Mountpoint}}',
                           self.name).stdout.strip()
        return self

    def __exit__(self, *_):
        docker('volume', 'rm', '--force', self.name, check=False)

    def option(self):
        return ['--volume', self.name + ':/run/volley']

    def least(self, core=None):
        """The options of a container that has this volume and nothing else."""
        cores = [] if core is None else [f'--cpuset-cpus={core}']
        return [*LEAST, '--network=none', *self.option(), *cores]
