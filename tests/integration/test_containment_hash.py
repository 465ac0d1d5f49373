# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that a server makes collide in a hash table cost no more than others."""

import os
import random
import re

import pytest
from scripted_mount import at, read, within

pytest_plugins = ["scripted_fixtures"]

COUNT = 65_536
SOURCE = os.path.join(os.path.dirname(__file__), "..", "..", "src")

# Where keys are the program's own: an option's name is a word of its table.
ALLOWED = {
    ("g_str_hash", "config/options_read.c"),
    # Numbers that the program counts itself: of nodes, and of pending uploads.
    ("g_int64_hash", "cache/read/chunks.c"),
    ("g_int64_hash", "cache/writeback/writeback.c"),
    ("g_int64_hash", "cache/writeback/journal_replay.c"),
}
# Without a function the key is the pointer: an address of the program's own, or a number that it
# has counted itself or taken from a list of GnuTLS.
ALLOWED_POINTERS = {
    "cache/file/files.c",
    "cache/read/prefetch.c",
    "cache/read/prefetch_files.c",
    "cache/writeback/writeback.c",
    "fs/fs.c",
    "fs/interrupts.c",
    "tls/trust_priority.c",
}
POINTERS = re.compile(r"\bg_hash_table_new(?:_full|_similar)?\(\s*NULL\b")
KNOWN_FUNCTIONS = re.compile(
    r"\b(?:g_str|g_int|g_int64|g_double|g_bytes|g_variant|g_direct|g_date_time|g_icon|g_file)_hash\b"
)


def colliding(count):
    """Names of one hash under GLib's function: 33 * ord("E") + ord("z") is that of "FY"."""
    digits = range((count - 1).bit_length())
    return ["".join("Ez" if i >> k & 1 else "FY" for k in digits) for i in range(count)]


def ordinary(count):
    chance = random.Random(1)
    return [f"{chance.getrandbits(100):025x}{i:07}" for i in range(count)]


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def use(mounted, path):
    """The names in a directory, after looking at some of them and at some that are not there."""
    names = os.listdir(at(mounted, path))
    for name in names[:: len(names) // 50]:
        assert read(at(mounted, f"{path}/{name}")) == b"x"
        assert not os.path.exists(at(mounted, f"{path}/{name}Ez"))
    os.unlink(at(mounted, f"{path}/{names[0]}"))
    with open(at(mounted, f"{path}/{names[0]}"), "wb") as file:
        file.write(b"x")
    return names


def test_g_str_hash_is_glibs():
    """The names of these tests do collide, or the tests say nothing."""

    def djb2(name):
        value = 5381
        for letter in name.encode():
            value = (value * 33 + letter) & 0xFFFFFFFF
        return value

    assert len(set(colliding(COUNT))) == COUNT
    assert {djb2(name) for name in colliding(COUNT)} == {djb2(colliding(COUNT)[0])}


@pytest.mark.seconds(240)
def test_65536_names_that_collide_cost_no_more_than_others(server, mount):
    for path, names in (("/usual", ordinary(COUNT)), ("/evil", colliding(COUNT))):
        server.tree.mkdir(path)
        for name in names:
            server.tree.put(f"{path}/{name}", b"x")
    mounted = mount(server, timeout=20, dir_cache_timeout=600)
    costs = {}
    for path, names in (("/usual", ordinary(COUNT)), ("/evil", colliding(COUNT))):
        before = processor_seconds(mounted.pid)
        assert sorted(within(200, use, mounted, path)) == sorted(names)
        costs[path] = processor_seconds(mounted.pid) - before
    # A part of a second is what a clock of 1/100 s and a busy machine may add.
    assert costs["/evil"] <= 3 * costs["/usual"] + 0.5, costs


def sources():
    """(path below src, text) of each file."""
    for directory, _, files in os.walk(SOURCE):
        for name in files:
            path = os.path.join(directory, name)
            with open(path, encoding="utf-8") as file:
                yield os.path.relpath(path, SOURCE), file.read()


def test_no_table_is_keyed_by_a_function_that_others_know():
    functions = {(name, path) for path, text in sources() for name in KNOWN_FUNCTIONS.findall(text)}
    pointers = {path for path, text in sources() if POINTERS.search(text)}
    assert functions == ALLOWED
    assert pointers == ALLOWED_POINTERS
