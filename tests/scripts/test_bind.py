#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bind on a machine made of files, whose kernel is the class below: what it refuses and
why, what a dry run shows and leaves alone, and that what is taken is given back, also after a
crash at any step."""
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../scripts/bind')
LOADER = importlib.machinery.SourceFileLoader('bind', SCRIPT)
SPEC = importlib.util.spec_from_loader('bind', LOADER)
bind = importlib.util.module_from_spec(SPEC)
sys.dont_write_bytecode = True
LOADER.exec_module(bind)

CARD, SHARED, LONELY, DISK = '0000:03:00.0', '0000:04:00.0', '0000:05:00.0', '0000:06:00.0'
VIRTIO = '0000:07:00.0'
ADDRESSES = [{'addr_info': [
    {'family': 'inet', 'local': '192.0.2.9', 'prefixlen': 24, 'scope': 'global'},
    {'family': 'inet6', 'local': '2001:db8::9', 'prefixlen': 64, 'scope': 'global'},
    {'family': 'inet6', 'local': 'fe80::1', 'prefixlen': 64, 'scope': 'link'}]}]
ROUTES = [{'dst': '192.0.2.0/24', 'protocol': 'kernel'},
          {'dst': '198.51.100.0/24', 'gateway': '192.0.2.1', 'metric': 50, 'flags': ['onlink']}]


class Crash(Exception):
    """The power fails."""


class Kernel(bind.Machine):
    """A machine of files that does what Linux does on writes, and fails at a step if told to."""

    def __init__(self, root):
        super().__init__(root, True)
        self.steps_left = -1
        self.ran = []

    def step(self):
        if self.steps_left == 0:
            raise Crash
        self.steps_left -= 1

    def run(self, *words):
        self.step()
        self.ran.append(' '.join(words))

    def write(self, text, *parts):
        self.step()
        with open(self.path(*parts), 'w', encoding='utf-8') as file:
            file.write(text)
        device = self.path('sys/bus/pci/devices', text)
        if parts[-1].endswith('unbind'):
            os.remove(os.path.join(device, 'driver'))
            if os.path.isdir(os.path.join(device, 'net')):
                os.rename(os.path.join(device, 'net'), os.path.join(device, 'net.gone'))
        if parts[-1].endswith('drivers_probe'):
            wanted = self.read('sys/bus/pci/devices', text, 'driver_override')
            os.symlink(f'/drivers/{wanted}', os.path.join(device, 'driver'))
            if wanted != bind.TARGET:
                os.rename(os.path.join(device, 'net.gone'), os.path.join(device, 'net'))


def put(root, path, text=''):
    path = os.path.join(root, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def add_device(root, address, driver, interface=None, kind='0x020000', group='7', bus=''):
    folder = f'sys/bus/pci/devices/{address}'
    put(root, f'{folder}/class', kind)
    put(root, f'{folder}/driver_override', '(null)')
    os.symlink(f'/drivers/{driver}', os.path.join(root, folder, 'driver'))
    put(root, f'sys/bus/pci/drivers/{driver}/unbind')
    if group:
        os.symlink(f'/groups/{group}', os.path.join(root, folder, 'iommu_group'))
    if interface:
        os.makedirs(os.path.join(root, folder, bus, 'net', interface))
        for name, text in (('address', '02:00:00:00:00:09'), ('mtu', '9000'), ('flags', '0x1003')):
            put(root, f'sys/class/net/{interface}/{name}', text)


def make_machine(root):
    put(root, 'sys/bus/pci/drivers_probe')
    put(root, 'sys/module/vfio_pci/version')
    put(root, 'sys/bus/pci/drivers/vfio-pci/unbind')
    put(root, 'sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages', '128')
    add_device(root, CARD, 'ixgbe', 'eth1')
    add_device(root, SHARED, 'mlx5_core', 'eth2')
    add_device(root, LONELY, 'ena', 'eth3', group=None)
    add_device(root, DISK, 'nvme', kind='0x010802')
    add_device(root, VIRTIO, 'virtio-pci', 'eth4', group='8', bus='virtio3')
    put(root, 'ip/address_show_dev_eth1', json.dumps(ADDRESSES))
    put(root, 'ip/-4_route_show_dev_eth1', json.dumps(ROUTES))
    put(root, 'sys/class/net/lo/flags', '0x9')


class BindTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        make_machine(self.root)
        self.kernel = Kernel(self.root)

    def tree(self):
        return sorted((folder, name, os.path.getmtime(os.path.join(folder, name)))
                      for folder, _, names in os.walk(self.root) for name in names
                      if not os.path.islink(os.path.join(folder, name)))

    def command(self, *words, environment=None):
        done = subprocess.run([sys.executable, '-B', SCRIPT, '--root', self.root, *words],
                              capture_output=True, text=True, check=False,
                              env={**os.environ, 'SSH_CONNECTION': '', **(environment or {})})
        return done.returncode, done.stdout, done.stderr

    def refused(self, word, *words, **environment):
        status, _, said = self.command(*words, environment=environment)
        self.assertEqual(status, 1)
        self.assertIn(word, said)
        self.assertEqual(said.count('\n'), 1, said)

    def test_lists_the_cards(self):
        status, said, _ = self.command()
        self.assertEqual(status, 0)
        self.assertEqual(said.splitlines(), [f'{CARD}  ixgbe  eth1', f'{SHARED}  mlx5_core  eth2',
                                             f'{LONELY}  ena  eth3',
                                             f'{VIRTIO}  virtio-pci  eth4'])

    def test_a_dry_run_shows_all_and_changes_nothing(self):
        before = self.tree()
        for device in 'eth1', CARD, CARD[5:]:
            status, said, _ = self.command(device)
            self.assertEqual(status, 0)
            for word in ('ixgbe/unbind', 'vfio-pci > ', 'drivers_probe', 'link set eth1 down',
                         f'{bind.STATE}/{CARD}.json'):
                self.assertIn(word, said)
        self.assertEqual(before, self.tree())

    def test_an_interface_behind_a_bus_of_its_own_is_found(self):
        for device in 'eth4', VIRTIO:
            status, said, _ = self.command(device)
            self.assertEqual(status, 0)
            for word in ('link set eth4 down', 'virtio-pci/unbind'):
                self.assertIn(word, said)

    def test_what_cannot_be_is_refused_with_the_fix(self):
        self.refused('no such interface', 'eth9')
        self.refused('no such device', '0000:0f:00.0')
        self.refused('no network card', DISK)
        self.refused('af_xdp:lo', 'lo')
        self.refused('needs no bind', 'eth2')
        self.refused('intel_iommu=on', 'eth3')
        self.refused('nothing to restore', 'restore')
        self.refused('nothing to restore', 'restore', 'eth1')
        self.refused('one device', 'eth1', 'eth2')
        self.refused('leave out --now', '--now', 'eth1')
        os.remove(os.path.join(self.root, 'sys/module/vfio_pci/version'))
        os.rmdir(os.path.join(self.root, 'sys/module/vfio_pci'))
        os.remove(os.path.join(self.root, 'sys/bus/pci/drivers/vfio-pci/unbind'))
        os.rmdir(os.path.join(self.root, 'sys/bus/pci/drivers/vfio-pci'))
        self.refused('modprobe vfio-pci', 'eth1')

    def test_what_would_cut_us_off_needs_force(self):
        put(self.root, 'ip/-6_route_show_default', json.dumps([{'dst': 'default', 'dev': 'eth1'}]))
        self.refused('default route', 'eth1')
        self.assertEqual(self.command('--force', 'eth1')[0], 0)
        put(self.root, 'ip/-6_route_show_default', json.dumps(
            [{'dst': 'default', 'nexthops': [{'dev': 'eth0'}, {'dev': 'eth1'}]}]))
        self.refused('default route', 'eth1')
        put(self.root, 'ip/-6_route_show_default', '[]')
        put(self.root, 'ip/route_get_203.0.113.5', json.dumps([{'dev': 'eth1'}]))
        self.refused('ssh session', 'eth1', SSH_CONNECTION='203.0.113.5 1234 192.0.2.9 22')

    def test_missing_huge_pages_are_named(self):
        put(self.root, 'sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages', '0')
        self.assertIn('scripts/hugepages', self.command('eth1')[1])

    def test_others_of_the_group_are_named(self):
        os.remove(os.path.join(self.root, f'sys/bus/pci/devices/{CARD}/iommu_group'))
        put(self.root, f'groups/7/devices/{SHARED}')
        os.symlink(os.path.join(self.root, 'groups/7'),
                   os.path.join(self.root, f'sys/bus/pci/devices/{CARD}/iommu_group'))
        self.assertIn(SHARED, self.command('eth1')[1])

    def assert_restored(self):
        self.assertEqual(bind.driver(self.kernel, CARD), 'ixgbe')
        self.assertEqual(self.kernel.read('sys/bus/pci/devices', CARD, 'driver_override'), '')
        self.assertEqual(bind.kept_devices(self.kernel), [])
        for words in ('ip link set eth1 address 02:00:00:00:00:09', 'ip link set eth1 mtu 9000',
                      'ip link set eth1 up', 'ip address replace 192.0.2.9/24 dev eth1',
                      'ip address replace 2001:db8::9/64 dev eth1',
                      'ip -4 route replace 198.51.100.0/24 via 192.0.2.1 metric 50 onlink dev '
                      'eth1'):
            self.assertIn(words, self.kernel.ran)
        self.assertFalse([words for words in self.kernel.ran if 'fe80' in words])

    def test_there_and_back(self):
        bind.bind(self.kernel, CARD, False)
        self.assertEqual(bind.driver(self.kernel, CARD), bind.TARGET)
        self.assertEqual(self.kernel.ran, ['ip link set eth1 down'])
        self.refused('already', CARD)
        self.assertIn('unbind', self.command('restore')[1])
        bind.restore(self.kernel, CARD)
        self.assert_restored()

    def test_back_after_a_crash_at_any_step(self):
        for steps in range(4):
            self.kernel.steps_left = steps
            with self.assertRaises(Crash):
                bind.bind(self.kernel, CARD, False)
            self.kernel.steps_left = -1
            if bind.driver(self.kernel, CARD) == 'ixgbe':
                self.refused('not restored', CARD)
            bind.restore(self.kernel, CARD)
            self.assert_restored()
            self.kernel.ran.clear()

    def test_back_after_a_crash_in_the_restore(self):
        for steps in range(8):
            bind.bind(self.kernel, CARD, False)
            self.kernel.steps_left = steps
            with self.assertRaises(Crash):
                bind.restore(self.kernel, CARD)
            self.kernel.steps_left = -1
            bind.restore(self.kernel, CARD)
            self.assert_restored()
            self.kernel.ran.clear()

    def test_back_after_a_reboot(self):
        bind.bind(self.kernel, CARD, False)
        self.kernel.write('', 'sys/bus/pci/devices', CARD, 'driver_override')
        self.kernel.write(CARD, 'sys/bus/pci/drivers/vfio-pci/unbind')
        self.kernel.write('ixgbe', 'sys/bus/pci/devices', CARD, 'driver_override')
        self.kernel.write(CARD, 'sys/bus/pci/drivers_probe')
        bind.restore(self.kernel, CARD)
        self.assert_restored()

    def test_a_spoilt_state_is_named(self):
        put(self.root, f'{bind.STATE}/{CARD}.json', '{"driver": ')
        self.refused('cannot be read', 'restore')


if __name__ == '__main__':
    unittest.main()
