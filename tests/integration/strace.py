# SPDX-License-Identifier: GPL-2.0-or-later
"""ftpsfs under strace: what each process of a mount asks of the kernel once it is in its sandbox, and
what its list in src/util/process/seccomp_rules.c says of that."""

import collections
import os
import re

from harness import eventually

RULES = os.path.join(
    os.path.dirname(__file__), "..", "..", "src", "util", "process", "seccomp_rules.c"
)
TABLE = re.compile(r"^static const Rule (\w+)\[\] = \{\n(.*?)^\};", re.DOTALL | re.MULTILINE)
RULE = re.compile(r"ALLOW(?:_IF|_WHEN|_WHEN_IF)?\((?:RULE_\w+, )?(\w+),\s+\"([^\"]*)\"")

# The table beside `common` that each process has.
DAEMON, RESOLVER, MOUNTER = "serves", "resolves", "unmounts"

# What libraries try and can do without: clone3 hides its flags from a filter, so that the C library
# is to take clone; GLib gives the threads of a pool the scheduling that they have anyway. And the
# daemon may not close the socket by which /dev/fuse came.
EXPECTED = {("clone3", "ENOSYS"), ("sched_setattr", "EPERM"), ("close", "EPERM")}

REFUSALS = ("EPERM", "ENOSYS", "EAFNOSUPPORT")


def tables():
    """{table: {system call: reasons}}"""
    with open(RULES, encoding="utf-8") as file:
        text = file.read()
    found = {}
    for name, body in TABLE.findall(text):
        found[name] = collections.defaultdict(list)
        for call, reason in RULE.findall(body):
            found[name][call].append(reason)
    return found


def allowed(role):
    """The system calls of a process."""
    found = tables()
    return set(found["common"]) | set(found[role])


def wrapper(directory, binary, output):
    """A program that runs ftpsfs under strace, as the process that was started."""
    path = os.path.join(directory, "traced-ftpsfs")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec strace -D -f -qq -s 8 -o "{output}" "{binary}" "$@"\n')
    os.chmod(path, 0o755)
    return path


# "123 read(3, ...) = 4", "123 read(3,  <unfinished ...>", "123 <... read resumed>...) = 4"
CALL = re.compile(r"^(\d+) +(?:(\w+)\(|<\.\.\. (\w+) resumed>)(.*)$")
RESULT = re.compile(r"= (?:(\d+)|-1 (\w+) )[^=]*$")


class Trace:
    """What the processes did after they had entered the sandbox."""

    def __init__(self, path):
        self.seen = collections.defaultdict(set)  # process: names of system calls
        self.refused = collections.defaultdict(set)  # process: (name, errno)
        self.confined = set()
        self._process = {}  # of a thread
        self._begun = {}  # thread: what stood before "unfinished"
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                found = CALL.match(line)
                if found:
                    self._take(*found.groups())

    def _take(self, thread, begun, resumed, rest):
        name = begun or resumed
        process = self._process.setdefault(thread, thread)
        text = self._begun.pop(thread, "") + rest
        if rest.endswith("<unfinished ...>"):
            self._begun[thread] = rest
        result = RESULT.search(text)
        if process in self.confined:
            self.seen[int(process)].add(name)
            if result and result[2] in REFUSALS:
                self.refused[int(process)].add((name, result[2]))
        if name == "clone" and "CLONE_THREAD" in text and result and result[1]:
            self._process[result[1]] = process
        if name == "seccomp" and "SET_MODE_FILTER" in text and result and result[1] == "0":
            self.confined.add(process)


def trace_of(path, pid):
    """After the end of the process `pid`, which strace writes last."""

    def ended():
        with open(path, encoding="utf-8", errors="replace") as file:
            return re.search(rf"^{pid} +exit_group\(", file.read(), re.MULTILINE)

    eventually(ended, what="the end of the trace")
    return Trace(path)
