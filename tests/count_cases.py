#!/usr/bin/env python3
"""Counts the test cases in a log of ctest and prints the summary line of tests/run.

usage: count_cases.py LastTest.log TEXT

A GoogleTest program counts as many cases as it ran; any other program as one. A program that failed
without a failed case (a crash, a time-out) counts as one failure. Ends with 1 when one failed.
"""
import pathlib
import re
import sys


def split_programs(log):
    """The part of the log that belongs to each program."""
    return re.split(r"^\d+/\d+ Testing: .*$", log, flags=re.MULTILINE)[1:]


def last_number(pattern, text):
    found = re.findall(pattern, text, flags=re.MULTILINE)
    return int(found[-1]) if found else 0


def count(part):
    """(passed, failed, skipped) of one program."""
    ok = re.search(r"^Test Passed\.$", part, flags=re.MULTILINE) is not None
    if not re.search(r"^\[==========\] Running \d+ test", part, flags=re.MULTILINE):
        return (1, 0, 0) if ok else (0, 1, 0)
    passed = last_number(r"^\[  PASSED  \] (\d+) test", part)
    failed = last_number(r"^\[  FAILED  \] (\d+) test", part)
    skipped = last_number(r"^\[  SKIPPED \] (\d+) test", part)
    if not ok and failed == 0:
        failed = 1
    return passed, failed, skipped


def main():
    log = pathlib.Path(sys.argv[1])
    programs = split_programs(log.read_text(errors="replace")) if log.exists() else []
    counts = [count(part) for part in programs]
    passed, failed, skipped = (sum(column) for column in zip(*counts)) if counts else (0, 0, 0)
    print(f"tests/run: {passed} passed, {failed} failed, {skipped} skipped"
          f" in {len(programs)} programs ({sys.argv[2]})")
    sys.exit(1 if failed or not programs else 0)


if __name__ == "__main__":
    main()
