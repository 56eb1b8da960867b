# SPDX-License-Identifier: BSD-3-Clause
"""Memory that the C library writes into: each thread has its own, and makes it once."""
import ctypes
import threading

from ._library import DGRAM_BYTES_MAX, ENDPOINT, ERROR_BYTES, PACKED

BURST_MAX = 1024
BURST_BYTES = 1 << 20


class Buffers:
    """What a thread receives into."""

    def __init__(self):
        self.bytes = bytearray(DGRAM_BYTES_MAX)
        self.view = memoryview(self.bytes)
        self.address = ctypes.addressof(ctypes.c_uint8.from_buffer(self.bytes))
        self.peer = bytearray(ENDPOINT.size)
        self.peer_address = ctypes.addressof(ctypes.c_uint8.from_buffer(self.peer))
        self.error = ctypes.create_string_buffer(ERROR_BYTES)
        self.packed = None

    def make_burst(self):
        """The larger ones, which only bursts need."""
        self.packed = bytearray(PACKED.size * BURST_MAX)
        self.packed_view = memoryview(self.packed)
        self.packed_address = ctypes.addressof(ctypes.c_uint8.from_buffer(self.packed))
        self.burst = bytearray(BURST_BYTES)
        self.burst_view = memoryview(self.burst)
        self.burst_address = ctypes.addressof(ctypes.c_uint8.from_buffer(self.burst))


_local = threading.local()


def own_buffers():
    """The calling thread's."""
    try:
        return _local.buffers
    except AttributeError:
        _local.buffers = Buffers()
        return _local.buffers
