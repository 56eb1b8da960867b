# SPDX-License-Identifier: BSD-3-Clause
"""UDP over Volley, with the shape of the socket module.

    import volley as socket

A program for datagrams then runs over whichever way to the wire its sockets are opened on: the
kernel's sockets (the preset), io_uring, or DPDK without the kernel. Which one, the argument `port`
says, or for all sockets of a program the environment variable VOLLEY_PORT, in the words of
engine/include/volley/client.h:

    VOLLEY_PORT="backend=uring"
    VOLLEY_PORT="backend=dpdk device=virtio-user:/tmp/volley.sock address=10.0.0.2/24"

Beside what the socket module has there are bursts (send_burst, recv_burst), which cost one call for
many datagrams, and requests that are sent again until they are answered (request).
create_datagram_endpoint() is asyncio's, over the same ports.

Everything of the socket module that is no class of sockets (getaddrinfo, inet_pton, the constants)
is here, too, and is the original.
"""
from socket import *  # noqa: F401,F403  pylint: disable=wildcard-import,unused-wildcard-import
from socket import SOCK_DGRAM, AF_INET, error, gaierror, herror, timeout  # noqa: F401

from ._asyncio import DatagramTransport, create_datagram_endpoint
from ._library import version
from ._socket import socket

SocketType = socket

__all__ = ['DatagramTransport', 'create_datagram_endpoint', 'socket', 'version']

# They would make sockets of the kernel's own, or ones that carry no datagrams.
for _name in ('create_connection', 'create_server', 'fromfd', 'socketpair', 'fromshare',
              'has_dualstack_ipv6', 'send_fds', 'recv_fds'):
    globals().pop(_name, None)
del _name
