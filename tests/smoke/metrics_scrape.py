#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Asks a volley serve for its metrics: metrics_scrape.py WHAT PORT [SAMPLE...], with WHAT one of

http: what is asked for in other ways than GET /metrics. page: the page holds, and each SAMPLE, such
as 'name{label="value"} == 1', is so. hostile: garbage, and clients that never finish, and a page
all the same. together: many at once, each several times; no counter goes back.
"""
import contextlib
import math
import random
import re
import socket
import sys
import threading
import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

LIMIT_S = 10
CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
SLOW_CLIENTS = 40 # more than the server has connections


def get(port, path='/metrics', method='GET', host='127.0.0.1'):
    """Status, headers and text."""
    request = urllib.request.Request(f'http://{host}:{port}{path}', method=method,
                                     data=b'x' * 100000 if method == 'POST' else None)
    try:
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def check_family(family):
    """A histogram's buckets grow, and the last is the count; names are unique."""
    buckets = {}
    for sample in family.samples:
        labels = {key: value for key, value in sample.labels.items() if key != 'le'}
        if sample.name.endswith('_bucket') and family.type == 'histogram':
            key = tuple(sorted(labels.items()))
            end, value = buckets.get(key, (-1.0, 0.0))
            assert float(sample.labels['le']) > end and sample.value >= value, sample
            buckets[key] = float(sample.labels['le']), sample.value
        if sample.name.endswith('_count') and family.type == 'histogram':
            assert buckets[tuple(sorted(labels.items()))] == (math.inf, sample.value), sample


def samples(text):
    """Every sample by its name and labels, and the names of the counters."""
    found, names, counters = {}, set(), set()
    for family in text_string_to_metric_families(text):
        assert family.name not in names and family.documentation, family.name
        names.add(family.name)
        check_family(family)
        for sample in family.samples:
            labels = ','.join(f'{key}="{value}"' for key, value in sample.labels.items())
            name = sample.name + (f'{{{labels}}}' if labels else '')
            assert name not in found, name
            found[name] = sample.value
            if family.type in ('counter', 'histogram'):
                counters.add(name)
    assert len(found) > 50
    return found, counters


def page(port):
    status, headers, text = get(port)
    assert (status, headers['Content-Type']) == (200, CONTENT_TYPE), (status, headers)
    return samples(text)


def check_page(port, wanted):
    found, _ = page(port)
    for text in wanted:
        name, sign, number = re.fullmatch(r'(.*) (==|>) (\d+)', text).groups()
        value = found[name]
        assert value == int(number) if sign == '==' else value > int(number), (name, value)


def check_http(port):
    status, headers, text = get(port, method='HEAD')
    assert (status, text) == (200, '') and int(headers['Content-Length']) > 1000
    for method in ('POST', 'PUT', 'DELETE'):
        status, headers, _ = get(port, method=method)
        assert (status, headers['Allow']) == (405, 'GET, HEAD'), (method, status)
    for path in ('/', '/metrics/', '/metricsx', '/../../etc/passwd', '/' + 'x' * 5000):
        assert get(port, path)[0] == 404, path
    assert get(port, '/metrics?collect[]=all', host='[::1]')[0] == 200


def garbage(port):
    source = random.Random(1)
    for data in (b'', b'\0' * 1000, b'\n' * 100000, source.randbytes(100000), b'GET',
                 b'GET /metrics HTTP/1.1\r\nHost: x\r\nX: ' + b'x' * 1000000,
                 b'GET /metrics HTTP/9.9\r\n\r\n',
                 b'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'):
        with socket.create_connection(('127.0.0.1', port), LIMIT_S) as peer:
            with contextlib.suppress(OSError): # cut off already, or the server waits for more
                peer.sendall(data)
                peer.shutdown(socket.SHUT_WR)
                peer.settimeout(0.02)
                while peer.recv(65536):
                    pass


def check_hostile(port):
    """Those that never finish send a byte now and then; one does not read what it asked for."""
    garbage(port)
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(socket.socket())
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1) # the answer stays with the server
        deaf.connect(('127.0.0.1', port))
        deaf.sendall(b'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
        slow = [stack.enter_context(socket.create_connection(('127.0.0.1', port), LIMIT_S))
                for _ in range(SLOW_CLIENTS)]
        for peer in slow:
            peer.sendall(b'GET /metrics HTTP/1.1\r\nHost: x\r\nX')
        for _ in range(3): # while they are there
            page(port)
            for peer in slow:
                with contextlib.suppress(OSError):
                    peer.sendall(b'x')


def check_together(port):
    failures = []

    def read_often():
        try:
            before = {}
            for _ in range(5):
                now, counters = page(port)
                back = [name for name in before if name in counters and now[name] < before[name]]
                assert not back, back
                before = now
        except Exception as error: # of a thread: for whoever started it
            failures.append(error)

    threads = [threading.Thread(target=read_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def main():
    what, port = sys.argv[1], int(sys.argv[2])
    if what == 'page':
        check_page(port, sys.argv[3:])
    else:
        {'http': check_http, 'hostile': check_hostile, 'together': check_together}[what](port)


if __name__ == '__main__':
    main()
