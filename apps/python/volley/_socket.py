# SPDX-License-Identifier: BSD-3-Clause
"""Datagram sockets over a client of the C library."""
import contextlib
import ctypes
import errno
import os
import socket as plain
import threading
import time

from . import _library
from ._buffers import BURST_BYTES, BURST_MAX, own_buffers
from ._library import DGRAM_BYTES_MAX, ENDPOINT, PACKED, TIMED_OUT, fail, lib
from ._library import pack_address, unpack_address
from ._request import Requests

_SLICE_S = 0.1  # of a wait in the library: between two of them Python looks for signals
_NS = 1_000_000_000


class socket(Requests):  # pylint: disable=invalid-name,too-many-public-methods
    """A datagram socket over Volley: the socket module's, and bursts and requests.

    `port` are words that say what it stands on, as a text or a list; if not given, those of
    VOLLEY_PORT, else "backend=socket". Any thread may use it, unless the words say shared=off.
    It opens its port when it is bound, or when it first sends."""

    def __init__(self, family=plain.AF_INET, type=plain.SOCK_DGRAM, proto=0, *, port=None):
        # pylint: disable=redefined-builtin
        if family not in (plain.AF_INET, plain.AF_INET6):
            raise OSError(errno.EAFNOSUPPORT, 'volley speaks AF_INET and AF_INET6')
        if type != plain.SOCK_DGRAM or proto not in (0, plain.IPPROTO_UDP):
            raise OSError(errno.EPROTONOSUPPORT, 'volley speaks UDP: SOCK_DGRAM')
        if port is None:
            port = os.environ.get('VOLLEY_PORT', 'backend=socket')
        words = port.split() if isinstance(port, str) else list(port)
        if not any(word.startswith('shared=') for word in words):
            words.append('shared=on')
        self.family, self.type, self.proto = plain.AddressFamily(family), plain.SOCK_DGRAM, proto
        self._words = words
        self._handle = None
        self._opening = threading.Lock()
        self._closed = False
        self._inside = []  # one element for each call that is in the library
        self._timeout = plain.getdefaulttimeout()
        self._peer = None  # (18 bytes, interface) of connect()
        self._refused = 0  # ICMP errors that have been raised

    # --- life ---

    def _open(self, *more):
        with self._opening:
            if self._closed:
                raise OSError(errno.EBADF, 'the socket is closed')
            if self._handle is None:
                self._handle = _library.open_client(self._words + list(more))
            elif more:
                raise OSError(errno.EINVAL, 'the socket is bound already')
            return self._handle

    @contextlib.contextmanager
    def _in_library(self):
        """The handle, which is not closed meanwhile."""
        self._inside.append(None)
        try:
            yield self._handle or self._open()
        finally:
            self._inside.pop()

    def bind(self, address):
        """Opens the port with that address to listen on."""
        raw, scope = pack_address(self.family, address)
        host, number = unpack_address(self.family, raw)[:2]
        if self.family == plain.AF_INET6:
            zone = f'%{plain.if_indextoname(scope)}' if scope else ''
            host = f'[{host}{zone}]'
        self._open(f'listen={host}:{number}')

    def close(self):
        """Closes the port, once no other thread is in it; they get an error."""
        with self._opening:
            self._closed = True
            handle, self._handle = self._handle, None
        if handle is None:
            return
        while self._inside:
            time.sleep(0.001)
        lib.vly_client_close(handle)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def __del__(self):
        if getattr(self, '_handle', None) is not None:
            self.close()

    def __repr__(self):
        state = 'closed' if self._closed else self.summary() if self._handle else 'not open yet'
        return f'<volley.socket {self.family.name} {state}>'

    # --- what it is ---

    def fileno(self):
        """A descriptor for select and event loops, readable when a receive may find something.
        -1 once closed. OSError where the backend can only be polled (dpdk)."""
        if self._closed:
            return -1
        with self._in_library() as handle:
            number = lib.vly_client_fd(handle)
        if number < 0:
            raise fail(number, 'this backend has nothing to wait on; receive without blocking, as '
                               'often as it suits' if number == -errno.ENOTSUP else '')
        return number

    def getsockname(self):
        """The local address."""
        with self._in_library() as handle:
            raw = bytes(lib.vly_port_local(lib.vly_client_port(handle)).raw)
        return unpack_address(self.family, raw)

    def getpeername(self):
        """The address of connect()."""
        if not self._peer:
            raise OSError(errno.ENOTCONN, 'the socket has no peer: call connect() first')
        return unpack_address(self.family, *self._peer)

    def summary(self):
        """What the port stands on."""
        with self._in_library() as handle:
            return lib.vly_port_summary(lib.vly_client_port(handle)).decode()

    def counts(self):
        """What became of all that was received, as a dict; see struct vly_client_counts."""
        counts = (ctypes.c_uint64 * len(_library.COUNTS))()
        with self._in_library() as handle:
            lib.vly_client_read_counts(handle, counts)
        return dict(zip(_library.COUNTS, counts))

    def ledger(self):
        """The port's ledger as a dict: its counters, and the reasons of drops that are not 0."""
        words = (ctypes.c_uint64 * (len(_library.LEDGER) + _library.DROPS_MAX))()
        with self._in_library() as handle:
            lib.vly_port_ledger(lib.vly_client_port(handle), words)
        ledger = dict(zip(_library.LEDGER, words))
        drops = zip(_library.drop_names(), words[len(_library.LEDGER):])
        ledger['dropped'] = {name: count for name, count in drops if count}
        return ledger

    def settimeout(self, value):
        """Seconds to wait, None for ever, 0 not at all."""
        if value is not None and value < 0:
            raise ValueError('Timeout value out of range')
        self._timeout = None if value is None else float(value)

    def gettimeout(self):
        """What settimeout() was given."""
        return self._timeout

    def setblocking(self, flag):
        """True: wait for ever; False: not at all."""
        self.settimeout(None if flag else 0.0)

    def getblocking(self):
        """Whether it waits."""
        return self._timeout != 0

    def setsockopt(self, level, optname, *value):
        """Takes what needs no doing here: broadcasts are sent without, and the wildcard of IPv6 is
        that of IPv4, too."""
        if level == plain.SOL_SOCKET and optname in (plain.SO_REUSEADDR, plain.SO_BROADCAST):
            return
        if (level, optname, *value) == (plain.IPPROTO_IPV6, plain.IPV6_V6ONLY, 0):
            return
        raise OSError(errno.ENOPROTOOPT, f'no socket option {level}, {optname} here; give port= '
                                         'the words join=GROUP, option=rcvbuf=BYTES ...')

    # --- waiting ---

    def _slices(self):
        """Yields the nanoseconds of each wait in the library, until the time-out is over."""
        if self._timeout is None:
            while True:
                yield int(_SLICE_S * _NS)
        end = time.monotonic() + self._timeout
        left = self._timeout
        while True:
            yield int(min(left, _SLICE_S) * _NS)
            left = end - time.monotonic()
            if left <= 0:
                return

    def _fail_late(self):
        if self._timeout == 0:
            raise BlockingIOError(errno.EAGAIN, 'nothing is there, or no room to send')
        raise plain.timeout('timed out')

    def _check(self):
        """After a wait in vain: whether the socket was closed, or its peer refuses."""
        if self._closed:
            raise OSError(errno.EBADF, 'the socket was closed')
        if self._peer:
            refused = self.counts()['refused']
            if refused != self._refused:
                self._refused = refused
                raise fail(-errno.ECONNREFUSED, f'{self.getpeername()[:2]}: nobody serves that '
                                                'port (an ICMP error says so)')

    # --- one datagram ---

    def connect(self, address):
        """Sends go there and receives take from there, from now on."""
        self._peer = pack_address(self.family, address)
        if self._handle is None:
            self._open()

    def connect_ex(self, address):
        """connect(), with an errno in place of an exception."""
        try:
            self.connect(address)
        except OSError as problem:
            return problem.errno
        return 0

    def _send(self, data, peer):
        if not isinstance(data, bytes):
            data = bytes(memoryview(data))
        message = own_buffers().error
        endpoint = ENDPOINT.pack(*peer)
        for wait_ns in self._slices():
            with self._in_library() as handle:
                code = lib.vly_client_send(handle, endpoint, data, len(data), wait_ns, message)
            if code == 0:
                return len(data)
            if code != TIMED_OUT:
                raise fail(code, message)
            self._check()
        return self._fail_late()

    def sendto(self, data, *where):
        """sendto(data, address) or sendto(data, flags, address)."""
        return self._send(data, pack_address(self.family, where[-1]))

    def send(self, data, flags=0):
        """To the address of connect()."""
        if not self._peer:
            raise OSError(errno.EDESTADDRREQ, 'to whom? call connect() first, or sendto()')
        return self._send(data, self._peer)

    sendall = send  # a datagram is sent as a whole or not at all

    def _receive(self, address, size, buffers):
        """Receives one into memory. Returns its length there; its peer is in buffers.peer."""
        for wait_ns in self._slices():
            while True:
                self._inside.append(None)
                try:
                    length = lib.vly_client_recv(self._handle or self._open(),
                                                 buffers.peer_address, address, size, wait_ns)
                finally:
                    self._inside.pop()
                if length < 0:
                    break
                if not self._peer or buffers.peer[:18] == self._peer[0]:
                    return min(length, size)
            self._check()
        return self._fail_late()

    def recvfrom(self, bufsize, flags=0):
        """Returns (bytes, address). What is longer than bufsize is cut, as in the original."""
        buffers = own_buffers()
        length = self._receive(buffers.address, min(bufsize, DGRAM_BYTES_MAX), buffers)
        raw, scope = ENDPOINT.unpack(buffers.peer)
        return bytes(buffers.view[:length]), unpack_address(self.family, raw, scope)

    def recv(self, bufsize, flags=0):
        """The bytes of recvfrom()."""
        buffers = own_buffers()
        length = self._receive(buffers.address, min(bufsize, DGRAM_BYTES_MAX), buffers)
        return bytes(buffers.view[:length])

    def recvfrom_into(self, buffer, nbytes=0, flags=0):
        """Receives into a buffer that can be written. Returns (length, address)."""
        buffers = own_buffers()
        view = memoryview(buffer).cast('B')
        size = min(nbytes or len(view), len(view))
        target = ctypes.c_uint8.from_buffer(view) if size else None
        length = self._receive(ctypes.addressof(target) if size else 0, size, buffers)
        raw, scope = ENDPOINT.unpack(buffers.peer)
        return length, unpack_address(self.family, raw, scope)

    def recv_into(self, buffer, nbytes=0, flags=0):
        """The length of recvfrom_into()."""
        return self.recvfrom_into(buffer, nbytes)[0]

    # --- many ---

    def _pack(self, datagrams, address):
        """One text of all payloads, and one of their records."""
        pack = PACKED.pack
        try:
            if address is not None or self._peer:
                raw, scope = (self._peer if address is None else
                              pack_address(self.family, address))
                payloads = list(datagrams)
                records = [pack(raw, len(data), scope) for data in payloads]
            else:
                payloads, records = [], []
                for data, to in datagrams:
                    raw, scope = pack_address(self.family, to)
                    payloads.append(data)
                    records.append(pack(raw, len(data), scope))
        except _library.struct.error:
            raise fail(-errno.EMSGSIZE, 'a payload is longer than a datagram takes') from None
        return payloads, b''.join(records)

    def send_burst(self, datagrams, address=None):
        """Sends an iterable of (bytes, address), or of bytes to one address (if connected, to that
        of connect()). Returns how many were sent: all, unless the time-out came first."""
        payloads, records = self._pack(datagrams, address)
        message = own_buffers().error
        sent = 0
        for wait_ns in self._slices():
            count = min(len(payloads) - sent, _library.PACKED_MAX)
            with self._in_library() as handle:
                code = lib.vly_client_send_packed(handle, records[sent * PACKED.size:], count,
                                                  b''.join(payloads[sent:sent + count]), wait_ns,
                                                  message)
            if code < 0 and code != TIMED_OUT:
                raise fail(code, message)
            sent += max(code, 0)
            if sent == len(payloads):
                return sent
            self._check()
        return sent or self._fail_late()

    def recv_burst(self, count=64):
        """Waits for a datagram as recvfrom() does, and takes what else is there, at most `count`.
        Returns a list of (bytes, address)."""
        buffers = own_buffers()
        if not buffers.packed:
            buffers.make_burst()
        count = max(1, min(count, BURST_MAX))
        for wait_ns in self._slices():
            with self._in_library() as handle:
                got = lib.vly_client_recv_packed(handle, buffers.packed_address, count,
                                                 buffers.burst_address, BURST_BYTES, wait_ns)
            burst = self._unpack(buffers, got)
            if burst:
                return burst
            self._check()
        return self._fail_late()

    def _unpack(self, buffers, count):
        view, at, family, burst = buffers.burst_view, 0, self.family, []
        known = _library.known_addresses(family)
        for raw, length, scope in PACKED.iter_unpack(buffers.packed_view[:count * PACKED.size]):
            address = known.get(raw) if not scope else None
            burst.append((bytes(view[at:at + length]),
                          address or unpack_address(family, raw, scope)))
            at += length
        if self._peer:
            peer = self.getpeername()
            burst = [pair for pair in burst if pair[1][:2] == peer[:2]]
        return burst
