# SPDX-License-Identifier: BSD-3-Clause
"""asyncio's datagram endpoints over a client of the C library."""
import asyncio
import collections
import socket as plain

from ._socket import socket

_BURST = 64
_EAGER_TURNS = 50  # of the loop, without anything, before a port that is polled is asked seldom
_SELDOM_S = 0.001
_HIGH_WATER = 64 * 1024


class DatagramTransport(asyncio.DatagramTransport):  # pylint: disable=too-many-instance-attributes
    """What a protocol's connection_made() is given. Belongs to its loop's thread."""

    def __init__(self, loop, sock, protocol, peer):
        super().__init__({'socket': sock, 'sockname': sock.getsockname(), 'peername': peer})
        self._loop = loop
        self._sock = sock
        self._protocol = protocol
        self._peer = peer
        self._waiting = collections.deque()  # (data, address) without room to leave
        self._waiting_bytes = 0
        self._is_paused = False
        self._is_closing = False
        self._idle_turns = 0
        self._timer = None
        try:
            self._fd = sock.fileno()
        except OSError:
            self._fd = None

    def begin(self):
        """Tells the protocol, then receives for it."""
        self._protocol.connection_made(self)
        if self._is_closing:
            return
        if self._fd is None:
            self._poll()
        else:
            self._loop.add_reader(self._fd, self._receive)

    # --- receiving ---

    def _receive(self):
        """Delivers a burst. Returns how many there were."""
        try:
            burst = self._sock.recv_burst(_BURST)
        except BlockingIOError:
            return 0
        except OSError as problem:
            self._protocol.error_received(problem)
            return 0
        deliver = self._protocol.datagram_received
        for data, address in burst:
            if self._is_closing:
                break
            deliver(data, address)
        return len(burst)

    def _poll(self):
        """Where nothing tells that something came: asks at every turn of the loop, and, when
        nothing has come for a while, once a millisecond."""
        self._timer = None
        if self._is_closing:
            return
        self._idle_turns = 0 if self._receive() else self._idle_turns + 1
        if self._idle_turns < _EAGER_TURNS:
            self._timer = self._loop.call_soon(self._poll)
        else:
            self._timer = self._loop.call_later(_SELDOM_S, self._poll)

    # --- sending ---

    def sendto(self, data, addr=None):
        """As asyncio's: what finds no room is kept and sent later."""
        if self._is_closing:
            return
        if self._peer and addr not in (None, self._peer):
            raise ValueError(f'Invalid address: must be None or {self._peer}')
        if addr is None and not self._peer:
            raise ValueError('to whom? the endpoint has no remote_addr')
        if self._waiting or not self._try(data, addr):
            self._keep(data, addr)

    def _try(self, data, addr):
        """False: there was no room."""
        try:
            if self._peer:
                self._sock.send(data)
            else:
                self._sock.sendto(data, addr)
        except BlockingIOError:
            return False
        except OSError as problem:
            self._protocol.error_received(problem)
        # A port that is polled is looked at again soon: an answer may come.
        self._idle_turns = 0
        return True

    def _keep(self, data, addr):
        if not self._waiting:
            self._loop.call_later(_SELDOM_S, self._send_waiting)
        self._waiting.append((bytes(data), addr))
        self._waiting_bytes += len(data)
        if self._waiting_bytes > _HIGH_WATER and not self._is_paused:
            self._is_paused = True
            self._protocol.pause_writing()

    def _send_waiting(self):
        while self._waiting and self._try(*self._waiting[0]):
            self._waiting_bytes -= len(self._waiting.popleft()[0])
        if self._waiting:
            self._loop.call_later(_SELDOM_S, self._send_waiting)
            return
        if self._is_paused:
            self._is_paused = False
            self._protocol.resume_writing()
        if self._is_closing:
            self._end(None)

    def get_write_buffer_size(self):
        """Bytes that wait for room."""
        return self._waiting_bytes

    # --- the end ---

    def is_closing(self):
        """Whether close() or abort() was called."""
        return self._is_closing

    def _stop(self):
        self._is_closing = True
        if self._timer:
            self._timer.cancel()
        if self._fd is not None:
            self._loop.remove_reader(self._fd)

    def close(self):
        """Sends what waits, then tells the protocol."""
        if self._is_closing:
            return
        self._stop()
        if not self._waiting:
            self._loop.call_soon(self._end, None)

    def abort(self):
        """Gives up what waits."""
        if not self._is_closing:
            self._stop()
            self._waiting.clear()
            self._waiting_bytes = 0
            self._loop.call_soon(self._end, None)

    def _end(self, problem):
        try:
            self._protocol.connection_lost(problem)
        finally:
            self._sock.close()


async def _resolve(loop, address, family):
    """The family and the numeric address, asked of the resolver."""
    found = await loop.getaddrinfo(*address[:2], family=family, type=plain.SOCK_DGRAM)
    if not found:
        raise OSError(f'getaddrinfo({address!r}) returned nothing')
    return found[0][0], found[0][4]


async def create_datagram_endpoint(protocol_factory, local_addr=None, remote_addr=None, *,
                                   family=0, port=None):
    """asyncio's loop.create_datagram_endpoint() over a port of Volley: `port` are the words of
    volley.socket. Returns (transport, protocol)."""
    loop = asyncio.get_running_loop()
    if remote_addr:
        family, remote_addr = await _resolve(loop, remote_addr, family)
    if local_addr:
        family, local_addr = await _resolve(loop, local_addr, family)
    if not family:
        raise ValueError('unexpected address family: give local_addr, remote_addr or family')
    sock = socket(family, port=port)
    try:
        sock.setblocking(False)
        if local_addr:
            sock.bind(local_addr)
        if remote_addr:
            sock.connect(remote_addr)
        protocol = protocol_factory()
        transport = DatagramTransport(loop, sock, protocol, remote_addr)
    except BaseException:
        sock.close()
        raise
    transport.begin()
    return transport, protocol
