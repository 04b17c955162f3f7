#!/usr/bin/env python3
"""Holds the tree against the project's rules: floors, bans, sizes, hygiene.

usage: tidy.py [--root DIR] [--build-dir DIR] [--no-format]

An exception stands in allow.txt beside this file, one a line:

    CHECK PATH SUBJECT NUMBER   # why

It allows what the check found there up to NUMBER. The list only shrinks: an entry that nothing needs
any more, or whose number is much too high, is an error too. Ends with 1 when something is wrong.
"""
import argparse
import pathlib
import sys

import bans
import floors
import hygiene
import sizes
from source import Problem, Tree

ALLOW_LIST = "tests/tidy/allow.txt"
# How much lower than its entry a number may be: else each line taken away would be an edit here.
SLACK = 20
NEVER_ALLOWED = ("file-hard", "floors", "format", "guard", "script")


def read_allowed(text):
    """{(check, path, subject): number}, and the problems of the list itself."""
    allowed, problems = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        entry, _, why = line.partition("#")
        fields = entry.split()
        if not fields:
            continue
        if len(fields) != 4 or not fields[3].isdigit() or not why.strip():
            problems.append(Problem("allow", ALLOW_LIST, line, 1, f"line {number}: must be CHECK PATH SUBJECT"
                                    " NUMBER # why"))
            continue
        if fields[0] in NEVER_ALLOWED:
            problems.append(Problem("allow", ALLOW_LIST, line, 1, f"line {number}: {fields[0]} has no exceptions"))
            continue
        allowed[tuple(fields[:3])] = int(fields[3])
    return allowed, problems


def apply_allowed(problems, allowed):
    """What remains of `problems`, with an error for each entry that is stale."""
    found = {}
    for problem in problems:
        found[problem.key] = max(problem.number, found.get(problem.key, 0))
    remaining = [p for p in problems if p.number > allowed.get(p.key, 0)]
    for key, number in allowed.items():
        entry = " ".join(key)
        have = found.get(key)
        if have is None:
            remaining.append(Problem("allow", ALLOW_LIST, entry, 1, f"{entry}: nothing needs it any more: take it out"))
        elif have < number - SLACK:
            remaining.append(Problem("allow", ALLOW_LIST, entry, 1, f"{entry}: is {have} by now: lower {number}"))
    return remaining


def run(root, build_dir=None, with_format=True):
    tree = Tree(root, build_dir)
    problems = []
    for module in (floors, bans, sizes, hygiene):
        problems += module.check(tree)
    if with_format:
        problems += hygiene.check_format(tree)
    list_file = pathlib.Path(root) / ALLOW_LIST
    allowed, broken = read_allowed(list_file.read_text() if list_file.exists() else "")
    return tree, apply_allowed(problems, allowed) + broken


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--build-dir", help="with compile_commands.json: finds sources that no target compiles")
    parser.add_argument("--no-format", action="store_true")
    arguments = parser.parse_args()
    tree, problems = run(arguments.root, arguments.build_dir, not arguments.no_format)
    for problem in sorted(problems, key=lambda p: (p.path, p.line, p.check)):
        print(f"{problem.path}: {problem.check}: {problem.text}")
    print(f"tidy: {len(tree.paths)} files, {len(problems)} problems")
    sys.exit(1 if problems or not tree.cpp else 0)


if __name__ == "__main__":
    main()
