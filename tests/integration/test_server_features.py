# SPDX-License-Identifier: GPL-2.0-or-later
"""Extensions are used where they are, whichever of them a server has."""

import errno
import hashlib
import os

import pytest
from harness import pattern
from scripted_features import FeatureServer
from scripted_mount import OPTIONS, assert_alive, at, fresh, read

pytest_plugins = ["scripted_fixtures"]

MIB = 1 << 20
WHEN = 1_500_000_000


@pytest.fixture
def feature_server(scripted):
    def make(**options):
        return scripted(kind=FeatureServer, **options)

    return make


@pytest.mark.parametrize("times", ["MFF", "UTIME short", "UTIME long"])
def test_a_time_is_set_by_the_way_that_the_server_has(feature_server, mount, times):
    server = feature_server(times=times)
    mounted = mount(server, **OPTIONS)
    path = fresh(server, b"content")
    os.utime(at(mounted, path), (WHEN, WHEN))
    assert server.tree.find(path).mtime == WHEN
    other = fresh(server, b"content")
    server.forget()
    os.utime(at(mounted, other), (WHEN + 1, WHEN + 1))
    assert server.tree.find(other).mtime == WHEN + 1
    # By then the way is known.
    assert server.count("MFF", "SITE") == 1
    assert server.count("MFMT") == 0


def test_no_way_to_set_a_time_is_eopnotsupp(feature_server, mount):
    server = feature_server()
    mounted = mount(server, **OPTIONS)
    path = fresh(server, b"content")
    with pytest.raises(OSError) as caught:
        os.utime(at(mounted, path), (WHEN, WHEN))
    assert caught.value.errno == errno.EOPNOTSUPP


@pytest.mark.parametrize(
    "kind, command",
    [
        ("md5", "HASH"),
        ("md5", "XMD5"),
        ("md5", "MD5"),
        ("sha256", "HASH"),
        ("sha256", "XSHA256"),
    ],
)
def test_the_hash_of_a_file_is_the_servers_own(feature_server, mount, kind, command):
    server = feature_server(**{kind: command})
    mounted = mount(server, **OPTIONS)
    data = os.urandom(10_000)
    path = fresh(server, data)
    found = os.getxattr(at(mounted, path), f"user.ftpsfs.{kind}")
    assert found.decode() == hashlib.new(kind, data).hexdigest()
    assert server.count("RETR") == 0
    other = "sha256" if kind == "md5" else "md5"
    with pytest.raises(OSError) as caught:
        os.getxattr(at(mounted, path), f"user.ftpsfs.{other}")
    assert caught.value.errno == errno.EOPNOTSUPP


def test_proftpd_tells_the_md5(servers, mount):
    server = servers.make("proftpd")
    data = os.urandom(10_000)
    with open(server.path("file"), "wb") as file:
        file.write(data)
    server.adopt(server.path("file"))
    found = os.getxattr(mount(server).at("file"), "user.ftpsfs.md5")
    assert found.decode() == hashlib.md5(data).hexdigest()


def rewrite(mounted, path, size):
    """Changes both ends of a file, so that it is stored as a whole."""
    with open(at(mounted, path), "r+b", buffering=0) as file:
        file.write(b"first")
        file.seek(size - 4)
        file.write(b"last")


@pytest.mark.parametrize("reply", ["452 Not enough space.", "552 Over the quota."])
def test_a_large_file_that_has_no_room_is_enospc_before_the_old_one_is_lost(
    feature_server, mount, reply
):
    server = feature_server(allo=reply)
    server.store_restart = "refuse"
    mounted = mount(server, dir_cache_timeout=0)
    data = pattern(17 * MIB)
    path = fresh(server, data)
    with pytest.raises(OSError) as caught:
        rewrite(mounted, path, len(data))
    assert caught.value.errno == errno.ENOSPC
    assert server.arguments("ALLO")[0] == str(len(data))
    assert server.tree.get(path) == data
    server.allo = "200 There is room."
    assert_alive(server, mounted)


@pytest.mark.parametrize("reply", ["202 No need.", "500 ALLO not understood."])
def test_a_server_that_does_not_care_for_allo_is_asked_once(feature_server, mount, reply):
    server = feature_server(allo=reply)
    server.store_restart = "refuse"
    mounted = mount(server, dir_cache_timeout=0)
    data = pattern(17 * MIB)
    for _ in range(2):
        path = fresh(server, data)
        rewrite(mounted, path, len(data))
        assert server.tree.get(path) == b"first" + data[5:-4] + b"last"
        server.tree.unlink(path)
    assert server.count("ALLO") == 1


def test_small_files_are_sent_without_asking_for_room(feature_server, mount):
    server = feature_server(allo="552 No.")
    mounted = mount(server, **OPTIONS)
    with open(mounted.at("file"), "wb") as file:
        file.write(b"content")
    assert server.count("ALLO") == 0
    assert read(mounted.at("file")) == b"content"


def space(mounted):
    """What df shows: bytes in all, bytes left."""
    found = os.statvfs(mounted.path)
    return found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize


def pages(count):
    return count // 4096 * 4096


@pytest.mark.parametrize("units, exact", [("b", 1), ("Kb", 1 << 10), ("Mb", 1 << 20)])
def test_the_quota_of_proftpd_is_the_space_that_df_shows(servers, mount, units, exact):
    server = servers.make("proftpd", quota=20_000_000, quota_units=units)
    mounted = mount(server)
    total, left = space(mounted)
    # It tells two digits behind the point.
    assert abs(total - 20_000_000) <= 4096 + exact / 100
    assert left == total
    with open(mounted.at("file"), "wb") as file:
        file.write(bytes(5_000_000))
    total, left = space(mounted)
    assert abs(total - left - 5_000_000) <= 8192 + exact / 50


def test_a_server_without_a_limit_is_asked_for_the_quota_once(servers, feature_server, mount):
    mounted = mount(servers.get("proftpd"))
    assert space(mounted) == (1 << 40, 1 << 40)
    server = feature_server()
    mounted = mount(server, **OPTIONS)
    for _ in range(3):
        assert space(mounted) == (1 << 40, 1 << 40)
    assert server.arguments("SITE").count("QUOTA") == 1


def test_avbl_comes_before_the_quota(feature_server, mount):
    server = feature_server(avbl="213 5000000")
    server.quota = "200 You have 120 KB free."
    mounted = mount(server, **OPTIONS)
    assert space(mounted) == (pages(5_000_000), pages(5_000_000))
    assert "QUOTA" not in server.arguments("SITE")
    server.avbl = "504 Not for this directory."
    assert space(mounted) == (pages(120 << 10), pages(120 << 10))
    assert space(mounted) == (pages(120 << 10), pages(120 << 10))
    assert server.count("AVBL") == 2
