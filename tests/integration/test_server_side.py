# SPDX-License-Identifier: GPL-2.0-or-later
"""What the server does by itself: copying and hashing; and uploads that replace at once."""

import errno
import hashlib
import os
import subprocess
import time

import pytest

MIB = 1 << 20
OLD = 2 * 24 * 60 * 60


def test_cp_of_a_file_is_done_by_the_server_that_can(site, mount):
    data = os.urandom(4 * MIB)
    site.put("file", data)
    mounted = mount()
    subprocess.run(["cp", mounted.at("file"), mounted.at("a copy")], check=True, timeout=60)
    assert site.get("a copy") == data
    assert os.stat(mounted.at("a copy")).st_size == len(data)
    with open(mounted.at("a copy"), "rb") as file:
        assert file.read() == data
    with open(mounted.at("a copy"), "ab") as file:
        file.write(b"more")
    assert site.get("a copy") == data + b"more"


def test_no_content_crosses_the_link_when_proftpd_copies(servers, mount):
    server = servers.make("proftpd")
    data = os.urandom(4 * MIB)
    with open(server.path("file"), "wb") as file:
        file.write(data)
    server.adopt(server.path("file"))
    mounted = mount(server)
    subprocess.run(["cp", mounted.at("file"), mounted.at("copy")], check=True, timeout=60)
    with open(server.path("copy"), "rb") as file:
        assert file.read() == data
    stats = mounted.stats()
    assert stats["bytes_in"] + stats["bytes_out"] < MIB


def test_the_hash_of_a_file_is_the_servers_own(site, mount):
    data = os.urandom(100_000)
    site.put("a file", data)
    mounted = mount()
    if site.server.can_hash:
        value = os.getxattr(mounted.at("a file"), "user.ftpsfs.sha256")
        assert value.decode() == hashlib.sha256(data).hexdigest()
    else:
        with pytest.raises(OSError) as caught:
            os.getxattr(mounted.at("a file"), "user.ftpsfs.sha256")
        assert caught.value.errno in (errno.EOPNOTSUPP, errno.ENODATA)


def test_an_atomic_upload_shows_the_old_content_until_the_end(site, mount):
    site.put("file", b"the old content", mode=0o640)
    mounted = mount(atomic_upload=True)
    with open(mounted.at("file"), "wb", buffering=0) as file:
        file.write(b"the new")
        assert site.get("file") == b"the old content"
    assert site.get("file") == b"the new"
    assert site.names() == ["file"]
    assert os.stat(site.path("file")).st_mode & 0o777 == 0o640


def test_an_atomic_upload_of_a_new_file_shows_nothing_until_the_end(site, mount):
    mounted = mount(atomic_upload=True)
    with open(mounted.at("file"), "wb", buffering=0) as file:
        file.write(b"content")
        assert "file" not in site.names()
        assert os.listdir(mounted.path) == ["file"]
    assert site.get("file") == b"content"
    assert site.names() == ["file"]


def test_a_new_file_unlinked_before_its_atomic_upload_leaves_nothing(site, mount):
    mounted = mount(atomic_upload=True)
    with open(mounted.at("file"), "wb", buffering=0) as file:
        file.write(b"content")
        os.unlink(mounted.at("file"))
    assert os.listdir(mounted.path) == []
    mounted.unmount()
    assert site.names() == []


def test_what_a_crash_left_is_removed_when_it_is_old(site, mount):
    old = site.put(".ftpsfs-upload-00000001", b"part of a file")
    os.utime(old, (time.time() - OLD, time.time() - OLD))
    site.put(".ftpsfs-upload-00000002", b"under way")
    site.put("file", b"content")
    mounted = mount(atomic_upload=True)
    assert os.listdir(mounted.path) == ["file"]
    assert site.names() == [".ftpsfs-upload-00000002", "file"]
