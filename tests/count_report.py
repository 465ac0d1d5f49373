# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts the cases of a test report: prints `PASSED FAILED`.

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
    passed = failed = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if any(case.find(kind) is not None for kind in BAD):
            failed += 1
        else:
            passed += 1
    return passed, failed


def count_tap(text, good):
    """The cases of one program, which as a whole was `good` or not."""
    passed = failed = 0
    planned = 0
    for line in text.splitlines():
        plan = re.match(r"1\.\.(\d+)", line)
        if plan:
            planned = int(plan.group(1))
        elif re.match(r"ok\b(?!.*#\s*SKIP)", line, re.IGNORECASE):
            passed += 1
        elif re.match(r"(not )?ok\b", line):
            failed += 1
    failed += max(0, planned - passed - failed)
    if failed == 0 and (not good or passed == 0):
        failed = 1
    return passed, failed


def count_meson(path):
    passed = failed = 0
    with open(path, encoding="utf-8") as file:
        for line in file:
            test = json.loads(line)
            one = count_tap(test.get("stdout", ""), test["result"] == "OK")
            passed, failed = passed + one[0], failed + one[1]
    return passed, failed


def count(path):
    try:
        passed, failed = (count_meson if path.endswith(".json") else count_junit)(path)
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 0, 1
    return (passed, failed) if passed + failed else (0, 1)


if __name__ == "__main__":
    print(*count(sys.argv[1]))
