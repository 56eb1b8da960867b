#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the files of a project as C texts: embed.py OUT NAME=FILE...

The line that says which licence they have here is left out: the project is its author's own.
"""
import re
import sys


def quoted(line):
    text = line.replace('\\', '\\\\').replace('"', '\\"').replace('\t', '\\t')
    return f'\t"{text}\\n"\n'


def main():
    out = ['#include "new_handler/project.h"\n\n',
           'const struct project_file project_files[] = {\n']
    for word in sys.argv[2:]:
        name, path = word.split('=', 1)
        with open(path, encoding='ascii') as file:
            text = re.sub(r'\A// SPDX[^\n]*\n(//\n)?', '', file.read())
        lines = ''.join(quoted(line) for line in text.splitlines())
        out.append(f'\t{{"{name}",\n{lines}\t}},\n')
    out.append('\t{0},\n};\n')
    with open(sys.argv[1], 'w', encoding='ascii') as file:
        file.write(''.join(out))


if __name__ == '__main__':
    main()
