# SPDX-License-Identifier: GPL-2.0-or-later
"""-o compress: what is read is the same, and fewer bytes come over the line; uploads go as they are;
compressed data that are not whole are an error; servers that can't compress are served without."""

import hashlib
import os
import re
import subprocess
import zlib

import pytest
from harness import Cost, Site, credentials_file, pattern, run_ftpsfs, source_for
from scripted_deflate import DeflateServer
from scripted_faults import Data, Reply
from scripted_mount import (
    BROKEN,
    OPTIONS,
    Memory,
    append,
    assert_alive,
    at,
    fresh,
    outcome,
    read,
    right_or_error,
    write,
)
from serve import server_class

pytest_plugins = ["scripted_fixtures"]

MIB = 1 << 20


def text(length, seed=0):
    """Like a log: no line twice, and a fifth of it is news."""
    lines = []
    size = 0
    for i in range(length):
        if size >= length:
            break
        digest = hashlib.sha256(f"{seed}:{i}".encode()).hexdigest()[:12]
        lines.append(f"2026-01-02 03:04:05 host daemon[{i}]: a request of {digest} was served\n")
        size += len(lines[-1])
    return "".join(lines).encode()[:length]


@pytest.fixture(scope="module")
def deflating(all_servers):
    """A ProFTPD with mod_deflate."""
    server = server_class("proftpd")(authority=all_servers.authority, deflate=True).start()
    yield server
    server.close()


@pytest.fixture
def site(deflating, request):
    return Site(deflating, re.sub(r"\W", "-", request.node.name))


# A real server


def test_what_is_read_came_compressed(site, mount):
    content = text(4 * MIB)
    site.put("log", content)
    mounted = mount(compress=True)
    with Cost(mounted) as cost:
        assert read(mounted.at("log")) == content
    assert cost["bytes_in"] >= len(content)
    assert cost["wire_in"] < len(content) / 3
    assert cost["retries"] == 0


def test_parts_are_read_from_anywhere(site, mount):
    content = text(8 * MIB)
    site.put("log", content)
    mounted = mount(compress=True, readahead=0, no_prefetch=True)
    fd = os.open(mounted.at("log"), os.O_RDONLY)
    try:
        for offset in (7 * MIB + 1, 3 * MIB + 5, 5 * MIB, len(content) - 3, 0):
            assert os.pread(fd, 1000, offset) == content[offset : offset + 1000]
    finally:
        os.close(fd)


def test_uploads_and_downloads_take_turns_on_one_connection(site, mount):
    mounted = mount(compress=True, connections=1, dir_cache_timeout=0)
    for i in range(3):
        content = text(MIB, i)
        write(mounted.at(f"up{i}"), content)
        assert site.get(f"up{i}") == content
        site.put(f"down{i}", content)
        assert read(mounted.at(f"down{i}")) == content
    assert mounted.stats()["retries"] == 0


@pytest.mark.parametrize("size", [0, 1, MIB + 1])
def test_files_of_any_size_and_without_order_go_both_ways(site, mount, size):
    content = pattern(size)
    mounted = mount(compress=True)
    write(mounted.at("new"), content)
    assert site.get("new") == content
    site.put("there", content)
    assert read(mounted.at("there")) == content


def test_files_are_appended_to_and_changed_in_place(site, mount):
    content = bytearray(text(8 * MIB))
    site.put("file", content)
    mounted = mount(compress=True)
    append(mounted.at("file"), b"appended")
    content += b"appended"
    assert site.get("file") == content
    with Cost(mounted) as cost, open(mounted.at("file"), "r+b") as file:
        file.seek(3 * MIB)
        file.write(b"in place")
    content[3 * MIB : 3 * MIB + 8] = b"in place"
    assert site.get("file") == content
    assert cost["bytes_out"] < MIB
    os.truncate(mounted.at("file"), 2 * MIB)
    assert site.get("file") == content[: 2 * MIB]


def test_listings_come_compressed(site, mount):
    site.mkdir("many")
    names = [f"a-file-with-a-long-name-{i:04}.dat" for i in range(1000)]
    for name in names:
        site.put(f"many/{name}", b"")
    mounted = mount(compress=True)
    with Cost(mounted) as cost:
        assert sorted(os.listdir(mounted.at("many"))) == names
    assert cost["wire_in"] < cost["bytes_in"] / 3
    site.mkdir("empty")
    assert os.listdir(mounted.at("empty")) == []


def test_a_tree_is_copied_by_rsync(site, mount, tmp_path):
    source = tmp_path / "source"
    for i in range(20):
        (source / f"dir{i % 4}").mkdir(parents=True, exist_ok=True)
        (source / f"dir{i % 4}" / f"file{i}").write_bytes(text(i * 10000, i))
    mounted = mount(compress=True)
    back = tmp_path / "back"
    for arguments in (
        ["-rt", f"{source}/", mounted.at("copy")],
        ["-rt", f"{mounted.at('copy')}/", str(back)],
    ):
        subprocess.run(["rsync", *arguments], check=True, capture_output=True)
    again = ["rsync", "-rtni", "--checksum", f"{source}/", mounted.at("copy")]
    assert subprocess.run(again, check=True, capture_output=True).stdout == b""
    assert subprocess.run(["diff", "-r", source, back], check=False).returncode == 0


def test_a_download_that_is_left_does_no_harm(site, mount):
    content = text(30 * MIB)
    site.put("log", content)
    mounted = mount(compress=True, connections=1, readahead="1M")
    for _ in range(3):
        with open(mounted.at("log"), "rb", buffering=0) as file:
            assert file.read(1000) == content[:1000]
        assert sorted(os.listdir(mounted.path)) == ["log"]
        write(mounted.at("small"), b"small")
        assert site.get("small") == b"small"
        os.unlink(mounted.at("small"))


def test_the_probe_tells_of_it(deflating, home):
    path = credentials_file(home, deflating.user, deflating.password)
    options = f"credentials={path},cafile={deflating.cafile}"
    done = run_ftpsfs("--probe", source_for(deflating), "-r", "-o", options, home=home)
    assert re.search(r"^ *MODE Z +yes", done.stdout, re.MULTILINE), done.stdout


# Servers that don't


def test_a_server_without_it_is_served_without(servers, mount):
    site = Site(servers.get("pyftpdlib"), "no-compression")
    site.put("file", b"content")
    mounted = mount(site.server, "no-compression", compress=True)
    assert read(mounted.at("file")) == b"content"
    write(mounted.at("new"), b"new")
    assert site.get("new") == b"new"
    assert mounted.log().count("MODE Z") == 1, mounted.log()


def test_a_server_that_refuses_it_is_served_without_and_asked_once(scripted, mount):
    server = scripted(kind=DeflateServer)
    server.fault("MODE", Reply("504 Not now."))
    mounted = mount(server, compress=True, **OPTIONS)
    assert read(at(mounted, fresh(server, b"content"))) == b"content"
    write(mounted.at("new"), b"new")
    assert server.tree.get("/new") == b"new"
    server.drop_connections()
    assert_alive(server, mounted)
    assert server.count("MODE") == 1
    assert mounted.log().count("MODE Z: 504 Not now.") == 1, mounted.log()


def test_without_the_option_it_is_not_asked_for(scripted, mount):
    server = scripted(kind=DeflateServer)
    mounted = mount(server, **OPTIONS)
    assert_alive(server, mounted)
    assert server.count("MODE") == 0


# Servers that do it badly


@pytest.fixture
def badly(scripted, mount):
    """A server that compresses, and a mount of it."""
    server = scripted(kind=DeflateServer)
    return server, mount(server, compress=True, connections=1, **OPTIONS)


def test_each_connection_has_a_stream_of_its_own(badly):
    server, mounted = badly
    content = text(3 * MIB)
    path = fresh(server, content)
    server.fault("RETR", Data(cut=20000), times=1)
    assert read(at(mounted, path)) == content
    write(mounted.at("new"), content)
    assert server.tree.get("/new") == content
    assert server.packed_uploads == 0
    assert_alive(server, mounted)


def test_a_server_that_does_not_go_back_gets_nothing(badly):
    server, mounted = badly
    assert_alive(server, mounted)
    server.fault("MODE", Reply("504 No."), match="S", times=1)
    os.listdir(mounted.path)
    write(mounted.at("new"), b"new")
    assert server.tree.get("/new") == b"new"
    assert server.packed_uploads == 0
    assert server.arguments("MODE").count("S") > 1


BAD = {
    "ends early": lambda data: zlib.compress(data)[:-1],
    "ends in the middle": lambda data: zlib.compress(data)[: len(zlib.compress(data)) // 2],
    "says nothing": lambda data: b"",
    "is followed by more": lambda data: zlib.compress(data) + b"x",
    "has a wrong checksum": lambda data: zlib.compress(data)[:-1] + b"\0",
    "is none": lambda data: data,
}


@pytest.mark.parametrize("how", BAD)
def test_a_stream_that_is_not_whole_is_an_error(badly, how):
    server, mounted = badly
    content = text(100000)
    path = fresh(server, content)
    os.stat(at(mounted, path))
    server.pack = BAD[how]
    # What came of it may be all: then it is right.
    right_or_error(read, at(mounted, path), right=content)
    server.pack = zlib.compress
    assert read(at(mounted, path)) == content
    assert_alive(server, mounted)


def test_a_listing_that_is_cut_is_an_error(badly):
    server, mounted = badly
    server.tree.makedirs("/dir")
    for i in range(100):
        server.tree.put(f"/dir/file{i}", b"")
    server.pack = BAD["ends early"]
    assert outcome(os.listdir, mounted.at("dir")) in BROKEN
    server.pack = zlib.compress
    assert len(os.listdir(mounted.at("dir"))) == 100


def test_a_listing_that_blows_up_is_an_error(badly):
    server, mounted = badly
    server.tree.makedirs("/dir")

    def bomb(_):
        packer = zlib.compressobj()
        while True:
            yield packer.compress(bytes(64 * MIB))

    server.pack = bomb
    with Memory(mounted.pid, 64 * MIB):
        assert outcome(os.listdir, mounted.at("dir")) in BROKEN
    server.pack = zlib.compress
    assert_alive(server, mounted)


def test_a_file_that_blows_up_is_an_error_or_as_long_as_it_was(badly):
    server, mounted = badly
    content = bytes(MIB)
    path = fresh(server, content)
    os.stat(at(mounted, path))
    blown = zlib.compress(bytes(64 * MIB))
    server.pack = lambda _: blown
    with Memory(mounted.pid, 32 * MIB):
        try:
            assert read(at(mounted, path)) == content
        except OSError as error:
            assert error.errno in BROKEN
    server.pack = zlib.compress
    assert_alive(server, mounted)


def test_a_server_that_compresses_nonsense_is_told_of(scripted, mount):
    server = scripted(kind=DeflateServer)
    server.pack = BAD["is none"]
    mounted = mount(server, compress=True, **OPTIONS)
    assert outcome(os.listdir, mounted.path) in BROKEN
    assert "without -o compress" in mounted.log()
