# SPDX-License-Identifier: BSD-3-Clause
"""What the figures belong to: the machine, the versions, the commit."""
import datetime
import glob
import os
import platform
import re
import subprocess


# The source tree, if this is not installed.
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def output(*words, cwd=None):
    """What a command prints; empty if it cannot be run."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd,
                              timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return done.stdout.strip() if done.returncode == 0 else ''


def first_line(*words, cwd=None):
    return output(*words, cwd=cwd).split('\n')[0]


def file_text(path):
    try:
        with open(path, encoding='utf-8') as file:
            return file.read().strip()
    except OSError:
        return ''


def cpu_fact(name):
    found = re.search(rf'^{name}\s*:\s*(.*)$', file_text('/proc/cpuinfo'), re.M)
    return found.group(1) if found else ''


def memory_fact(name):
    found = re.search(rf'^{name}:\s*(\d+)', file_text('/proc/meminfo'), re.M)
    return int(found.group(1)) if found else 0


def load():
    """Processes that want a core, in the last minute: above a few tenths, others disturb."""
    return os.getloadavg()[0]


def version(module, *packages):
    """Of a library: by pkg-config, or where only the library itself is installed, by dpkg."""
    known = first_line('pkg-config', '--modversion', module)
    return known or next(filter(None, (
        first_line('dpkg-query', '-W', '-f', '${Version}', package) for package in packages)), '')


def mitigations():
    """Those of the processor's weaknesses that cost time or are open, as the kernel tells."""
    folder = '/sys/devices/system/cpu/vulnerabilities'
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    told = ((name, file_text(os.path.join(folder, name))) for name in names)
    return [f'{name}: {text}' for name, text in told if text != 'Not affected']


def hypervisor():
    found = re.search(r'^Hypervisor vendor:\s*(.*)$', output('lscpu'), re.M)
    return found.group(1) if found else None


def commit(root):
    """(commit, whether files differ from it) of a work tree; (None, False) where there is none."""
    if not os.path.exists(os.path.join(root, '.git')):
        return None, False
    return (first_line('git', 'rev-parse', 'HEAD', cwd=root) or None,
            bool(first_line('git', 'status', '--porcelain', cwd=root)))


def fingerprint(volley):
    system = re.search(r'PRETTY_NAME="?([^"\n]*)', file_text('/etc/os-release'))
    head, changed = commit(ROOT)
    return {
        'time': datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds'),
        'cpu': cpu_fact('model name') or platform.machine(),
        'cores': os.cpu_count(),
        'virtual': 'hypervisor' in cpu_fact('flags').split(),
        'hypervisor': hypervisor(),
        'governor': file_text('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor') or None,
        'isolated': file_text('/sys/devices/system/cpu/isolated'),
        'mitigations': mitigations(),
        'memory_mib': memory_fact('MemTotal') // 1024,
        'huge_pages': memory_fact('HugePages_Total'),
        'kernel': platform.release(),
        'system': system.group(1) if system else '',
        'load': load(),
        'commit': head,
        'changed': changed,
        'volley': first_line(volley, '--version'),
        'dpdk': version('libdpdk', 'librte-eal23'),
        'liburing': version('liburing', 'liburing2'),
        'compiler': first_line('cc', '--version'),
    }


def tsc_hz():
    """Cycles a second of the time stamp counter, which the kernel's BogoMIPS are half of where it
    is what time is kept by; None elsewhere."""
    if 'constant_tsc' not in cpu_fact('flags').split():
        return None
    return float(cpu_fact('bogomips') or 0) * 1e6 / 2 or None


def cpu_ns(pid):
    """Nanoseconds that the threads of a process have had of the cores."""
    return sum(int((file_text(path).split() or ['0'])[0])
               for path in glob.glob(f'/proc/{pid}/task/*/schedstat'))


def resident_mib(pid):
    """What a process has in memory, its huge pages included."""
    status = file_text(f'/proc/{pid}/status')
    found = re.findall(r'^(?:VmRSS|HugetlbPages):\s*(\d+) kB', status, re.M)
    return sum(map(int, found)) / 1024
