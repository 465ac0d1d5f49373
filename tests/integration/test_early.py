# SPDX-License-Identifier: GPL-2.0-or-later
"""What saves a round trip by coming before its turn is found out by trying: a server that does not bear
it costs nobody a file, and is spared from then on."""

import json
import os
import re
import threading

import pytest
from harness import (
    COMMAND_SECONDS,
    Cost,
    Site,
    credentials_file,
    eventually,
    pattern,
    reached,
    run_ftpsfs,
    source_for,
)
from scripted_early import EarlyServer
from scripted_mount import OPTIONS, at, read, write

pytest_plugins = ["scripted_fixtures"]

PORTS = [
    "refuse first",
    "refuse afterwards",
    "answer first",
    "abort and answer",
    "answer and abort",
    "say 421",
    "hang up",
    "not listen",
    "close the port",
]
BYES = ["nothing", "half", "abort", "reset", "complain", "hang up", "hang"]
FILES = 6
SIZE = 5000
MIB = 1 << 20


def content(number):
    return pattern(SIZE, number)


@pytest.fixture
def early_server(scripted):
    def make(**options):
        server = scripted(kind=EarlyServer, **options)
        for number in range(FILES):
            server.tree.put(f"/file{number:02}", content(number))
        server.tree.put("/sub/file", b"content")
        return server

    return make


def mounted_of(server, mount, **options):
    options = {
        **OPTIONS,
        "dir_cache_timeout": 600,
        "connections": 1,
        "no_prefetch": True,
        **options,
    }
    return mount(server, words=("-d",), **options)


def read_all(mounted, numbers=range(FILES)):
    for number in numbers:
        assert read(at(mounted, f"/file{number:02}")) == content(number)


def read_until(mounted, number, condition):
    """Who closes a file at once is not told what the server says in the end; this reader is."""
    with open(at(mounted, f"/file{number:02}"), "rb") as file:
        assert file.read() == content(number)
        eventually(condition)


def learnt(mounted, name):
    """What is known of a capability by the log: some first seem to work."""
    return (re.findall(rf"{name}: (yes|no)$", mounted.log(), re.M) or [None])[-1]


def assert_good(server, mounted):
    """It reads and writes as if nothing had been."""
    write(at(mounted, "/new"), b"new")
    assert server.tree.get("/new") == b"new"
    assert os.listdir(at(mounted, "/sub")) == ["file"]
    assert read(at(mounted, "/sub/file")) == b"content"


@pytest.mark.parametrize("port", PORTS)
def test_an_early_question_for_a_port_that_a_listing_does_not_bear_is_learnt(
    early_server, mount, port
):
    server = early_server(on_epsv=port)
    mounted = mounted_of(server, mount)
    assert len(os.listdir(mounted.path)) == FILES + 1
    read_all(mounted)
    assert server.early_ports == 1
    assert learnt(mounted, "EPSV early") == "no"
    # A port that closes is found out before it is used, or by that.
    assert server.count("RETR") <= FILES + (port == "close the port")
    assert server.count("MLSD") == (2 if port in REPEATED else 1)
    assert_good(server, mounted)


# After these the transfer is not known to be whole.
REPEATED = ["abort and answer", "answer and abort", "say 421", "hang up"]


@pytest.mark.parametrize("port", PORTS)
def test_an_early_question_for_a_port_that_a_read_does_not_bear_is_learnt(
    early_server, mount, port
):
    server = early_server(on_epsv=port)
    mounted = mounted_of(server, mount)
    # A file that is opened by its name is no reason to list the directory.
    # That no answer comes is found out when something else is wanted of the connection.
    read_until(mounted, 0, lambda: learnt(mounted, "EPSV early") == "no" or port == "not listen")
    assert server.count("MLSD") == 0
    read_all(mounted)
    assert server.early_ports == 1
    assert server.count("RETR") == FILES
    assert_good(server, mounted)


def read_first(mounted):
    """After the first file it is known whether the server waits for the reader's end."""
    read_until(mounted, 0, lambda: learnt(mounted, "close_notify awaited") == "yes")


@pytest.mark.parametrize("bye", BYES)
def test_an_early_end_that_a_server_does_not_bear_is_learnt(early_server, mount, bye):
    server = early_server(on_bye=bye)
    mounted = mounted_of(server, mount)
    read_first(mounted)
    read_until(mounted, 1, lambda: learnt(mounted, "close_notify early") == "no")
    read_all(mounted, range(2, FILES))
    assert server.byes == 1
    assert learnt(mounted, "close_notify early") == "no"
    # The whole file and a complaint is a whole file.
    assert server.count("RETR") == FILES + (bye != "complain")
    assert_good(server, mounted)


@pytest.mark.parametrize("port", [None, *PORTS])
@pytest.mark.parametrize("bye", ["half", "reset", "hang up"])
def test_a_server_that_bears_neither_is_read_right_by_many_at_once(early_server, mount, port, bye):
    server = early_server(on_epsv=port, on_bye=bye)
    mounted = mounted_of(server, mount, connections=4, no_prefetch=None)
    read_first(mounted)
    wrong = []

    def reader(first):
        for number in range(1 + first, FILES, 4):
            if read(at(mounted, f"/file{number:02}")) != content(number):
                wrong.append(number)

    threads = [threading.Thread(target=reader, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong and not any(thread.is_alive() for thread in threads)
    assert server.byes == 1
    assert server.early_ports <= 1
    assert_good(server, mounted)


def test_a_part_of_a_file_that_came_before_a_misunderstanding_is_not_fetched_again(
    early_server, mount
):
    server = early_server(on_bye="half")
    data = pattern(MIB)
    server.tree.put("/large", data)
    mounted = mounted_of(server, mount)
    read_first(mounted)
    assert read(at(mounted, "/large")) == data
    assert server.arguments("REST") == [str(MIB // 2)]
    assert mounted.stats()["bytes_in"] < MIB + MIB // 8


def test_a_server_that_waits_for_no_end_gets_none_early(servers, mount):
    server = servers.get("pureftpd")
    site = Site(server, "no-early-end")
    for number in range(FILES):
        site.put(f"file{number:02}", content(number))
    mounted = mounted_of(server, mount, directory=site.directory, timeout=30)
    read_all(mounted)
    counters = mounted.stats()
    assert counters["retrieves"] == FILES and counters["retries"] == 0


def test_large_files_are_read_without_an_early_end(early_server, mount):
    server = early_server(on_bye="half")
    data = pattern(MIB + 1)
    server.tree.put("/large", data)
    mounted = mounted_of(server, mount)
    read_first(mounted)
    assert read(at(mounted, "/large")) == data
    assert server.byes == 0 and learnt(mounted, "close_notify early") is None


def test_what_has_worked_outlives_a_lost_connection(server, mount):
    for number in range(FILES):
        server.tree.put(f"/file{number:02}", content(number))
    mounted = mounted_of(server, mount)
    assert len(os.listdir(mounted.path)) == FILES
    read_first(mounted)
    read_until(mounted, 1, lambda: learnt(mounted, "close_notify early") == "yes")
    eventually(lambda: learnt(mounted, "EPSV early") == "yes")
    server.drop_connections()
    read_all(mounted)
    assert learnt(mounted, "EPSV early") == "yes"
    assert learnt(mounted, "close_notify early") == "yes"


@pytest.mark.parametrize(
    "broken, name",
    [({"on_epsv": port}, "EPSV early") for port in PORTS]
    + [({"on_bye": bye}, "close_notify early") for bye in BYES],
)
def test_the_probe_tells_what_a_server_does_not_bear(early_server, home, broken, name):
    server = early_server(**broken)
    credentials = credentials_file(home, server.user, server.password)
    options = f"{reached(server)},credentials={credentials},timeout=2"
    result = run_ftpsfs(
        "--probe", source_for(server), "--json", "-o", options, home=home, timeout=COMMAND_SECONDS
    )
    assert result.returncode == 0, result.stderr
    told = {row["name"]: row["state"] for row in json.loads(result.stdout)["capabilities"]}
    early = {"EPSV early", "close_notify early"}
    assert told[name] == "no"
    assert [told[other] for other in early - {name}] == ["yes"]


@pytest.mark.parametrize(
    "server_kind", ["vsftpd", "proftpd", "pyftpdlib", "pureftpd"], indirect=True
)
def test_small_reads_in_a_row_take_two_commands_and_three_waits_each_at_most(site, mount):
    for number in range(FILES):
        site.put(f"file{number:02}", content(number))
    mounted = mount(connections=1, no_prefetch=True, no_exact_times=True, dir_cache_timeout=600)
    os.listdir(mounted.path)
    read_all(mounted, range(3))
    with Cost(mounted) as cost:
        read_all(mounted, range(3, FILES))
    # Two waits with a port that is prepared; in a row the next one may find it on its way. One more
    # command: the first question may have gone before.
    assert cost["round_trips"] <= 3 * (FILES - 3), cost.spent
    assert cost["commands"] <= 2 * (FILES - 3) + 1, cost.spent
    assert cost["retrieves"] == FILES - 3
    assert cost["retries"] == 0
