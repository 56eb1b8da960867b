# SPDX-License-Identifier: BSD-3-Clause
"""Reads a report that was written before. Whatever else the file holds is refused in one line: no
figure is taken from what is not understood."""
import json
import math

import rows


class Unusable(Exception):
    """The text says why, and what to do."""


def is_figure(value):
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and
                             math.isfinite(value) and value >= 0)


def need(condition, what):
    if not condition:
        raise Unusable(what)


def check_measure(made, where):
    need(made['kind'] in (rows.ROUND_TRIP, rows.CAPACITY, rows.LOAD), f'{where}: its kind')
    need(isinstance(made['bytes'], int), f'{where}: its bytes')
    need(isinstance(made['flows'], int), f'{where}: its flows')
    need(made['share'] is None or is_figure(made['share']), f'{where}: its share')
    need(isinstance(made['rounds'], list) and made['rounds'], f'{where}: its rounds')
    for one in made['rounds']:
        for key in rows.FIGURES:
            need(is_figure(one.get(key)), f'{where}: {key} of a round')


def check_row(row):
    where = ' '.join(row[key] for key in ('wire', 'server', 'idle'))
    need(isinstance(row['failures'], list), f'{where}: its failures')
    for made in row['measures']:
        check_measure(made, where)


def check(report):
    need(isinstance(report['complete'], bool), 'whether it is complete')
    for key in 'machine', 'settings':
        need(isinstance(report[key], dict), key)
    need(isinstance(report['machine']['time'], str), 'when it was measured')
    need(isinstance(report['machine']['commit'], (str, type(None))), 'the commit')
    for row in report['rows']:
        check_row(row)


def rebuilt(report):
    """With all that follows from the rounds worked out again, as if they had just been taken."""
    for row in report['rows']:
        row['measures'] = [rows.measure(made['kind'], made['bytes'], made['rounds'], made['share'],
                                        made['flows'], made.get('percentiles'))
                           for made in row['measures']]
    return report


def load(path):
    """The report of a file; raises Unusable."""
    try:
        with open(path, encoding='utf-8') as file:
            report = json.load(file)
    except OSError as error:
        raise Unusable(f'{path}: {error.strerror}') from error
    except (ValueError, RecursionError) as error:
        raise Unusable(f'{path} is not JSON, so no report.json of volley bench: {error}') from error
    if not isinstance(report, dict) or not isinstance(report.get('schema'), int):
        raise Unusable(f'{path} is no report.json of volley bench')
    if report['schema'] != rows.SCHEMA:
        raise Unusable(f'{path} has schema {report["schema"]}, this volley bench reads '
                       f'{rows.SCHEMA}: measure again with the version to compare with')
    try:
        check(report)
        return rebuilt(report)
    except Unusable as what:
        raise Unusable(f'{path} is damaged: what does not fit is {what}') from what
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Unusable(f'{path} is damaged: {type(error).__name__} {error}') from error
