# SPDX-License-Identifier: BSD-3-Clause
"""What makes the figures of this machine worth less, in sentences that are said loudly."""
import re

from machine import file_text

CPU = '/sys/devices/system/cpu'
STEAL_MOST = 0.001  # of the time: below that it is lost in the rest
LOAD_MOST = 0.5
STAT_STEAL = 7  # of the fields of /proc/stat behind the name (proc(5))


def numbers(text):
    """The cores of a list of the kernel's, "0-2,5"."""
    found = set()
    for part in filter(None, text.strip().split(',')):
        first, _, last = part.partition('-')
        found.update(range(int(first), int(last or first) + 1))
    return found


def core_times(cores):
    """(stolen, all) of the cores' time, in ticks, since the machine started."""
    stolen = total = 0
    for line in file_text('/proc/stat').splitlines():
        found = re.match(r'cpu(\d+) (.*)', line)
        if found and found.group(1) in cores:
            ticks = list(map(int, found.group(2).split()))
            stolen += ticks[STAT_STEAL] if len(ticks) > STAT_STEAL else 0
            total += sum(ticks[:STAT_STEAL + 1])
    return stolen, total


class Watch:
    """Begins with the run; sentences() at its end."""

    def __init__(self, cores):
        self.cores = sorted(set(cores))
        self.before = core_times(self.cores)

    def stolen(self):
        """The part of the cores' time that the host gave to others."""
        after = core_times(self.cores)
        passed = after[1] - self.before[1]
        return (after[0] - self.before[0]) / passed if passed else 0.0

    def sentences(self, facts):
        return list(sentences(facts, self.cores, self.stolen()))


def sentences(facts, cores, stolen, root=CPU):
    """`facts` are machine.fingerprint()'s; `cores` the two that were used, as texts."""
    if len(cores) < 2:
        yield ('one core: server and client take turns on it, and each round trip pays for that; '
               'rows with "busy" say nothing')
    elif facts['cores'] <= len(cores):
        yield (f'{facts["cores"]} cores: server and client have one each, and whatever else runs '
               'here runs on these too')
    isolated = numbers(facts['isolated'] or '')
    shared = [core for core in cores if int(core) not in isolated]
    if shared and len(cores) > 1:
        yield (f'cores {" and ".join(shared)} are not isolated (isolcpus, nohz_full): the '
               'kernel\'s own work comes between')
    siblings = numbers(file_text(f'{root}/cpu{cores[0]}/topology/thread_siblings_list'))
    if len(cores) > 1 and int(cores[1]) in siblings:
        yield f'cores {" and ".join(cores)} are two threads of one core, and slow each other down'
    if facts['virtual']:
        yield 'a virtual machine: its host decides when it runs, and on which cores'
    if stolen > STEAL_MOST:
        yield f'the host took {100 * stolen:.2g} % of these cores\' time for others (steal)'
    if facts['governor'] and facts['governor'] != 'performance':
        yield (f'frequency scaling: the governor is {facts["governor"]}; for steady figures: '
               'cpupower frequency-set -g performance')
    if facts['load'] > LOAD_MOST:
        yield (f'other work was running here before (load {facts["load"]:.1f}): do not trust these '
               'figures')
