#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks how the code is written, the whole tree: `tests/lint.py BUILD` prints TAP, a case for each
tool and file, and to stderr how long each tool took.

clang-format  every C file, by .clang-format
clang-tidy    every C file that BUILD/compile_commands.json compiles, by .clang-tidy, with its headers
shellcheck    every shell script, and the completions of bash
black         every Python file, by tests/pyproject.toml

The tools are those of Debian 12: other versions format otherwise.
"""

import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = (".ci", "include", "src", "tests")


def tree():
    """All files of ours, relative to ROOT."""
    for folder in FOLDERS:
        for directory, folders, names in os.walk(os.path.join(ROOT, folder)):
            folders[:] = sorted(set(folders) - {"corpus", "__pycache__"})
            for name in sorted(names):
                yield os.path.relpath(os.path.join(directory, name), ROOT)


def first_line(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        return file.readline(200).decode(errors="replace")


def is_c(path):
    return path.endswith((".c", ".h"))


def is_shell(path):
    return path.endswith((".sh", ".bash")) or re.match(r"#!.*\b(ba)?sh\b", first_line(path))


def is_python(path):
    return path.endswith(".py") or re.match(r"#!.*\bpython3?\b", first_line(path))


def compiled(build):
    """What meson compiles, and for what the compiler's options are known."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    paths = (os.path.join(entry["directory"], entry["file"]) for entry in entries)
    return {os.path.relpath(os.path.realpath(path), ROOT) for path in paths}


def check(command):
    """What the tool says when it finds fault, or None."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stdout + done.stderr


def main(build):
    files = list(tree())
    known = compiled(build)
    tools = {
        "clang-format": (["--dry-run", "-Werror"], [path for path in files if is_c(path)]),
        "clang-tidy": (["--quiet", "-p", build], [path for path in files if path in known]),
        "shellcheck": (["-x", "--shell=bash"], [path for path in files if is_shell(path)]),
        "black": (["--check", "--diff", "-q"], [path for path in files if is_python(path)]),
    }
    failed = 0
    print(f"1..{sum(len(paths) for _, paths in tools.values())}")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for tool, (options, paths) in tools.items():
            began = time.monotonic()
            words = pool.map(lambda path: check([tool, *options, path]), paths)
            for path, said in zip(paths, words):
                print("ok" if said is None else "not ok", "-", tool, path)
                if said is not None:
                    failed += 1
                    print(f"{tool} {path}:\n{said}", file=sys.stderr)
            print(f"{tool}: {len(paths)} files, {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
