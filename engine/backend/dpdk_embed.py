#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes a file's bytes as the inside of a C array: dpdk_embed.py IN OUT."""
import sys


def main():
    with open(sys.argv[1], 'rb') as file:
        data = file.read()
    with open(sys.argv[2], 'w', encoding='ascii') as file:
        for first in range(0, len(data), 16):
            file.write(''.join(f'{byte},' for byte in data[first:first + 16]) + '\n')


if __name__ == '__main__':
    main()
