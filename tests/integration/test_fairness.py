# SPDX-License-Identifier: GPL-2.0-or-later
"""While every connection is busy with the content of files, who asks for names and attributes does not
wait for its end."""

import os
import threading

import pytest
from harness import eventually
from scripted_faults import Data, Gate
from scripted_mount import at, read, write

pytest_plugins = ["scripted_fixtures"]

MIB = 1 << 20


def requests_under_way(mounted):
    """How many of the kernel's requests the daemon has not answered yet."""
    with open(f"/sys/fs/fuse/connections/{mounted.number}/waiting", encoding="ascii") as file:
        return int(file.read())


def started(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def verbs(server, *wanted):
    return [command.verb for command in server.commands if command.verb in wanted]


@pytest.fixture
def mounted(server, mount):
    """With one connection, and nothing that moves content by itself."""
    for name in ("gate", "made", "big"):
        server.tree.makedirs("/" + name)
    for i in range(6):
        server.tree.put(f"/files/{i}", b"content")
    for i in range(20):
        server.tree.makedirs(f"/many/{i}")
    mounted = mount(server, connections=1, dir_cache_timeout=300, no_prefetch=True, timeout=20)
    for name in ("", "gate", "made", "big", "files", "many"):
        os.listdir(at(mounted, name))
    return mounted


def test_metadata_goes_before_reads_that_wait_for_a_connection(server, mounted):
    gate = server.fault("MKD", Gate(), match="gate")
    threads = [started(os.mkdir, at(mounted, "/gate/x"))]
    gate.reached.wait(20)
    threads += [started(read, at(mounted, f"/files/{i}")) for i in range(6)]
    eventually(lambda: requests_under_way(mounted) >= 7, 20, "six reads that wait")
    threads.append(started(os.mkdir, at(mounted, "/made/x")))
    eventually(lambda: requests_under_way(mounted) >= 8, 20, "a mkdir that waits behind them")
    gate.open()
    for thread in threads:
        thread.join(20)
    order = verbs(server, "MKD", "RETR")
    assert sorted(order) == ["MKD"] * 2 + ["RETR"] * 6
    # One of the reads may be under way before the mkdir has come to the end of the line.
    assert "MKD" in order[1:4]


def _list_many(server, mounted, threads, gate):
    # Each in a directory of its own, since the kernel lets no two into one at a time.
    names = [f"/many/{i}" for i in range(20)]
    server.forget()
    threads += [started(os.listdir, at(mounted, name)) for name in names]
    gate.open()
    for thread in threads:
        thread.join(20)


def test_reads_are_not_held_up_for_ever_by_metadata(server, mounted):
    """Eight operations go first, then it is the reader's turn."""
    gate = server.fault("MKD", Gate(), match="gate")
    threads = [started(os.mkdir, at(mounted, "/gate/x"))]
    gate.reached.wait(20)
    with open(at(mounted, "/files/0"), "rb", buffering=0) as file:
        threads.append(started(file.read))
        eventually(lambda: requests_under_way(mounted) >= 2, 20, "a read that waits")
        _list_many(server, mounted, threads, gate)
    order = verbs(server, "RETR", "MLSD")
    assert order.count("RETR") == 1 and order.count("MLSD") == 20
    assert order.index("RETR") <= 14


def upload_disturbed(server, mounted, data, times=None):
    """Writes /big/file slowly, and makes a directory meanwhile."""
    server.fault("STOR", Data(pace=0.004), times=times)
    writer = started(write, at(mounted, "/big/file"), data)
    server.wait_for("STOR")
    eventually(lambda: len(server.tree.get("/big/file")) > MIB, 20, "an upload under way")
    os.mkdir(at(mounted, "/made/x"))
    writer.join(60)
    assert server.tree.get("/big/file") == data


def test_an_upload_that_is_being_closed_gives_its_connection_up_for_metadata(server, mounted):
    upload_disturbed(server, mounted, os.urandom(24 * MIB))
    assert verbs(server, "STOR", "MKD", "APPE")[:3] == ["STOR", "MKD", "APPE"]
    assert server.count("STOR") == 1


def test_an_upload_stays_where_the_server_does_not_append(server, mounted):
    """It is sent whole once more, to its end, and from then on nothing is broken off."""
    server.lacks = {"APPE"}
    data = os.urandom(12 * MIB)
    upload_disturbed(server, mounted, data, times=1)
    assert server.count("STOR") == 2
    write(at(mounted, "/big/other"), data)
    assert server.tree.get("/big/other") == data
    assert server.count("STOR") == 3
