# SPDX-License-Identifier: BSD-3-Clause
"""The pairs of dpdk and testpmd as a table, with what they take before they do anything."""
import pairs_report
from report import number
from rows import summary


def idle_of(samples):
    if not samples:
        return {}
    return {key: summary([sample[key] for sample in samples]) for key in ('seconds', 'mib')}


def lines(result):
    facts, settings = result['machine'], result['settings']
    yield (f'{facts["cpu"]}, {facts["cores"]} cores{", virtual" if facts["virtual"] else ""}; '
           f'Linux {facts["kernel"]}; {facts["volley"]}, DPDK {facts["dpdk"]}; '
           f'{"huge" if settings["huge_pages"] else "normal"} pages on both sides')
    yield (f'{settings["bytes"]} bytes of payload, bursts of {settings["burst"]}; server on core '
           f'{settings["cores"][0]}, client on core {settings["cores"][1]}; medians of '
           f'{settings["rounds"]} rounds of {settings["seconds"]} s in turn; cycles: of the time '
           'stamp counter, for a datagram')
    yield ''
    yield from pairs_report.table(result['rows'])
    yield ''
    for name, idle in result['idle'].items():
        if not idle:
            continue
        yield (f'{name}: ready after {number(idle["seconds"]["median"])} s, '
               f'{number(idle["mib"]["median"])} MiB resident')
    yield from pairs_report.failures(result['rows'])
    if facts['load'] > 0.5:
        yield f'Other work was running here before (load {facts["load"]:.1f}).'
