#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks the JSON object at the end of a file: ledger.py FILE EXPRESSION...

An expression is Python's; it sees the object's keys, each drop reason by its own name (0 when the
object does not have it), and each metric of a handler as HANDLER_NAME.
"""
import json
import sys


class Names(dict):
    """The names of an expression: a drop reason that never happened counts 0."""

    def __missing__(self, name):
        if name in ('sum', 'min', 'max', 'abs', 'len', 'True', 'False'):
            raise KeyError(name)
        return 0


def last_object(text):
    for line in reversed(text.splitlines()):
        if line.startswith('{'):
            return json.loads(line)
    sys.exit('ledger: no JSON object in the output:\n' + text)


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        ledger = last_object(file.read())
    dropped = ledger.get('dropped', {})
    names = Names(dropped)
    names.update(ledger)
    names.update({f"{one['handler']}_{one['name']}": one['value']
                  for one in ledger.get('metrics', [])})
    names['drops'] = sum(dropped.values())
    wrong = [text for text in sys.argv[2:] if not eval(text, {}, names)]
    for text in wrong:
        print(f'ledger: not so: {text}')
    if wrong:
        print('ledger:', json.dumps(ledger))
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
