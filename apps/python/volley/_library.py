# SPDX-License-Identifier: BSD-3-Clause
"""The C library as Python sees it: libvolley's client.h through ctypes, and addresses both ways.

A call through ctypes takes half a microsecond and reading a field of a structure nearly as much. So
what is looked at for each datagram is packed and unpacked by struct, and many go in one call."""
import ctypes
import errno
import os
import pathlib
import socket
import struct

ERROR_BYTES = 384  # enum vly_error_limits
DGRAM_BYTES_MAX = 65507  # enum vly_dgram_limits
PACKED_MAX = 65536  # enum vly_client_limits

ADDR = struct.Struct('=16sH')  # struct vly_addr; the port is in host order
ENDPOINT = struct.Struct('=18s2xI')  # struct vly_endpoint
PACKED = struct.Struct('=18sHI')  # struct vly_packed

COUNTS = ('received', 'answered', 'late', 'duplicate', 'foreign', 'requests', 'resent',
          'timed_out', 'refused')  # struct vly_client_counts, in its order
LEDGER = ('received', 'originated', 'sent', 'released', 'answered', 'to_kernel',
          'from_kernel')  # struct vly_ledger, before dropped[]
DROPS_MAX = 256

_MAPPED = bytes(10) + b'\xff\xff'
_CACHE_MAX = 65536


class Addr(ctypes.Structure):
    """struct vly_addr, where a function returns one."""
    _fields_ = [('raw', ctypes.c_uint8 * ADDR.size)]


class Request(ctypes.Structure):
    """struct vly_request."""
    _fields_ = [
        ('peer', ctypes.c_uint8 * ENDPOINT.size), ('bytes', ctypes.c_void_p),
        ('len', ctypes.c_uint32), ('retries', ctypes.c_uint32),
        ('timeout_ns', ctypes.c_uint64), ('timeout_max_ns', ctypes.c_uint64),
        ('backoff', ctypes.c_uint32), ('answer_size', ctypes.c_uint32),
        ('answer', ctypes.c_void_p), ('arg', ctypes.c_void_p),
        ('status', ctypes.c_int), ('answer_len', ctypes.c_uint32),
        ('answerer', ctypes.c_uint8 * ENDPOINT.size),
        ('sent', ctypes.c_uint32), ('rtt_ns', ctypes.c_uint64),
        ('next', ctypes.c_void_p), ('hash', ctypes.c_uint64), ('sent_ns', ctypes.c_uint64),
        ('wait_ns', ctypes.c_uint64), ('deadline_ns', ctypes.c_uint64),
        ('is_refused', ctypes.c_bool),
    ]


def _candidates():
    """Where the library may be, best first."""
    if 'VOLLEY_LIBRARY' in os.environ:
        yield os.environ['VOLLEY_LIBRARY']
        return
    # Beside this module, where both were installed under one prefix.
    for parent in pathlib.Path(__file__).resolve().parents:
        if parent.name == 'lib':
            yield from sorted(map(str, parent.glob('**/libvolley.so.0')))
            break
    yield 'libvolley.so.0'


def _load():
    failures = []
    for name in _candidates():
        try:
            return ctypes.CDLL(name)
        except OSError as problem:
            failures.append(str(problem))
    raise ImportError('volley: the C library is not found (' + '; '.join(failures) + '); install '
                      'it with meson install, or name it in VOLLEY_LIBRARY')


def _declare(library):
    pointer, text, u32, u64 = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32, ctypes.c_uint64
    for name, result, arguments in (
            ('open_words', ctypes.c_int, (ctypes.POINTER(pointer), ctypes.POINTER(text), u32,
                                          text)),
            ('close', None, (pointer,)),
            ('port', pointer, (pointer,)),
            ('fd', ctypes.c_int, (pointer,)),
            ('read_counts', None, (pointer, ctypes.POINTER(u64))),
            ('send', ctypes.c_int, (pointer, text, text, u32, u64, text)),
            ('recv', ctypes.c_int, (pointer, pointer, pointer, u32, u64)),
            ('send_packed', ctypes.c_int, (pointer, text, u32, text, u64, text)),
            ('recv_packed', ctypes.c_int, (pointer, pointer, u32, pointer, u32, u64)),
            ('start', ctypes.c_int, (pointer, ctypes.POINTER(Request), text)),
            ('poll', u32, (pointer, u64)),
            ('cancel', None, (pointer, ctypes.POINTER(Request)))):
        function = getattr(library, 'vly_client_' + name)
        function.restype = result
        function.argtypes = arguments
    library.vly_port_local.restype = Addr
    library.vly_port_local.argtypes = (pointer,)
    library.vly_port_summary.restype = text
    library.vly_port_summary.argtypes = (pointer,)
    library.vly_port_ledger.restype = None
    library.vly_port_ledger.argtypes = (pointer, pointer)
    library.vly_drop_name.restype = text
    library.vly_drop_name.argtypes = (u32,)
    library.vly_version.restype = text
    return library


lib = _declare(_load())


def version():
    """The library's version, as "0.1.0"."""
    return lib.vly_version().decode()


def drop_names():
    """The reasons of the ledger, in its order."""
    names = []
    while len(names) < DROPS_MAX:
        name = lib.vly_drop_name(len(names)).decode()
        if name == 'unknown':
            break
        names.append(name)
    return names


def fail(code, message=''):
    """The OSError of a negative errno, of the subclass that goes with it."""
    if isinstance(message, ctypes.Array):
        message = message.value.decode(errors='replace')
    number = -code
    return OSError(number, message or os.strerror(number))


# --- addresses ----------------------------------------------------------------------------------

_packed = {}  # (family, address) to 18 bytes and an interface
_tuples = {socket.AF_INET: {}, socket.AF_INET6: {}}  # 18 bytes to an address


def _numeric(family, host):
    """The 16 bytes of an address that is no name; None for a name."""
    if not host:
        return _MAPPED + bytes(4) if family == socket.AF_INET else bytes(16)
    if host == '<broadcast>':
        return _MAPPED + b'\xff\xff\xff\xff'
    try:
        if family == socket.AF_INET:
            return _MAPPED + socket.inet_pton(family, host)
        return socket.inet_pton(family, host)
    except OSError:
        return None


def _resolve(family, address):
    """18 bytes and the interface; asks the resolver for a name, as the socket module does."""
    if not isinstance(address, tuple) or not 2 <= len(address) <= 4:
        raise TypeError(f'the address must be a tuple of host and port, not {address!r}')
    host, port = address[:2]
    if not isinstance(port, int) or not 0 <= port <= 65535:
        raise OverflowError('port must be 0-65535.')
    ip = _numeric(family, host)
    scope = address[3] if len(address) == 4 else 0
    if ip is not None:
        return ADDR.pack(ip, port), scope, True
    found = socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM)[0][4]
    scope = found[3] if len(found) == 4 else 0
    return ADDR.pack(_numeric(family, found[0].split('%')[0]), port), scope, False


def pack_address(family, address):
    """18 bytes of struct vly_addr and an interface. What is no name is remembered."""
    known = _packed.get((family, address))
    if known:
        return known
    raw, scope, is_lasting = _resolve(family, address)
    if is_lasting:
        if len(_packed) >= _CACHE_MAX:
            _packed.clear()
        _packed[family, address] = raw, scope
    return raw, scope


def unpack_address(family, raw, scope=0):
    """The tuple that the socket module gives for a peer."""
    known = _tuples[family].get(raw)
    if known and not scope:
        return known
    ip, port = ADDR.unpack(raw)
    is_mapped = ip.startswith(_MAPPED)
    if family == socket.AF_INET:
        address = (socket.inet_ntop(family, ip[12:]) if is_mapped else
                   socket.inet_ntop(socket.AF_INET6, ip) if any(ip) else '0.0.0.0', port)
    else:
        address = (socket.inet_ntop(family, ip), port, 0, scope)
    if not scope:
        if len(_tuples[family]) >= _CACHE_MAX:
            _tuples[family].clear()
        _tuples[family][raw] = address
    return address


def open_client(words):
    """A struct vly_client from "key=value" words."""
    handle = ctypes.c_void_p()
    message = ctypes.create_string_buffer(ERROR_BYTES)
    texts = (ctypes.c_char_p * len(words))(*(word.encode() for word in words))
    code = lib.vly_client_open_words(ctypes.byref(handle), texts, len(words), message)
    if code:
        raise fail(code, message)
    return handle


TIMED_OUT = -errno.ETIMEDOUT


def known_addresses(family):
    """The memory of unpack_address(), to look up by 18 bytes."""
    return _tuples[family]
