#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Records what the real servers say, as inputs for fuzz_session:

    tests/fuzz/record.py RECORD_SESSION DIRECTORY

RECORD_SESSION is the program of that name from a build for the fuzzer. As root, like the tests."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "servers"))

from serve import KINDS, server_class  # noqa: E402

# By name: the options (session_options.h) and the operations (session_operations.c).
RECORDINGS = {
    "looks": (0, "lLsxbz"),
    "reads": (0, "iiIjJi"),
    "stores": (0, "qQTwWXKQ"),
    "names": (0, "mrMRkye"),
    "attributes": (0, "ctaogS"),
    "rest": (0, "hHvufp"),
    "told": (0, "ldL"),
    "hostile": (0, "n"),
    "survey": (0, "V"),
    "active": (1, "lqi"),
    "codepage": (8, "Llr"),
}

CONTENT = "some words of content\n"


def make_tree(server):
    for name in ("d", "e"):
        os.makedirs(server.path(name))
    for name in ("d/one", "d/two words; x=1", "d/three.txt"):
        with open(server.path(name), "w", encoding="utf-8") as file:
            file.write(CONTENT)
    os.symlink("one", server.path("d", "to-one"))
    server.adopt(server.root)


EXPLICIT = 2

# Of ProFTPD with all its modules and without MLSD.
LEFT_OUT = ["proftpd-bare"]


def record(kind, program, directory):
    for name, (options, operations) in RECORDINGS.items():
        target = os.path.join(directory, f"{kind}-{name}")
        server = server_class(kind)()
        make_tree(server)
        with server:
            known = server.describe()
            options |= EXPLICIT if known["explicit"] else 0
            subprocess.run(
                [program, str(known["port"]), known["user"], known["password"]]
                + [str(options), operations, target],
                check=True,
            )
        print(f"{target}: {os.path.getsize(target)} bytes")


def main():
    program, directory = sys.argv[1:3]
    os.makedirs(directory, exist_ok=True)
    for kind in KINDS:
        if kind not in LEFT_OUT:
            record(kind, program, directory)


if __name__ == "__main__":
    main()
