# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks for bytes in the memory of a process, as root alone may."""

import re


def mappings(pid):
    """(first address, address behind the last, flags as in VmFlags) of each that can be read."""
    with open(f"/proc/{pid}/smaps", encoding="ascii", errors="replace") as file:
        text = file.read()
    pattern = r"^([0-9a-f]+)-([0-9a-f]+) r.*?^VmFlags: ([a-z ]*)$"
    for first, last, flags in re.findall(pattern, text, re.M | re.S):
        yield int(first, 16), int(last, 16), set(flags.split())


def places_of(pid, secret):
    """The flags of the mapping of each place where the bytes lie."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for first, last, flags in mappings(pid):
            try:
                memory.seek(first)
                data = memory.read(last - first)
            except (OSError, OverflowError, ValueError):
                continue  # the kernel's own: [vvar]
            found += [flags] * data.count(secret)
    return found
