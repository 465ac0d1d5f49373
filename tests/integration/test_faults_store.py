# SPDX-License-Identifier: GPL-2.0-or-later
"""Uploads and renames on a server that has bad luck: success is reported for nothing that the
server does not have, a failure has the right errno, and neither old nor new content is lost."""

import errno
import os

import pytest
from harness import eventually
from scripted_faults import Data, Drop, Fault, Reply
from scripted_mount import (
    BROKEN,
    LIMIT_SECONDS,
    OPTIONS,
    append,
    assert_alive,
    at,
    fresh,
    outcome,
    read,
    within,
    write,
)

pytest_plugins = ["scripted_fixtures"]

MEGABYTE = os.urandom(1 << 20)


def stored_or_error(server, mounted, path, data, codes=BROKEN):
    """Writes; the server has the data, or the error is one of `codes`. Gives the errno."""
    code = outcome(write, at(mounted, path), data)
    if code == 0:
        assert server.tree.get(path) == data
    else:
        assert code in codes
    return code


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("cut", [0, 1, 65536, 700_000])
def test_an_upload_that_breaks_once_is_made_good(server, mounted, cut, reset):
    server.fault("STOR", Data(cut=cut, reset=reset), times=1)
    assert stored_or_error(server, mounted, "/new", MEGABYTE) == 0
    assert_alive(server, mounted)


@pytest.mark.parametrize("cut", [0, 700_000])
def test_an_upload_that_always_breaks_is_an_error(server, mounted, cut):
    for verb in ("STOR", "APPE"):
        server.fault(verb, Data(cut=cut))
    code = stored_or_error(server, mounted, "/new", MEGABYTE)
    assert code in BROKEN or cut > 0
    assert_alive(server, mounted)


@pytest.mark.parametrize(
    "changes", [{"preliminary": "552 Quota exceeded."}, {"preliminary": None, "cut": 0}], ids=str
)
def test_an_atomic_upload_that_fails_to_begin_leaves_nothing_beside(server, mount, changes):
    """The server has created the file before it fails."""
    mounted = mount(server, atomic_upload=True, **OPTIONS)
    fault = server.fault("STOR", Data(**changes))
    assert outcome(write, at(mounted, "/new"), b"content") in (*BROKEN, errno.ENOSPC)
    assert fault.hits > 0
    server.clear()
    assert_alive(server, mounted)
    mounted.unmount()
    assert temporaries(server) == []


def temporaries(server):
    return [name for name in server.tree.names("/") if name.startswith(".ftpsfs-")]


@pytest.mark.parametrize("then", ["another upload", "unmount"])
def test_a_temporary_that_could_not_be_removed_goes_when_the_server_is_back(server, mount, then):
    """The server has created it and is gone before it can be removed."""
    mounted = mount(server, atomic_upload=True, **OPTIONS)
    server.fault("STOR", Data(preliminary=None, cut=0))
    removal = server.fault("DELE", Drop())
    assert outcome(write, at(mounted, "/new"), b"content") in BROKEN
    eventually(lambda: removal.hits > 0, 20, "a try to remove it")
    assert temporaries(server) != []
    server.clear()
    if then == "unmount":
        mounted.unmount()
        assert temporaries(server) == []
    else:
        # The try that failed may not have come to its end.
        eventually(lambda: uploaded_clean(server, mounted), 20, "a clean directory")


def uploaded_clean(server, mounted):
    return outcome(write, at(mounted, "/new"), b"content") == 0 and temporaries(server) == []


def test_a_temporary_that_the_server_makes_after_its_removal_is_removed_again(server, mount):
    """The command was on its way when the connection broke, and the server has come to it late."""
    mounted = mount(server, atomic_upload=True, **OPTIONS)
    server.fault("STOR", Drop())
    assert outcome(write, at(mounted, "/new"), b"content") in BROKEN
    server.clear()
    server.wait_for("DELE")
    server.tree.put("/" + server.arguments("STOR")[0].lstrip("/"), b"")
    assert temporaries(server) != []
    mounted.unmount()
    assert temporaries(server) == []


@pytest.mark.parametrize(
    "changes, codes",
    [
        ({"final": "452 No space left."}, (errno.ENOSPC,)),
        ({"final": "552 Quota exceeded."}, (errno.ENOSPC, errno.EDQUOT)),
        ({"final": "550 Virus found."}, (errno.EIO, errno.EACCES)),
        ({"final": "553 Name not allowed."}, (errno.EIO, errno.EACCES)),
        ({"final": "451 Write error."}, BROKEN),
        ({"final": "426 Aborted."}, BROKEN),
        ({"cut": 300_000, "cut_final": "452 No space left."}, (errno.ENOSPC,)),
        ({"cut": 300_000, "cut_final": "552 Quota exceeded."}, (errno.ENOSPC, errno.EDQUOT)),
    ],
    ids=str,
)
def test_an_upload_refused_at_its_end_is_an_error(server, mounted, changes, codes):
    server.fault("STOR", Data(**changes))
    server.fault("APPE", Data(**changes))
    assert outcome(write, at(mounted, "/new"), MEGABYTE) in codes
    assert_alive(server, mounted)


@pytest.mark.parametrize(
    "changes",
    [
        {"keep": 0},
        {"keep": 300_000},
        {"keep": (1 << 20) - 1},
        {"cut": 300_000, "cut_final": "226 Done."},
        {"cut": 300_000, "cut_final": "426 Aborted."},
        {"early_final": True},
        {"early_final": True, "cut": 300_000},
        {"final": None},
        {"stall": 300_000},
        {"handshake": "silent"},
        {"handshake": "refuse"},
        {"handshake": "clear"},
        {"preliminary": None},
        {"close_notify": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("times", [1, None])
def test_an_upload_is_whole_or_an_error(server, mounted, changes, times):
    fault = server.fault("STOR", Data(**changes), times=times)
    if times is None:
        server.fault("APPE", Data(**changes))
    stored_or_error(server, mounted, "/new", MEGABYTE, (*BROKEN, errno.EACCES))
    assert fault.hits > 0
    assert_alive(server, mounted)


def test_fsync_tells_what_close_would(server, mounted):
    server.fault("STOR", Data(final="552 Quota exceeded."))
    server.fault("APPE", Data(final="552 Quota exceeded."))
    descriptor = os.open(at(mounted, "/new"), os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, MEGABYTE)
        assert outcome(os.fsync, descriptor) in (errno.ENOSPC, errno.EDQUOT)
    finally:
        outcome(os.close, descriptor)
    assert_alive(server, mounted)


def test_a_failed_upload_can_be_saved_again(server, mounted):
    """As an editor does it: it still has the data, and tries again."""
    server.fault("STOR", Data(final="452 No space left."), times=1)
    server.fault("APPE", Data(final="452 No space left."), times=1)
    path = at(mounted, "/document")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    os.write(descriptor, b"version 1")
    first = outcome(os.fsync, descriptor)
    second = outcome(os.fsync, descriptor)
    outcome(os.close, descriptor)
    assert first == errno.ENOSPC
    if second == 0:
        assert server.tree.get("/document") == b"version 1"
    within(LIMIT_SECONDS, write, path, b"version 2")
    assert server.tree.get("/document") == b"version 2"


def test_a_refused_rewrite_keeps_or_reports(server, mounted):
    server.tree.put("/document", b"old content")
    server.fault("STOR", Reply("553 Permission denied."))
    server.fault("APPE", Reply("553 Permission denied."))
    assert outcome(write, at(mounted, "/document"), b"new content") == errno.EACCES
    assert server.tree.get("/document") == b"old content"
    server.clear()
    assert within(LIMIT_SECONDS, read, at(mounted, "/document")) == b"old content"


def test_an_append_that_breaks_is_not_doubled(server, mounted):
    for cut in (0, 10, 100_000):
        path = fresh(server, b"begin")
        server.fault("APPE", Data(cut=cut), times=1)
        server.fault("STOR", Data(cut=cut), times=1)
        code = outcome(append, at(mounted, path), MEGABYTE)
        if code == 0:
            assert server.tree.get(path) == b"begin" + MEGABYTE
        else:
            assert code in BROKEN
        assert_alive(server, mounted)


@pytest.mark.parametrize("restart", ["in place", "truncate", "refuse"])
def test_a_change_in_the_middle_is_right_whatever_rest_does(server, mounted, restart):
    server.store_restart = restart
    path = fresh(server, MEGABYTE)

    def change():
        with open(at(mounted, path), "r+b") as file:
            file.seek(500_000)
            file.write(b"CHANGED")

    within(LIMIT_SECONDS, change)
    assert server.tree.get(path) == MEGABYTE[:500_000] + b"CHANGED" + MEGABYTE[500_007:]
    assert [name for name in server.tree.names() if name.startswith(".")] == []
    assert_alive(server, mounted)


# Renames


def test_a_rename_over_an_existing_file_where_the_server_refuses_that(server, mounted):
    server.tree.put("/document", b"old")
    server.tree.put("/document.new", b"new")

    class Refuse(Fault):
        def before(self, session, command):
            if server.tree.exists(session.path(command.argument)):
                session.reply("550 File exists.")
                return True
            return False

    server.fault("RNTO", Refuse())
    within(LIMIT_SECONDS, os.rename, at(mounted, "/document.new"), at(mounted, "/document"))
    assert server.tree.names() == ["document"]
    assert server.tree.get("/document") == b"new"
    assert within(LIMIT_SECONDS, read, at(mounted, "/document")) == b"new"


@pytest.mark.parametrize("skip", range(5))
@pytest.mark.parametrize("kind", ["closed", "550"])
def test_a_rename_that_fails_leaves_the_old_or_the_new_content(server, mounted, skip, kind):
    server.tree.put("/document", b"old")
    server.tree.put("/document.new", b"new")
    fault = Drop() if kind == "closed" else Reply("550 Not now.")
    server.fault("RNTO", fault, skip=skip)
    server.fault("RNFR", fault, skip=skip)
    server.fault("DELE", fault, skip=skip)
    code = outcome(os.rename, at(mounted, "/document.new"), at(mounted, "/document"))
    contents = [server.tree.get(f"/{name}") for name in server.tree.names()]
    assert b"new" in contents
    if code == 0:
        assert server.tree.get("/document") == b"new"
    else:
        assert b"old" in contents
    assert_alive(server, mounted)
