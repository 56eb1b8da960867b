#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The schema of report.json: it takes what is made, and refuses what is not.

    test_schema.py               made-up reports
    test_schema.py REPORT.json   that one, for the smoke test
"""
import copy
import json
import os
import sys
import unittest

import jsonschema

import made_up

with open(os.path.join(made_up.COMPARE, 'report.schema.json'), encoding='utf-8') as schema:
    VALIDATOR = jsonschema.Draft202012Validator(json.load(schema))


class Schema(unittest.TestCase):
    def test_is_one(self):
        VALIDATOR.check_schema(VALIDATOR.schema)

    def test_takes_reports(self):
        report = json.loads(json.dumps(made_up.report(rounds=2)))
        VALIDATOR.validate(report)
        report['complete'], report['ring'] = False, 'not measured'
        report['rows'][0]['measures'] = []
        VALIDATOR.validate(report)

    def test_refuses(self):
        good = made_up.report(rounds=2)

        def spoilt(change):
            report = copy.deepcopy(good)
            change(report)
            return VALIDATOR.is_valid(report)

        self.assertFalse(spoilt(lambda report: report.update(schema=1)))
        self.assertFalse(spoilt(lambda report: report.pop('complete')))
        self.assertFalse(spoilt(lambda report: report['machine'].pop('mitigations')))
        self.assertFalse(spoilt(lambda report: report['rows'][0].update(wire='wireless')))
        self.assertFalse(spoilt(lambda report: report['rows'][0]['measures'][0].update(rounds=[])))
        self.assertFalse(spoilt(
            lambda report: report['rows'][0]['measures'][0]['rounds'][0].update(p50_us=-1)))


if __name__ == '__main__':
    if len(sys.argv) > 1:
        with open(sys.argv[1], encoding='utf-8') as file:
            VALIDATOR.validate(json.load(file))
    else:
        unittest.main()
