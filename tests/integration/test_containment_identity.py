# SPDX-License-Identifier: GPL-2.0-or-later
"""What outlives a mount belongs to the source that it came from or was written for: the same host,
port and user may be another place by HOST, ACCT or ftp_init, and another server by how it was
verified."""

import fcntl
import glob
import hashlib
import os
import shutil
import struct

import pytest
from harness import credentials_file, eventually, pattern
from scripted_faults import Reply
from scripted_login import LoginServer
from scripted_mount import at, read, write
from scripted_tree import Tree
from test_writeback import kill, settle

pytest_plugins = ["scripted_fixtures"]

OPTIONS = {"timeout": 5, "dir_cache_timeout": 0}
A, B = "a.example", "b.example"
CONTENT = pattern(3000, "secret of a tenant")
OLD = 1_600_000_000
# Options that choose another place, or another way to verify the server.
OTHER_OPTIONS = {
    "another virtual host": {"ftp_host": B},
    "no virtual host": {"ftp_host": None},
    "other commands": {"ftp_init": "NOOP"},
    "another encoding": {"codepage": "CP437"},
    "nothing verified": {"tls_verify": "no"},
    "a remembered key": {"tls_verify": "tofu"},
}


def option_set(**options):
    return {name: value for name, value in options.items() if value is not None}


@pytest.fixture
def server(scripted):
    return scripted(LoginServer, tenants={A: Tree(), B: Tree()})


@pytest.fixture
def state(home, monkeypatch):
    """Where mounts of a test keep what outlives them."""
    path = os.path.join(home, "state")
    monkeypatch.setenv("STATE_DIRECTORY", path)
    return path


@pytest.fixture
def remount(mount, server, state):
    """Mounts with writeback that share their journals."""

    def make(**options):
        return mount(server, **option_set(**{**OPTIONS, "writeback": True, **options}))

    make.places = os.path.join(state, "writeback")
    return make


def account_file(directory, server, account):
    path = credentials_file(str(directory), server.user, server.password, name=account)
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"\naccount={account}\n")
    return path


def trees(server):
    return {None: server.tree, **server.tenants}


def places_with(server, name):
    """The virtual hosts at which there is such a file."""
    return [host for host, tree in trees(server).items() if tree.exists(f"/{name}")]


def leave_pending(server, mounted, name="file"):
    """What was closed and has not got to the server when the daemon is killed."""
    fault = server.fault("STOR", Reply("450 Not now."))
    write(mounted.at(name), CONTENT)
    eventually(lambda: fault.hits > 0, 20, "the upload's first try")
    kill(mounted)
    server.clear()


def uploads_of(mounted):
    settle(mounted)
    stats = mounted.stats()
    mounted.unmount()
    return stats["stores"]


# Journals


@pytest.mark.parametrize("other", OTHER_OPTIONS)
def test_a_write_goes_to_nobody_but_whom_it_was_for(server, remount, other):
    leave_pending(server, remount(ftp_host=A))
    mounted = remount(**{"ftp_host": A, **OTHER_OPTIONS[other]})
    log = mounted.log()
    assert uploads_of(mounted) == 0
    assert places_with(server, "file") == []
    # Nobody need forget it.
    place = os.path.dirname(glob.glob(f"{remount.places}/source-*/content-*")[0])
    line = [line for line in log.splitlines() if place in line]
    assert len(line) == 1
    assert "1 upload of an earlier mount" in line[0] and "move that directory into" in line[0]
    again = remount(ftp_host=A)
    settle(again)
    assert places_with(server, "file") == [A]
    assert server.tenants[A].get("/file") == CONTENT


def test_a_write_for_one_account_is_not_sent_for_another(server, remount, tmp_path):
    sales, marketing = (account_file(tmp_path, server, name) for name in ("sales", "marketing"))
    leave_pending(server, remount(credentials=sales))
    for other in (marketing, None):
        assert uploads_of(remount(credentials=other)) == 0
    assert places_with(server, "file") == []
    assert uploads_of(remount(credentials=sales)) == 1


def test_a_mount_that_verifies_more_finishes_what_one_has_left(server, remount):
    pin = server.authority.good().pin()
    leave_pending(server, remount(ftp_host=A))
    mounted = remount(ftp_host=A, tls_pin=pin)
    assert uploads_of(mounted) == 1
    assert "uploads taken over from" in mounted.log()
    assert server.tenants[A].get("/file") == CONTENT
    # Not the other way round.
    leave_pending(server, remount(ftp_host=A, tls_pin=pin), "other")
    assert uploads_of(remount(ftp_host=A)) == 0
    assert places_with(server, "other") == []


def test_another_spelling_of_the_host_is_the_same_source(server, remount):
    port = server.port
    leave_pending(server, remount(source=f"{server.user}@localhost:{port}", ftp_host=A))
    assert uploads_of(remount(source=f"{server.user}@LocalHost.:{port}", ftp_host=A)) == 1
    assert places_with(server, "file") == [A]


def test_a_moved_directory_is_finished(server, remount):
    leave_pending(server, remount(ftp_host=A))
    (before,) = os.listdir(remount.places)
    assert uploads_of(remount(ftp_host=B)) == 0
    (own,) = set(os.listdir(remount.places)) - {before}
    moved = os.path.join(remount.places, own, before)
    os.rename(os.path.join(remount.places, before), moved)
    assert uploads_of(remount(ftp_host=B)) == 1
    assert places_with(server, "file") == [B]
    assert not os.path.exists(moved)
    assert not glob.glob(f"{remount.places}/*/content-*")


def test_secrets_stay_out_of_what_is_kept(server, remount, tmp_path):
    account = account_file(tmp_path, server, "h1dden")
    mounted = remount(ftp_host=A, ftp_init="NOOP", credentials=account)
    (place,) = os.listdir(remount.places)
    identity = os.path.join(remount.places, place, "identity")
    assert os.stat(identity).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(identity)).st_mode & 0o777 == 0o700
    text = read(identity).decode()
    assert A in text and server.user in text
    for secret in ("h1dden", "NOOP", server.password):
        assert secret not in text
    mounted.unmount()


# Journals of older versions: in user@host:port, without a word of what else there was


def record(kind, number, path, content, size):
    """A record of the journal, as src/cache/writeback/journal_format.c has it."""
    unknown = -(2**63)
    body = struct.pack("<BBBI", kind, 0, 0, 0xFFFFFFFF)
    body += struct.pack("<QQQqQq", number, 0, size, unknown, 0, unknown)
    for text in (path, content, ""):
        body += struct.pack("<H", len(text)) + text.encode()
    return b"\xf1Jr\n" + struct.pack("<I", len(body)) + hashlib.sha256(body).digest()[:8] + body


def old_journal(places, server, name="file", host=None):
    """What the version before has left when it was killed. Gives the directory."""
    place = os.path.join(places, f"{server.user}@{host or server.host}:{server.port}")
    os.makedirs(place, mode=0o700)
    write(os.path.join(place, "content-1-0000abcd"), CONTENT)
    journal = b"ftpsfs journal 1\n" + record(1, 1, f"/{name}", "content-1-0000abcd", len(CONTENT))
    write(os.path.join(place, "journal-1"), journal)
    write(os.path.join(place, "lock-1"), b"")
    return place


@pytest.mark.parametrize("options", [{}, {"tls_verify": "tofu"}], ids=["ca", "tofu"])
def test_an_old_journal_is_found_and_finished(server, remount, options):
    place = old_journal(remount.places, server)
    mounted = remount(**options)
    assert f"uploads taken over from {place}: 1" in mounted.log()
    assert uploads_of(mounted) == 1
    assert places_with(server, "file") == [None]
    assert server.tree.get("/file") == CONTENT
    assert not os.path.exists(place)
    assert not glob.glob(f"{remount.places}/*/content-*")
    # Once.
    assert uploads_of(remount(**options)) == 0


@pytest.mark.parametrize(
    "options, why",
    [
        ({"ftp_host": B}, "ftp_host"),
        ({"ftp_init": "NOOP"}, "ftp_init"),
        ({"tls_verify": "no"}, "verifies"),
    ],
    ids=["host", "init", "unverified"],
)
def test_an_old_journal_is_told_of_where_it_may_be_for_another(server, remount, options, why):
    place = old_journal(remount.places, server)
    mounted = remount(**options)
    log = mounted.log()
    assert uploads_of(mounted) == 0
    assert places_with(server, "file") == []
    (line,) = [line for line in log.splitlines() if place in line]
    assert why in line
    # It does what the line says.
    (own,) = glob.glob(f"{remount.places}/source-*")
    assert own in line
    shutil.move(place, own)
    assert uploads_of(remount(**options)) == 1
    assert places_with(server, "file") == [options.get("ftp_host")]


def test_an_old_journal_in_use_is_left_alone(server, remount):
    place = old_journal(remount.places, server)
    with open(os.path.join(place, "lock-1"), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert uploads_of(remount()) == 0
    assert sorted(os.listdir(place)) == ["content-1-0000abcd", "journal-1", "lock-1"]
    assert uploads_of(remount()) == 1


def test_a_crash_while_an_old_journal_is_taken_over_makes_no_second_file(server, remount):
    place = old_journal(remount.places, server)
    journal = read(os.path.join(place, "journal-1"))
    server.fault("STOR", Reply("450 Not now."))
    kill(remount())
    server.clear()
    # As it is when the new journal is written, and the old one not yet removed.
    (content,) = glob.glob(f"{remount.places}/source-*/content-*")
    os.makedirs(place, mode=0o700)
    os.link(content, os.path.join(place, "content-1-0000abcd"))
    write(os.path.join(place, "journal-1"), journal)
    assert uploads_of(remount()) == 1
    assert server.tree.names() == ["file"]
    assert not os.path.exists(place)


# Content on disk


def content_seen(mount, server, cache_dir, **options):
    mounted = mount(server, **option_set(**{**OPTIONS, "cache_dir": cache_dir, **options}))
    data = read(at(mounted, "/file"))
    retrieves = mounted.stats()["retrieves"]
    mounted.unmount()
    return data, retrieves


def put_everywhere(server, data):
    for tree in trees(server).values():
        tree.put("/file", data, mtime=OLD)


@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
@pytest.mark.parametrize("other", OTHER_OPTIONS)
def test_cached_content_is_shown_to_nobody_but_who_would_have_got_it(
    server, mount, state, tmp_path, other, back
):
    one, two = {"ftp_host": A}, {"ftp_host": A, **OTHER_OPTIONS[other]}
    if back:
        one, two = two, one
    cache_dir = tmp_path / "cache"
    cache_dir.mkdir()
    put_everywhere(server, pattern(5000, "what somebody in the middle says"))
    first, retrieves = content_seen(mount, server, cache_dir, **one)
    assert retrieves == 1
    # Of the same size and time.
    put_everywhere(server, pattern(5000, "what is really there"))
    assert content_seen(mount, server, cache_dir, **two) == (
        pattern(5000, "what is really there"),
        1,
    )
    # Each finds its own.
    assert content_seen(mount, server, cache_dir, **one) == (first, 0)


def test_content_under_another_remembered_key_is_not_shown(server, mount, state, tmp_path):
    cache_dir = tmp_path / "cache"
    cache_dir.mkdir()
    put_everywhere(server, pattern(5000, "old key"))
    options = {"ftp_host": A, "tls_verify": "tofu", "cafile": None}
    assert content_seen(mount, server, cache_dir, **options) == (pattern(5000, "old key"), 1)
    os.unlink(os.path.join(state, "known_hosts"))
    server.context = server.data_context = server.make_context("another-good")
    put_everywhere(server, pattern(5000, "new key"))
    assert content_seen(mount, server, cache_dir, **options) == (pattern(5000, "new key"), 1)
