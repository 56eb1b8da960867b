# SPDX-License-Identifier: BSD-3-Clause
"""The Mann-Whitney U test: whether the values of one run tend to be greater than those of another.
It asks for ranks alone, so that one wild round counts no more than any other.

Exact, ties included, where the two together have few enough values to go through every way of
dividing them; else by the normal approximation, corrected for ties and continuity (Mann and Whitney
1947; Lehmann, "Nonparametrics", 1975, chapter 1)."""
import math

EXACT_MOST = 200000  # ways of dividing


def ranks(values):
    """From 1; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    first = 0
    while first < len(order):
        end = first
        while end < len(order) and values[order[end]] == values[order[first]]:
            end += 1
        for at in order[first:end]:
            found[at] = (first + 1 + end) / 2
        first = end
    return found


def sums_of(found, count):
    """How many choices of `count` ranks have which sum: {twice the sum: choices}."""
    ways = [{} for _ in range(count + 1)]
    ways[0][0] = 1
    for rank in found:
        twice = round(2 * rank)
        for chosen in range(count, 0, -1):
            for total, number in ways[chosen - 1].items():
                ways[chosen][total + twice] = ways[chosen].get(total + twice, 0) + number
    return ways[count]


def exact(found, count):
    ways = sums_of(found, count)
    middle = count * (len(found) + 1)  # twice the mean of the sum
    away = abs(round(2 * sum(found[:count])) - middle)
    extreme = sum(number for total, number in ways.items() if abs(total - middle) >= away)
    return extreme / math.comb(len(found), count)


def approximate(found, count):
    size, other = len(found), len(found) - count
    ties = sum(times ** 3 - times for times in map(found.count, set(found)))
    variance = count * other / 12 * (size + 1 - ties / (size * (size - 1)))
    if variance == 0:
        return 1.0
    away = abs(sum(found[:count]) - count * (size + 1) / 2) - 0.5
    return min(1.0, math.erfc(max(0.0, away) / math.sqrt(2 * variance)))


def p_value(some, others):
    """Two-sided: how likely ranks as far apart as these are, if nothing differs. 1.0 if a side has
    no values."""
    if not some or not others:
        return 1.0
    found = ranks(list(some) + list(others))
    if math.comb(len(found), len(some)) <= EXACT_MOST:
        return exact(found, len(some))
    return approximate(found, len(some))


def least(count, others):
    """The smallest p that so many values on each side can give."""
    return 2 / math.comb(count + others, count) if count and others else 1.0
