# SPDX-License-Identifier: BSD-3-Clause
"""How many nanoseconds Python's cryptography takes for a Fernet token: functions.py runs it.

    fernet_python.py encrypt|decrypt BYTES SECONDS
"""
import sys
import time

BATCH = 100  # between two looks at the clock


def work_of(case, size):
    # pylint: disable=import-outside-toplevel
    from cryptography.fernet import Fernet
    fernet = Fernet(Fernet.generate_key())
    text = b'x' * size
    token = fernet.encrypt(text)
    return {'decrypt': lambda: fernet.decrypt(token, ttl=60),
            'encrypt': lambda: fernet.encrypt(text)}[case]


def nanoseconds(work, seconds):
    """By the processor's time, as the other side; the first batch, with what is only then loaded,
    does not count."""
    for _ in range(BATCH):
        work()
    start, count, passed = time.process_time_ns(), 0, 0
    while passed < seconds * 1e9:
        for _ in range(BATCH):
            work()
        count += BATCH
        passed = time.process_time_ns() - start
    return passed / count


def main():
    case, size, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    try:
        work = work_of(case, size)
    except ImportError as error:
        sys.exit(f'{error}; apt-get install python3-cryptography')
    print(nanoseconds(work, seconds))


if __name__ == '__main__':
    main()
