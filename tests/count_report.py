# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts the cases of a test report: prints `PASSED FAILED`; with --names, the names of those that
failed, a line each.

The report is pytest's JUnit XML, or meson's testlog.json with the TAP output of the unit tests. A
skipped case counts as failed: nothing is skipped silently here. So does a case that was planned but
never run, as after a crash, and a report that is missing, broken or empty.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

BAD = ("failure", "error", "skipped")


def count_junit(path):
    """The number that passed, and the names of the others."""
    passed, failed = 0, []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if any(case.find(kind) is not None for kind in BAD):
            failed.append(f"{case.get('classname', '')}::{case.get('name', '?')}")
        else:
            passed += 1
    return passed, failed


def count_tap(name, text, good):
    """The cases of one program, which as a whole was `good` or not."""
    passed, failed = 0, []
    planned = 0
    for line in text.splitlines():
        plan = re.match(r"1\.\.(\d+)", line)
        if plan:
            planned = int(plan.group(1))
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


def count(path):
    try:
        passed, failed = (count_meson if path.endswith(".json") else count_junit)(path)
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 0, [f"{path}: no report"]
    return (passed, failed) if passed or failed else (0, [f"{path}: an empty report"])


if __name__ == "__main__":
    if sys.argv[1] == "--names":
        print(*count(sys.argv[2])[1], sep="\n")
    else:
        print(count(sys.argv[1])[0], len(count(sys.argv[1])[1]))
