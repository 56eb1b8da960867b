# SPDX-License-Identifier: BSD-3-Clause
"""Requests over a socket's client: asked again until they are answered."""
import collections
import ctypes
import errno

from . import _library
from ._buffers import own_buffers
from ._library import DGRAM_BYTES_MAX, ENDPOINT, fail, lib, pack_address, unpack_address

_SLICE_NS = 100_000_000  # of a wait in the library: between two of them Python looks for signals
_NS = 1_000_000_000

Answer = collections.namedtuple('Answer', 'data address sent rtt')


class Requests:  # pylint: disable=too-few-public-methods
    """The part of a socket that asks."""

    def request(self, data, address=None, *, timeout=1.0, retries=2, backoff=2):
        """Sends data and waits for its answer, sending again what is not answered: after `timeout`
        seconds first, then after `backoff` times as long as before. Returns (data, address, sent,
        rtt). What is an answer, the word match= of `port` says; if none, whatever comes from
        there. TimeoutError or ConnectionRefusedError if none came."""
        buffers = own_buffers()
        peer = self._peer if address is None else pack_address(self.family, address)
        if not peer:
            raise OSError(errno.EDESTADDRREQ, 'to whom? give an address, or call connect() first')
        data = bytes(memoryview(data))
        question = ctypes.create_string_buffer(data, max(len(data), 1))
        request = _library.Request(
            peer=(ctypes.c_uint8 * ENDPOINT.size)(*ENDPOINT.pack(*peer)),
            bytes=ctypes.addressof(question), len=len(data), retries=retries, backoff=backoff,
            timeout_ns=int(timeout * _NS), answer=buffers.address, answer_size=DGRAM_BYTES_MAX)
        with self._in_library() as handle:
            code = lib.vly_client_start(handle, request, buffers.error)
            if code:
                raise fail(code, buffers.error)
            try:
                while request.status == -errno.EINPROGRESS and not self._closed:
                    lib.vly_client_poll(handle, _SLICE_NS)
            finally:
                lib.vly_client_cancel(handle, request)
        return self._answer(request, buffers)

    def _answer(self, request, buffers):
        peer = unpack_address(self.family, *ENDPOINT.unpack(bytes(request.peer)))
        if request.status == -errno.ETIMEDOUT:
            raise fail(request.status, f'no answer from {peer[:2]}: sent {request.sent} times')
        if request.status == -errno.ECONNREFUSED:
            raise fail(request.status, f'{peer[:2]}: nobody serves that port (an ICMP error says '
                                       'so)')
        if request.status:
            raise fail(request.status)
        return Answer(bytes(buffers.view[:request.answer_len]),
                      unpack_address(self.family, *ENDPOINT.unpack(bytes(request.answerer))),
                      request.sent, request.rtt_ns / _NS)
