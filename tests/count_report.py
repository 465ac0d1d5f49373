# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts the cases of a test report: prints `PASSED FAILED`; with --names, the names of those that
failed, a line each; with --passed, of those that passed, which only a JUnit report tells.

The report is pytest's JUnit XML, meson's testlog.json with the TAP output of the unit tests, or the
TAP output of one program or several. A skipped case counts as failed: nothing is skipped silently here. So does a case that was planned but
never run, as after a crash, and a report that is missing, broken or empty.
"""

import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

BAD = ("failure", "error", "skipped")


def read_junit(path):
    """The names of those that passed, and of the others."""
    passed, failed = [], []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        bad = any(case.find(kind) is not None for kind in BAD)
        name = f"{case.get('classname', '')}::{case.get('name', '?')}"
        (failed if bad else passed).append(name)
    return passed, failed


def count_junit(path):
    """The number that passed, and the names of the others."""
    passed, failed = read_junit(path)
    return len(passed), failed


def count_tap(name, text, good):
    """The cases of one program, or of several one after another, which as a whole were `good` or
    not."""
    passed, failed = 0, []
    planned = 0
    for line in text.splitlines():
        plan = re.match(r"1\.\.(\d+)", line)
        if plan:
            planned += int(plan.group(1))
        elif re.match(r"ok\b(?!.*#\s*SKIP)", line, re.IGNORECASE):
            passed += 1
        elif re.match(r"(not )?ok\b", line):
            failed.append(f"{name}: {line}")
    failed += [f"{name}: planned, but never run"] * max(0, planned - passed - len(failed))
    if not failed and (not good or passed == 0):
        failed.append(f"{name}: the program as a whole")
    return passed, failed


def count_meson(path):
    passed, failed = 0, []
    with open(path, encoding="utf-8") as file:
        for line in file:
            test = json.loads(line)
            one = count_tap(test["name"], test.get("stdout", ""), test["result"] == "OK")
            passed, failed = passed + one[0], failed + one[1]
    return passed, failed


def count_plain(path):
    with open(path, encoding="utf-8") as file:
        return count_tap(os.path.basename(path).removesuffix(".tap"), file.read(), True)


KINDS = {".json": count_meson, ".tap": count_plain, ".xml": count_junit}


def count(path):
    try:
        passed, failed = KINDS[os.path.splitext(path)[1]](path)
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 0, [f"{path}: no report"]
    return (passed, failed) if passed or failed else (0, [f"{path}: an empty report"])


if __name__ == "__main__":
    if sys.argv[1] == "--names":
        print(*count(sys.argv[2])[1], sep="\n")
    elif sys.argv[1] == "--passed":
        print(*read_junit(sys.argv[2])[0], sep="\n")
    else:
        print(count(sys.argv[1])[0], len(count(sys.argv[1])[1]))
