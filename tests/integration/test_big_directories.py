# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories of thousands of entries: the first are shown while the rest is on its way."""

import ctypes
import errno
import os
import signal
import subprocess
import threading

import pytest
from harness import COMMAND_SECONDS, Cost, eventually
from scripted_faults import Data, Fault
from scripted_mount import BROKEN, LIMIT_SECONDS, assert_alive, at, outcome, within
from test_interrupts import PROMPTLY, interrupt

pytest_plugins = ["scripted_fixtures"]

COUNT = 10_000
NAMES = [f"entry number {i:05}" for i in range(COUNT)]
# Of the listing, in bytes: beyond the first part that is shown, and far from the end.
MIDDLE = 600_000
# Long enough that nothing here ends by running into it.
PATIENT = {"timeout": 20, "dir_cache_timeout": 600}


class Paused(Fault):
    """A listing pauses in its middle until the test calls go_on()."""

    def __init__(self):
        super().__init__()
        self._going = threading.Event()

    def go_on(self):
        self._going.set()

    def transfer(self, transfer):
        data = b"".join(transfer.blocks() if callable(transfer.blocks) else transfer.blocks)

        def halves():
            yield data[:MIDDLE]
            while self.active and not self._going.wait(0.05):
                pass
            yield data[MIDDLE:]

        transfer.blocks = halves


class Once(Data):
    """The fault of the first command alone."""

    def transfer(self, transfer):
        if self.hits == 1:
            super().transfer(transfer)


@pytest.fixture
def big(server):
    """The path of a big directory on the server."""
    server.tree.mkdir("/big")
    for name in NAMES:
        server.tree.put(f"/big/{name}", b"x")
    return "/big"


def names_until_error(path):
    """The names that a program sees, and the errno in the end."""
    found = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                found.append(entry.name)
    except OSError as error:
        return found, error.errno
    return found, 0


@pytest.mark.parametrize("server_kind", ["vsftpd", "proftpd", "pyftpdlib"], indirect=True)
@pytest.mark.seconds(120)
def test_20000_entries_are_listed_completely_and_once(site, mount):
    names = [f"entry number {i:05}" for i in range(20_000)]
    site.mkdir("large")
    for name in names:
        open(site.path("large", name), "wb").close()
    mounted = mount(timeout=60)
    os.stat(mounted.at("large"))
    with Cost(mounted) as cost:
        found = os.listdir(mounted.at("large"))
        again = os.listdir(mounted.at("large"))
    assert sorted(found) == names
    assert again == found
    assert cost["lists"] == 1


def test_the_first_names_are_there_before_the_rest(server, mount, big):
    mounted = mount(server, **PATIENT)
    fault = server.fault("MLSD", Paused())
    with os.scandir(at(mounted, big)) as entries:
        found = [next(entries).name for _ in range(4096)]
        assert fault.hits == 1
        fault.go_on()
        found += [entry.name for entry in entries]
    assert sorted(found) == NAMES
    assert sorted(os.listdir(at(mounted, big))) == NAMES
    assert server.arguments("MLSD") == [big]


def test_attributes_are_known_before_the_rest_is_there(server, mount, big):
    mounted = mount(server, **PATIENT)
    fault = server.fault("MLSD", Paused())
    with os.scandir(at(mounted, big)) as entries:
        first = next(entries)
        before = server.count("MLST")
        assert first.stat().st_size == 1
        assert server.count("MLST") == before
        fault.go_on()


def test_two_programs_read_one_listing_at_once(server, mount, big):
    mounted = mount(server, **PATIENT)
    fault = server.fault("MLSD", Paused())
    with os.scandir(at(mounted, big)) as entries, os.scandir(at(mounted, big)) as others:
        found = [next(entries).name]
        other = [next(others).name]
        fault.go_on()
        found += [entry.name for entry in entries]
        other += [entry.name for entry in others]
    assert found == other
    assert sorted(found) == NAMES
    assert server.arguments("MLSD") == [big]


@pytest.mark.parametrize("fault", [{"cut": MIDDLE}, {"stall": MIDDLE}, {"final": "451 Oh."}])
def test_a_listing_that_fails_in_the_middle_is_no_short_one(server, mounted, big, fault):
    server.fault("MLSD", Data(**fault))
    found, code = within(2 * LIMIT_SECONDS, names_until_error, at(mounted, big))
    assert code in BROKEN
    assert len(found) >= 4096
    assert len(set(found)) == len(found)
    assert set(found) <= set(NAMES)
    assert_alive(server, mounted)
    assert sorted(os.listdir(at(mounted, big))) == NAMES


def test_a_listing_that_is_repeated_shows_no_name_twice(server, mounted, big):
    fault = server.fault("MLSD", Once(cut=MIDDLE))
    found, code = within(LIMIT_SECONDS, names_until_error, at(mounted, big))
    assert (sorted(found), code) == (NAMES, 0)
    assert fault.hits == 2


# As ls, without a handler: Python's would be asked after the next name alone.
READ = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); print(flush=True); "
READ += "os.listdir(sys.argv[1])"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_ctrl_c_ends_ls_in_the_middle(server, mount, big, number):
    mounted = mount(server, **PATIENT)
    fault = server.fault("MLSD", Data(stall=MIDDLE))
    assert interrupt(READ, at(mounted, big), fault, number) < PROMPTLY
    assert_alive(server, mounted)


def test_what_a_program_has_left_is_listed_to_the_end(server, mount, big):
    mounted = mount(server, **PATIENT)
    fault = server.fault("MLSD", Paused())
    with os.scandir(at(mounted, big)) as entries:
        next(entries)
    fault.go_on()
    assert sorted(os.listdir(at(mounted, big))) == NAMES
    assert server.arguments("MLSD") == [big]


@pytest.mark.parametrize("end", ["unmount", "terminate"])
def test_an_end_of_the_mount_ends_the_listing(server, mount, big, end):
    mounted = mount(server, **{**PATIENT, "timeout": 600})
    server.fault("MLSD", Data(stall=MIDDLE))
    with os.scandir(at(mounted, big)) as entries:
        next(entries)
    if end == "unmount":
        assert within(LIMIT_SECONDS, mounted.unmount) == 0
    else:
        os.kill(mounted.pid, signal.SIGTERM)
        assert within(LIMIT_SECONDS, mounted.wait) == 0


def test_an_end_by_a_signal_ends_those_who_read(server, mount, big):
    mounted = mount(server, **{**PATIENT, "timeout": 600})
    server.fault("MLSD", Data(stall=MIDDLE))
    path = at(mounted, big)
    results = []
    reader = threading.Thread(target=lambda: results.append(names_until_error(path)))
    reader.start()
    eventually(lambda: server.count("MLSD") == 1, what="the listing")
    os.kill(mounted.pid, signal.SIGTERM)
    assert within(LIMIT_SECONDS, mounted.wait) == 0
    reader.join(LIMIT_SECONDS)
    assert results[0][1] != 0


def test_changes_during_a_listing_stay(server, mount, big):
    mounted = mount(server, **PATIENT)
    fault = server.fault("MLSD", Paused())
    path = at(mounted, big)
    with os.scandir(path) as entries:
        next(entries)
        os.unlink(os.path.join(path, NAMES[0]))
        os.rename(os.path.join(path, NAMES[1]), os.path.join(path, "renamed"))
        fault.go_on()
        found = [entry.name for entry in entries]
    assert len(set(found)) == len(found)
    assert sorted(os.listdir(path)) == NAMES[2:] + ["renamed"]
    assert server.arguments("MLSD") == [big]


def test_a_big_directory_is_emptied_while_it_is_listed(server, mount, big):
    mounted = mount(server, **PATIENT)
    subprocess.run(["rm", "-r", at(mounted, big)], check=True, timeout=4 * COMMAND_SECONDS)
    assert outcome(os.stat, at(mounted, big)) == errno.ENOENT


def test_rewinding_in_the_middle_shows_all(server, mount, big):
    mounted = mount(server, **PATIENT)
    fault = server.fault("MLSD", Paused())
    library = ctypes.CDLL(None, use_errno=True)
    library.fdopendir.restype = ctypes.c_void_p
    library.readdir.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(library.fdopendir(os.open(at(mounted, big), os.O_RDONLY)))
    for _ in range(5000):
        assert library.readdir(stream)
    fault.go_on()
    library.rewinddir(stream)
    count = 0
    while library.readdir(stream):
        count += 1
    library.closedir(stream)
    assert count == COUNT + 2  # "." and ".." too
