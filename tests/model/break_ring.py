#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes a copy of engine/ring/spsc.h with one mistake in it, for a test that must find it.

    break_ring.py MISTAKE spsc.h OUTPUT
"""
import sys

# Each mistake: what is written, and what stands there instead.
MISTAKES = {
    # The slots are the producer's again before they are read.
    'free_first': [
        ('\tvly_ring_consume_at(ring, head, popped);\n\treturn popped;', '\treturn popped;'),
        ('\tvly_ring_read(items, &ring->slots[first], run);',
         '\tvly_ring_consume_at(ring, head, popped);\n'
         '\tvly_ring_read(items, &ring->slots[first], run);'),
    ],
    # The first slot is taken to tell of the whole burst.
    'first_tells': [('vly_ring_slot_is_free(ring, index + count - 1) == is_free',
                     'vly_ring_slot_is_free(ring, index) == is_free')],
    # A burst is filled from its end.
    'backwards': [('\t\tatomic_store_explicit(&slots[i].signal, items[i], memory_order_release);',
                   '\t\tatomic_store_explicit(&slots[count - 1 - i].signal, items[count - 1 - i],'
                   ' memory_order_release);')],
    # The orders as they would be written by who trusts x86.
    'relaxed_put': [('items[i], memory_order_release)', 'items[i], memory_order_relaxed)')],
    'relaxed_free': [('free_mark, memory_order_release)', 'free_mark, memory_order_relaxed)')],
    'relaxed_look': [('memory_order_acquire) == vly_ring_free_mark',
                      'memory_order_relaxed) == vly_ring_free_mark')],
}


def main():
    mistake, source, output = sys.argv[1:]
    with open(source, encoding='utf-8') as file:
        text = file.read()
    for right, wrong in MISTAKES[mistake]:
        if text.count(right) != 1:
            sys.exit(f'{source}: `{right.strip()}` does not stand there once: adapt {sys.argv[0]}')
        text = text.replace(right, wrong)
    with open(output, 'w', encoding='utf-8') as file:
        file.write(text)


if __name__ == '__main__':
    main()
