# SPDX-License-Identifier: GPL-2.0-or-later
"""A mount of a server whose LIST speaks another system's dialect: what it shows is right to the
byte and the second, and what can be done there is done."""

import errno
import hashlib
import os
import stat
import time

import pytest
from scripted_dialects import DIALECTS
from scripted_mount import OPTIONS, read, write

from harness import Cost, pattern, run_ftpsfs

pytest_plugins = ["scripted_fixtures"]

HOUR = 3600
NOW = int(time.time())
# Not on a whole minute: in this half of the year, and long before it.
RECENT = NOW - 40 * 86400 - NOW % 60 + 37
OLD = 1_100_000_017
EASTERN = -5 * HOUR


@pytest.fixture(params=sorted(DIALECTS))
def dialect(request):
    return DIALECTS[request.param]


@pytest.fixture
def system(server, dialect):
    dialect.play(server, offset=EASTERN)
    server.tree.put(f"/{dialect.file}", pattern(100_000), mtime=RECENT)
    server.tree.put(f"/{dialect.other}", b"old", mtime=OLD)
    if dialect.directories:
        server.tree.put(f"/{dialect.directory}/inner", b"inner", mtime=RECENT)
    return server


def zone(dialect):
    """What has to be told of a server without MDTM."""
    return {} if "MDTM" in dialect.commands else {"server_tz": "-05:00"}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def test_it_is_listed(system, dialect, mount):
    mounted = mount(system, **zone(dialect))
    names = {dialect.file, dialect.other} | ({dialect.directory} if dialect.directories else set())
    assert set(os.listdir(mounted.path)) == names
    status = os.stat(mounted.at(dialect.file))
    assert stat.S_ISREG(status.st_mode)
    assert status.st_size == 100_000
    # The zone was learned, and the second asked for where it is not listed.
    assert status.st_mtime == RECENT
    assert os.stat(mounted.at(dialect.other)).st_mtime == OLD
    if dialect.directories:
        assert stat.S_ISDIR(os.stat(mounted.at(dialect.directory)).st_mode)
        assert os.listdir(mounted.at(dialect.directory)) == ["inner"]


def test_its_files_are_read(system, dialect, mount):
    mounted = mount(system, **zone(dialect))
    assert sha256(read(mounted.at(dialect.file))) == sha256(pattern(100_000))
    with open(mounted.at(dialect.file), "rb") as file:
        file.seek(70_000)
        assert file.read(10) == pattern(100_000)[70_000:70_010]
    if dialect.directories:
        assert read(mounted.at(dialect.directory, "inner")) == b"inner"


def test_it_is_written_to(system, dialect, mount):
    mounted = mount(system, **zone(dialect), **OPTIONS)
    write(mounted.at("NEW"), pattern(50_000, 2))
    assert system.tree.get("/NEW") == pattern(50_000, 2)
    assert os.stat(mounted.at("NEW")).st_size == 50_000
    assert abs(os.stat(mounted.at("NEW")).st_mtime - time.time()) < 130
    with open(mounted.at("NEW"), "ab") as file:
        file.write(b"more")
    assert system.tree.get("/NEW") == pattern(50_000, 2) + b"more"
    os.rename(mounted.at("NEW"), mounted.at("MOVED"))
    assert system.tree.exists("/MOVED") and not system.tree.exists("/NEW")
    assert read(mounted.at("MOVED")) == pattern(50_000, 2) + b"more"
    os.unlink(mounted.at("MOVED"))
    assert not system.tree.exists("/MOVED")
    with pytest.raises(FileNotFoundError):
        os.stat(mounted.at("MOVED"))
    if not dialect.directories:
        return
    os.mkdir(mounted.at("MADE"))
    write(mounted.at("MADE", "file"), b"x")
    with pytest.raises(OSError) as caught:
        os.rmdir(mounted.at("MADE"))
    assert caught.value.errno == errno.ENOTEMPTY
    os.unlink(mounted.at("MADE", "file"))
    os.rmdir(mounted.at("MADE"))
    assert not system.tree.exists("/MADE")


@pytest.mark.parametrize("minutes", [0, 120, -210, 345, 840, -720])
def test_the_zone_of_listings_is_learned_by_one_comparison(server, mount, minutes):
    DIALECTS["unix"].play(server, offset=minutes * 60)
    for number in range(10):
        server.tree.put(f"/file-{number}", b"x", mtime=RECENT + number * 60)
    mounted = mount(server, no_exact_times=True)
    assert len(os.listdir(mounted.path)) == 10
    for number in range(10):
        shown = os.stat(mounted.at(f"file-{number}")).st_mtime
        assert shown == RECENT + number * 60 - 37  # the minute, as listed
    assert server.count("MDTM") == 3


def test_a_named_zone_has_its_summer_time(server, mount):
    dialect = DIALECTS["windows"]
    dialect.play(server, offset=HOUR)
    january, july = 1_704_106_800, 1_719_831_600  # 2024-01-01 11:00 UTC, 2024-07-01 11:00 UTC
    server.tree.put("/january", b"x", mtime=january)
    # In summer the clocks of Berlin show an hour more.
    server.tree.put("/july", b"x", mtime=july + HOUR)
    mounted = mount(server, server_tz="Europe/Berlin", no_exact_times=True)
    assert os.stat(mounted.at("january")).st_mtime == january
    assert os.stat(mounted.at("july")).st_mtime == july
    assert server.count("MDTM") == 0


@pytest.mark.parametrize("days", [-1500, -30, 2, 800])
def test_years_that_are_not_told_are_those_of_the_servers_clock(server, mount, days):
    """A server whose clock is off by years: ls leaves the year out by its own clock."""
    DIALECTS["unix"].play(server, ahead=days * 86400)
    there = NOW + days * 86400
    times = {f"file-{age}": there - age * 86400 - there % 60 for age in (0, 3, 60, 170)}
    for name, moment in times.items():
        server.tree.put(f"/{name}", b"x", mtime=moment)
    mounted = mount(server, no_exact_times=True)
    assert {name: os.stat(mounted.at(name)).st_mtime for name in times} == times


def test_a_files_fraction_of_a_second_is_kept(server, mount):
    DIALECTS["unix"].play(server)
    node = server.tree.put("/file", b"x", mtime=RECENT)
    node.told_mtime = time.strftime("%Y%m%d%H%M%S", time.gmtime(RECENT)) + ".125"
    mounted = mount(server)
    assert os.stat(mounted.at("file")).st_mtime_ns == RECENT * 10**9 + 125_000_000


def test_exact_times_are_asked_for_many_at_once(server, mount):
    """ls -l of 500 files: one MDTM each, in few exchanges; the second time none."""
    DIALECTS["unix"].play(server)
    times = {f"file-{i:03}": RECENT + i for i in range(500)}
    for name, moment in times.items():
        server.tree.put(f"/{name}", b"x", mtime=moment)
    mounted = mount(server, dir_cache_timeout=60)
    names = os.listdir(mounted.path)
    assert server.count("MDTM") <= 3
    server.forget()
    before = mounted.stats()["stats"]
    assert {name: os.stat(mounted.at(name)).st_mtime for name in names} == times
    assert (server.count("MDTM"), server.count("SIZE")) == (500, 0)
    assert mounted.stats()["stats"] - before <= 4
    server.forget()
    assert {name: os.stat(mounted.at(name)).st_mtime for name in names} == times
    assert server.count("MDTM") == 0


def test_what_has_expired_is_asked_for_many_at_once(server, mount):
    """Of a listing that tells names alone, SIZE and MDTM of each file, in few exchanges."""
    DIALECTS["as400"].play(server)
    server.lister = lambda tree, path, mlsd: iter(
        [f"CFT                                     *MEM       {name}\r\n" for name in tree.names()]
    )
    mounted = mount(server, dir_cache_timeout=600)

    def change(size, moment):
        wanted = {}
        for i in range(200):
            server.tree.put(f"/F{i:03}.MBR", b"x" * (size + i), mtime=moment + i)
            wanted[f"F{i:03}.MBR"] = (size + i, moment + i)
        return wanted

    def shown(names):
        states = {name: os.stat(mounted.at(name)) for name in names}
        return {name: (state.st_size, state.st_mtime) for name, state in states.items()}

    wanted = change(1, OLD)
    names = os.listdir(mounted.path)
    assert shown(names) == wanted
    wanted = change(1000, RECENT)
    server.forget()
    run_ftpsfs("--refresh", mounted.path)
    with Cost(mounted) as cost:
        assert shown(names) == wanted
    assert (server.count("MDTM"), server.count("SIZE"), server.count("LIST")) == (200, 200, 1)
    # That of the listing, and some for the batches; not one a file.
    assert cost["round_trips"] <= 20, cost.spent


def test_names_alone_cost_no_times(server, mount):
    DIALECTS["unix"].play(server)
    for i in range(50):
        server.tree.put(f"/file-{i:03}", b"x", mtime=OLD)
    mounted = mount(server)
    server.forget()
    assert len(os.listdir(mounted.path)) == 50
    assert server.count("MDTM") == 0  # none has a time of day to learn a zone from


def test_a_size_that_no_command_tells_is_that_of_the_content(server, mount):
    DIALECTS["as400"].play(server)
    server.lacks |= {"SIZE"}
    server.features = ["MDTM"]
    server.lister = lambda tree, path, mlsd: iter(
        [f"CFT                                     *MEM       {name}\r\n" for name in tree.names()]
    )
    server.tree.put("/ALONE.MBR", pattern(300_000), mtime=RECENT)
    mounted = mount(server, **OPTIONS)
    assert read(mounted.at("ALONE.MBR")) == pattern(300_000)
    server.tree.put("/ALONE.MBR", pattern(1000, 2), mtime=RECENT + 1)
    assert read(mounted.at("ALONE.MBR")) == pattern(1000, 2)
