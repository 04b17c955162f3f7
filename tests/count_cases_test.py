#!/usr/bin/env python3
"""The counting of test cases in logs of ctest."""
import unittest

from count_cases import count, split_programs

PASSED = """
1/4 Testing: good
----------------------------------------------------------
[==========] Running 3 tests from 1 test suite.
[  PASSED  ] 3 tests.
<end of output>
Test Passed.
"""
FAILED = """
2/4 Testing: bad
[==========] Running 5 tests from 2 test suites.
[  PASSED  ] 2 tests.
[  SKIPPED ] 1 test, listed below:
[  FAILED  ] 2 tests, listed below:
Test Failed.
"""
CRASHED = """
3/4 Testing: crashed
[==========] Running 5 tests from 2 test suites.
Test Failed.
"""
SCRIPT = """
4/4 Testing: script
all is well
Test Passed.
"""


class CountCasesTest(unittest.TestCase):
    def test_each_kind_of_program(self):
        parts = split_programs(PASSED + FAILED + CRASHED + SCRIPT)
        self.assertEqual([(3, 0, 0), (2, 2, 1), (0, 1, 0), (1, 0, 0)], [count(part) for part in parts])

    def test_an_empty_log_has_no_program(self):
        self.assertEqual([], split_programs("Start testing: now\n"))


if __name__ == "__main__":
    unittest.main()
