#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each public header compiles alone, in C11 and in C++, with every warning an error; and the shared
library exports exactly the functions that the public headers declare.

    check.py SOURCE_ROOT LIBVOLLEY.SO
"""
import glob
import os
import re
import subprocess
import sys

WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Werror', '-Wconversion', '-Wshadow']
COMPILERS = [
    ['cc', '-std=c11', '-Wstrict-prototypes', '-x', 'c'],
    ['cc', '-std=gnu2x', '-x', 'c'],
    ['c++', '-std=c++11', '-x', 'c++'],
    ['c++', '-std=c++20', '-x', 'c++'],
]


def compiles(header, folder, compiler):
    command = compiler[:2] + WARNINGS + compiler[2:] + ['-fsyntax-only', '-I', folder, '-']
    name = os.path.relpath(header, folder)
    # Twice: a header may be included again.
    text = f'#include <{name}>\n' * 2 + 'extern int nothing;\n'
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        print(f'{name}: not self-contained with {" ".join(compiler)}:\n{done.stderr}')
    return done.returncode == 0


def declared_functions(headers):
    names = set()
    for header in headers:
        with open(header, encoding='utf-8') as file:
            text = re.sub(r'//[^\n]*', '', file.read())
        text = re.sub(r'static inline[^{;]*\{.*?\n\}', '', text, flags=re.S)
        names |= set(re.findall(r'\b(vly_\w+)\([^;{}]*\);', text, re.S))
    return names


def exported_functions(library):
    text = subprocess.run(['nm', '-D', '--defined-only', library], capture_output=True,
                          text=True, check=True).stdout
    return {line.split()[-1].split('@')[0] for line in text.splitlines()}


def main():
    root, library = sys.argv[1], sys.argv[2]
    folder = os.path.join(root, 'engine/include')
    headers = sorted(glob.glob(folder + '/volley/*.h'))
    good = [compiles(header, folder, compiler) for header in headers for compiler in COMPILERS]
    declared, exported = declared_functions(headers), exported_functions(library)
    for name in sorted(declared - exported):
        print(f'{name} is declared in a public header and not exported: add it to volley.map')
    for name in sorted(exported - declared):
        print(f'{name} is exported and in no public header')
    print(f'{len(headers)} headers, {len(exported)} functions exported')
    return 0 if headers and all(good) and declared and declared == exported else 1


if __name__ == '__main__':
    sys.exit(main())
