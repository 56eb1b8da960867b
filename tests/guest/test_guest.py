#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Volley and Debian's kernel in virtual machines; scripts/test-guest prepares all and runs this."""
import contextlib
import json
import subprocess
import tempfile
import unittest

from guest import ECHO_CLIENT, Guest, Serve, can_use_kvm

SERVER = {4: '10.0.0.1', 6: 'fd00::1'}
CLIENT = {4: '10.0.0.2', 6: 'fd00::2'}
PORT = '9000'
# Arguments of echo_client.py: so many datagrams of so many bytes, so many of them in flight.
MIXED = ['5000', '0', '1472', '16']  # of each family
LARGE = ['40', '1473', '65507', '2'] # in fragments
# Features of a virtio device that its driver may take, by their bits (virtio 1.1, 5.1.3 and 6).
CSUM, GUEST_CSUM, MRG_RXBUF, MQ, RING_PACKED = 0, 1, 15, 22, 34
PLAIN = {CSUM: True, GUEST_CSUM: True, MRG_RXBUF: True, MQ: False, RING_PACKED: False}
# This QEMU without KVM loses its way between message-signalled interrupts and vhost-user.
VIRTIO = 'virtio-net-pci,mac=02:00:00:00:00:02,vectors=0,netdev=net'
SEGMENTATION_OFF = ',gso=off,' + ','.join(f'{side}_{kind}=off' for side in ('host', 'guest')
                                          for kind in ('tso4', 'tso6', 'ecn', 'ufo'))


def serve_words(path, *more):
    return ['-b', 'dpdk', '-d', 'vhost-user:' + path, '-a', SERVER[4] + '/24',
            '-a', SERVER[6] + '/64', '-l', ':' + PORT, '-H', 'echo', *more]


def wire(path, options='', chardev='', netdev=''):
    """QEMU's words for a card at the socket of an engine."""
    return ['-chardev', f'socket,id=wire,path={path}{chardev}',
            '-netdev', f'vhost-user,id=net,chardev=wire{netdev}',
            '-device', VIRTIO + options]


def prepare(guest):
    """Gives the guest's card its addresses."""
    guest.must('ip link set eth0 up')
    guest.must(f'ip addr add {CLIENT[4]}/24 dev eth0 && ip addr add {CLIENT[6]}/64 dev eth0')
    # Its own question whether somebody has the address takes a second.
    guest.must('until ip addr show dev eth0 | grep -q fd00 && '
               '! ip addr show dev eth0 | grep -q tentative; do sleep 0.1; done')


def setUpModule():
    with Guest([]) as guest:
        print('guest:', guest.release, 'by', 'KVM' if can_use_kvm() else 'TCG', flush=True)


class Kernel(unittest.TestCase):
    """The guest's kernel and its virtio-net driver are the peer of an engine on this side."""

    def check_features(self, guest, wanted):
        """The driver took what the test is about, and nothing that it leaves out."""
        bits = guest.must('cat /sys/class/net/eth0/device/features').strip()
        self.assertEqual({bit: bits[bit] == '1' for bit in wanted}, wanted)

    def check_wire(self, guest):
        for family, server in SERVER.items():
            guest.must(f'ping -{family} -c 10 -i 0.1 -W 5 {server} | grep " 10 packets received"')
            # It has asked for the link address, and is content with the answers to its probes.
            guest.must(f'ip neigh show {server} | grep -q "lladdr .* REACHABLE"')
            for arguments in (MIXED, LARGE):
                guest.must(' '.join(['echo_client.py', server, PORT, *arguments]), 120)

    def check_ledger(self, ledger):
        """All came, all was answered; what is dropped is the kernel's greetings to routers."""
        self.assertTrue(ledger['balanced'])
        self.assertLessEqual(set(ledger['dropped']), {'not_our_ip', 'ndp'}, ledger)
        self.assertEqual(ledger['sent'], 2 * (int(MIXED[0]) + int(LARGE[0])))
        self.assertGreaterEqual(ledger['answered'], 2 * 10 + 2) # pings, link addresses

    def exchange(self, options='', features=(), queues=1):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + '/wire.sock'
            netdev = f',queues={queues}' if queues > 1 else ''
            with (Serve(*serve_words(path, '-q', str(queues))) as server,
                  Guest(wire(path, options, netdev=netdev), cpus=queues) as guest):
                prepare(guest)
                self.check_features(guest, {**PLAIN, **dict(features)})
                self.check_wire(guest)
                self.check_ledger(server.stop())

    def test_preset(self):
        self.exchange()

    def test_no_mergeable_buffers(self):
        self.exchange(',mrg_rxbuf=off', {MRG_RXBUF: False})

    def test_no_checksum_offload(self):
        self.exchange(',csum=off,guest_csum=off' + SEGMENTATION_OFF,
                      {CSUM: False, GUEST_CSUM: False})

    def test_no_offload_at_all(self):
        self.exchange(',mrg_rxbuf=off,csum=off,guest_csum=off' + SEGMENTATION_OFF,
                      {MRG_RXBUF: False, CSUM: False, GUEST_CSUM: False})

    def test_packed_ring(self):
        self.exchange(',packed=on', {RING_PACKED: True})

    def test_two_queues(self):
        self.exchange(',mq=on', {MQ: True}, queues=2)

    def test_engine_comes_back(self):
        """The engine ends and another takes its place, three times; the guest just goes on."""
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            path = folder + '/wire.sock'
            server = stack.enter_context(Serve(*serve_words(path)))
            guest = stack.enter_context(Guest(wire(path, chardev=',reconnect=1')))
            prepare(guest)
            for _ in range(4):
                guest.must(f'until ping -c 1 -W 1 {SERVER[4]} >/dev/null; do :; done', 20)
                guest.must(f'echo_client.py {SERVER[4]} {PORT} 100')
                ledger = server.stop()
                self.assertTrue(ledger['balanced'])
                self.assertEqual(ledger['sent'], 100)
                server = stack.enter_context(Serve(*serve_words(path)))


class Inside(unittest.TestCase):
    """Volley serves inside the guest on a card of its own; this side's kernel is the peer."""

    def setUp(self):
        subprocess.run('ip link set lo up; ip tuntap add tap0 mode tap; ip link set tap0 up;'
                       f'ip addr add {CLIENT[4]}/24 dev tap0;'
                       f'ip addr add {CLIENT[6]}/64 dev tap0 nodad', shell=True, check=True)
        self.addCleanup(subprocess.run, ['ip', 'link', 'del', 'tap0'], check=True)

    def serve(self, guest, address):
        """Serves until stop() below; returns what the ready line says."""
        guest.must('hugepages 64')
        guest.must(f'volley serve -b dpdk -d pci:{address} -a {SERVER[4]}/24 -a {SERVER[6]}/64 '
                   f'-l :{PORT} -H echo --json >/run/out 2>/run/err & echo $! >/run/pid')
        guest.must('until grep -q ^ready: /run/out || ! kill -0 $(cat /run/pid); do sleep 0.1;'
                   'done; grep ^ready: /run/out || { cat /run/err; false; }', 60)

    def stop(self, guest):
        guest.must('kill $(cat /run/pid); while kill -0 $(cat /run/pid); do sleep 0.1; done')
        ledger = json.loads(guest.must('tail -n 1 /run/out; cat /run/err').strip())
        self.assertTrue(ledger['balanced'])
        return ledger

    def check_wire(self):
        for family, server in SERVER.items():
            for words in (['ping', f'-{family}', '-c', '10', '-i', '0.1', '-W', '5', server],
                          [ECHO_CLIENT, server, PORT, '1000', '0', '1472', '8'],
                          [ECHO_CLIENT, server, PORT, '10', '1473', '65507', '1']):
                done = subprocess.run(words, capture_output=True, text=True, timeout=60,
                                      check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def card(self, model):
        return ['-netdev', 'tap,id=net,ifname=tap0,script=no,downscript=no',
                '-device', model + ',netdev=net,mac=02:00:00:00:00:01,addr=04.0']

    def by_uio(self, model):
        """The card is given to uio_pci_generic, by hand as its documentation says."""
        with Guest(self.card(model), memory_mb=512) as guest:
            guest.load('uio', 'uio_pci_generic')
            guest.must('cd /sys/bus/pci/devices/0000:00:04.0 &&'
                       '{ [ ! -e driver ] || echo 0000:00:04.0 >driver/unbind; } &&'
                       'echo uio_pci_generic >driver_override &&'
                       'echo 0000:00:04.0 >/sys/bus/pci/drivers_probe && [ -e driver ]')
            self.serve(guest, '0000:00:04.0')
            self.check_wire()
            self.assertEqual(self.stop(guest)['sent'], 2 * 1010)

    def test_virtio_by_uio(self):
        self.by_uio('virtio-net-pci')

    def test_e1000_by_uio(self):
        self.by_uio('e1000')

    def test_vmxnet3_by_uio(self):
        self.by_uio('vmxnet3')

    def test_virtio_by_vfio(self):
        """Behind an IOMMU, with scripts/bind; and back to the kernel with its address."""
        card = ['-device', 'intel-iommu,intremap=off,caching-mode=on',
                *self.card('virtio-net-pci,disable-legacy=on,iommu_platform=on')]
        with Guest(card, memory_mb=512, cmdline='intel_iommu=on', iommu=True) as guest:
            guest.load('irqbypass', 'vfio_virqfd', 'vfio',
                       'vfio_iommu_type1 allow_unsafe_interrupts=1', 'vfio-pci-core', 'vfio-pci')
            guest.must('ip addr add 10.0.0.9/24 dev eth0 && ip link set eth0 up')
            guest.must('bind --now eth0')
            self.serve(guest, '0000:00:04.0')
            self.check_wire()
            self.assertEqual(self.stop(guest)['sent'], 2 * 1010)
            guest.must('bind --now restore')
            guest.must(f'ping -c 3 -I 10.0.0.9 {CLIENT[4]}')


if __name__ == '__main__':
    unittest.main()
