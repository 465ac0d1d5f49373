# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts the cases of a JUnit report: prints `PASSED FAILED`.

A skipped case counts as failed: nothing is skipped silently here. So does a report that is missing,
broken or empty.
"""

import sys
import xml.etree.ElementTree as ElementTree

BAD = ("failure", "error", "skipped")


def count(path):
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 0, 1
    passed = failed = 0
    for suite in root.iter("testsuite"):
        cases = suite.findall("testcase")
        bad = [case for case in cases if any(case.find(kind) is not None for kind in BAD)]
        passed += len(cases) - len(bad)
        failed += len(bad)
        # meson: a program that crashed after its last case, or printed none.
        outside = suite.find("failure") is not None or int(suite.get("errors", 0)) > 0
        if outside and not bad:
            failed += 1
    return (passed, failed) if passed + failed else (0, 1)


if __name__ == "__main__":
    print(*count(sys.argv[1]))
