# SPDX-License-Identifier: GPL-2.0-or-later
"""A server that has bad luck: one failure is made good without notice where that is safe, a lasting
one is an error with the right name, and the mount works again when
the server does. For uploads see test_faults_store.py."""

import concurrent.futures
import errno
import os
import time

import pytest
from harness import eventually
from scripted_faults import (
    Cut,
    Data,
    Delay,
    Drop,
    Gate,
    Reply,
    Silence,
)
from scripted_mount import (
    BROKEN,
    LIMIT_SECONDS,
    OPTIONS,
    append,
    assert_alive,
    at,
    fresh,
    open_files,
    outcome,
    read,
    within,
    write,
)

pytest_plugins = ["scripted_fixtures"]

MEGABYTE = os.urandom(1 << 20)


def operations(server, mounted):
    """One file-system operation for each command, as (function, arguments)."""
    server.tree.makedirs("/dir")
    path, path2 = fresh(server), fresh(server)
    target = f"{path2}-renamed"
    return {
        "EPSV": (read, at(mounted, path)),
        "RETR": (read, at(mounted, path)),
        "MLSD": (os.listdir, mounted.path),
        "MLST": (os.stat, at(mounted, path)),
        "STOR": (write, at(mounted, "/new"), b"data"),
        "APPE": (append, at(mounted, path), b"more"),
        "DELE": (os.unlink, at(mounted, path)),
        "MKD": (os.mkdir, at(mounted, "/made")),
        "RMD": (os.rmdir, at(mounted, "/dir")),
        "RNFR": (os.rename, at(mounted, path), at(mounted, target)),
        "RNTO": (os.rename, at(mounted, path), at(mounted, target)),
        "MFMT": (os.utime, at(mounted, path), (10**9, 10**9)),
        "SITE": (os.chmod, at(mounted, path), 0o640),
    }


VERBS = "EPSV RETR MLSD MLST STOR APPE DELE MKD RMD RNFR RNTO MFMT SITE".split()
# Reading again, or storing again from the beginning, changes nothing.
REPEATABLE = ("EPSV", "RETR", "MLSD", "MLST", "STOR", "RNFR", "MFMT", "SITE")

BEFORE = {
    "silence": Silence,
    "closed": Drop,
    "reset": lambda: Drop(reset=True),
    "421": lambda: Reply("421 Closing down.", close=True),
}


@pytest.mark.parametrize("kind", BEFORE)
@pytest.mark.parametrize("verb", VERBS)
def test_a_command_that_is_lost_once_is_repeated(server, mounted, verb, kind):
    function, *arguments = operations(server, mounted)[verb]
    fault = server.fault(verb, BEFORE[kind](), times=1)
    code = outcome(function, *arguments)
    # The server did not run it; whoever can't know that may not repeat it.
    assert code == 0 or (verb not in REPEATABLE and code in BROKEN)
    assert fault.hits == 1 or verb in ("APPE", "MLST", "MLSD")
    assert_alive(server, mounted)


@pytest.mark.parametrize("kind", BEFORE)
@pytest.mark.parametrize("verb", VERBS)
def test_a_command_that_is_always_lost_is_an_error(server, mounted, verb, kind):
    function, *arguments = operations(server, mounted)[verb]
    fault = server.fault(verb, BEFORE[kind]())
    code = outcome(function, *arguments)
    if fault.hits > 0 and verb not in ("MLST", "MLSD", "APPE"):
        assert code in BROKEN
    assert_alive(server, mounted)


@pytest.mark.parametrize("verb", VERBS)
def test_a_login_that_the_server_has_forgotten_is_made_again(server, mounted, verb):
    function, *arguments = operations(server, mounted)[verb]
    fault = server.fault(verb, Reply("530 Please login with USER and PASS."), times=1)
    logins = server.count("PASS")
    assert outcome(function, *arguments) == 0
    # What is read ahead has other sessions to go to.
    assert verb in ("EPSV", "RETR") or server.count("PASS") >= logins + fault.hits
    assert_alive(server, mounted)


@pytest.mark.parametrize("verb", ["RETR", "STOR", "DELE", "MKD"])
def test_a_login_that_the_server_forgets_each_time_is_eacces(server, mounted, verb):
    function, *arguments = operations(server, mounted)[verb]
    fault = server.fault(verb, Reply("530 Not logged in."))
    logins = server.count("PASS")
    assert outcome(function, *arguments) == errno.EACCES
    # A second session was tried, and no third; the kernel asks more than once for what it reads ahead.
    if verb != "RETR":
        assert fault.hits == 2 and server.count("PASS") <= logins + 2
    assert_alive(server, mounted)


@pytest.mark.parametrize("count", [0, 1, 3, 10])
@pytest.mark.parametrize("verb", VERBS)
def test_a_reply_that_is_lost_once_is_made_good_or_told(server, mounted, verb, count):
    """The server runs the command, and its reply is cut off."""
    function, *arguments = operations(server, mounted)[verb]
    server.fault(verb, Cut(count), times=1)
    code = outcome(function, *arguments)
    assert code == 0 or (verb not in REPEATABLE and code in BROKEN)
    assert_alive(server, mounted)


@pytest.mark.parametrize("verb", ["DELE", "MKD", "RMD", "RNTO"])
def test_what_was_done_though_its_reply_was_lost_shows(server, mounted, verb):
    function, *arguments = operations(server, mounted)[verb]
    server.fault(verb, Cut(0), times=1)
    code = outcome(function, *arguments)
    assert code in (0, *BROKEN)
    # Done on the server: after it the mount shows what is there.
    assert os.path.lexists(arguments[-1]) == (verb in ("MKD", "RNTO"))
    assert_alive(server, mounted)


# Refusals


REFUSALS = [
    ("RETR", "550 Permission denied.", (errno.EACCES,)),
    ("RETR", "450 File busy.", (errno.EBUSY, errno.EIO)),
    ("RETR", "550 Disk I/O error.", (errno.EIO, errno.EACCES)),
    ("STOR", "553 Permission denied.", (errno.EACCES,)),
    ("STOR", "552 Quota exceeded.", (errno.ENOSPC, errno.EDQUOT)),
    ("STOR", "452 No space left.", (errno.ENOSPC,)),
    ("STOR", "532 Need account for storing files.", (errno.EACCES,)),
    ("DELE", "550 Permission denied.", (errno.EACCES, errno.EPERM)),
    ("MKD", "550 Permission denied.", (errno.EACCES, errno.EPERM)),
    ("MKD", "552 No space.", (errno.ENOSPC,)),
    ("RMD", "550 Permission denied.", (errno.EACCES, errno.EPERM)),
    ("RNTO", "553 Permission denied.", (errno.EACCES, errno.EPERM)),
    ("RNFR", "550 Permission denied.", (errno.EACCES, errno.EPERM)),
    ("MFMT", "550 Permission denied.", (errno.EACCES, errno.EPERM)),
    ("SITE", "550 Permission denied.", (errno.EACCES, errno.EPERM)),
    ("DELE", "502 Not implemented.", (errno.EOPNOTSUPP, errno.ENOSYS)),
    ("MKD", "500 What?", (errno.EOPNOTSUPP, errno.ENOSYS)),
]


@pytest.mark.parametrize("verb, text, codes", REFUSALS)
def test_a_refusal_has_the_right_errno(server, mounted, verb, text, codes):
    function, *arguments = operations(server, mounted)[verb]
    server.fault(verb, Reply(text))
    assert outcome(function, *arguments) in codes
    # The log names the command and has the server's words.
    log = mounted.log()
    assert verb in log and text[4:].rstrip(".") in log
    assert_alive(server, mounted)


def test_what_is_not_there_is_enoent_and_what_is_there_is_eexist(server, mounted):
    server.tree.put("/dir/file", b"x")
    there = at(mounted, "/dir/file")
    missing = at(mounted, "/dir/missing")
    for function, arguments in (
        (read, (missing,)),
        (os.unlink, (missing,)),
        (os.rmdir, (missing,)),
        (os.rename, (missing, there)),
        (os.listdir, (missing,)),
        (write, (os.path.join(missing, "x"), b"")),
    ):
        assert outcome(function, *arguments) == errno.ENOENT
    assert outcome(os.mkdir, at(mounted, "/dir")) == errno.EEXIST
    assert outcome(os.rmdir, at(mounted, "/dir")) == errno.ENOTEMPTY
    assert outcome(os.rmdir, there) == errno.ENOTDIR
    assert outcome(os.unlink, at(mounted, "/dir")) in (errno.EISDIR, errno.EPERM)
    assert outcome(os.listdir, there) == errno.ENOTDIR
    assert server.tree.get("/dir/file") == b"x"


# Downloads


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("cut", [0, 1, 65536, 700_000, (1 << 20) - 1])
def test_a_download_that_breaks_once_goes_on(server, mounted, cut, reset):
    path = fresh(server, MEGABYTE)
    server.fault("RETR", Data(cut=cut, reset=reset), times=1)
    assert within(LIMIT_SECONDS, read, at(mounted, path)) == MEGABYTE
    assert_alive(server, mounted)


@pytest.mark.parametrize("cut", [0, 700_000])
def test_a_download_that_always_breaks_is_an_error(server, mounted, cut):
    path = fresh(server, MEGABYTE)
    server.fault("RETR", Data(cut=cut))
    code = outcome(read, at(mounted, path))
    # With REST each attempt may get further.
    assert code in BROKEN or (cut > 0 and code == 0)
    assert_alive(server, mounted)


@pytest.mark.parametrize(
    "changes",
    [
        {"cut": 300_000, "cut_final": "226 Done."},
        {"cut": 300_000, "cut_final": "426 Aborted."},
        {"cut": 300_000, "cut_final": "550 Read error."},
        {"cut": 300_000, "cut_final": None},
        {"final": "426 Aborted."},
        {"final": "550 The file was changed."},
        {"final": "451 Local error."},
        {"final": None},
        {"early_final": True},
        {"stall": 100_000},
        {"handshake": "silent"},
        {"handshake": "refuse"},
        {"handshake": "clear"},
        {"preliminary": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("times", [1, None])
def test_a_download_is_whole_or_an_error(server, mounted, changes, times):
    path = fresh(server, MEGABYTE)
    fault = server.fault("RETR", Data(**changes), times=times)
    try:
        assert within(LIMIT_SECONDS, read, at(mounted, path)) == MEGABYTE
    except OSError as error:
        assert error.errno in (*BROKEN, errno.EACCES)
    assert fault.hits > 0
    assert_alive(server, mounted)
    assert within(LIMIT_SECONDS, read, at(mounted, path)) == MEGABYTE


def test_a_control_connection_that_ends_in_mid_download(server, mounted):
    path = fresh(server, MEGABYTE * 8)
    server.fault("RETR", Data(pace=0.01), times=1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read, at(mounted, path))
        server.wait_for("RETR")
        time.sleep(0.3)
        server.drop_connections()
        assert reading.result(LIMIT_SECONDS) == MEGABYTE * 8
    assert_alive(server, mounted)


# Servers with limits and without features


def test_a_limit_of_connections_is_lived_with(scripted, mount):
    for text in ("421 Too many connections.", "530 Sorry, too many users."):
        server = scripted()
        server.max_sessions, server.limit_reply = 2, text
        mounted = mount(server, **OPTIONS)
        paths = [fresh(server, b"%d" % i * 1000) for i in range(24)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            found = pool.map(lambda path: read(at(mounted, path)), paths, timeout=60)
            assert list(found) == [b"%d" % i * 1000 for i in range(24)]
        assert_alive(server, mounted)


def test_reading_and_writing_many_files_at_once_with_one_connection(scripted, mount):
    server = scripted()
    mounted = mount(server, connections=1, **OPTIONS)
    big = fresh(server, MEGABYTE * 4)
    with open(at(mounted, big), "rb") as file:
        assert file.read(1000) == MEGABYTE[:1000]
        within(LIMIT_SECONDS, write, at(mounted, "/other"), MEGABYTE)
        assert server.tree.get("/other") == MEGABYTE
        assert file.read() == (MEGABYTE * 4)[1000:]


@pytest.mark.parametrize(
    "options",
    [{"mlst": False}, {"epsv": False}, {"mlst": False, "epsv": False}, {"explicit": True}, {}],
    ids=str,
)
def test_everyday_work_whatever_the_server_lacks(scripted, mount, options):
    server = scripted(**options)
    mounted = mount(server, explicit=options.get("explicit"), **OPTIONS)
    server.tree.put("/dir/old", b"old", mode=0o640, mtime=1_600_000_000)
    base = at(mounted, "/dir")

    def work():
        assert os.listdir(base) == ["old"]
        info = os.stat(os.path.join(base, "old"))
        assert (info.st_size, info.st_mode & 0o777) == (3, 0o640)
        assert int(info.st_mtime) == 1_600_000_000 or "mlst" in options
        os.mkdir(os.path.join(base, "sub"))
        write(os.path.join(base, "sub", "new"), MEGABYTE)
        assert read(os.path.join(base, "sub", "new")) == MEGABYTE
        append(os.path.join(base, "old"), b" and new")
        assert read(os.path.join(base, "old")) == b"old and new"
        os.rename(os.path.join(base, "old"), os.path.join(base, "sub", "moved"))
        os.utime(os.path.join(base, "sub", "moved"), (1_500_000_000, 1_500_000_000))
        os.chmod(os.path.join(base, "sub", "moved"), 0o600)
        assert int(os.stat(os.path.join(base, "sub", "moved")).st_mtime) == 1_500_000_000
        os.unlink(os.path.join(base, "sub", "new"))
        assert outcome(os.rmdir, os.path.join(base, "sub")) == errno.ENOTEMPTY
        assert os.listdir(os.path.join(base, "sub")) == ["moved"]

    within(60, work)
    node = server.tree.find("/dir/sub/moved")
    assert (bytes(node.data), node.mtime, node.mode) == (b"old and new", 1_500_000_000, 0o600)
    assert server.tree.names("/dir/sub") == ["moved"]


def test_a_server_far_away_is_only_slow(server, mounted):
    server.fault("*", Delay(0.15))
    assert_alive_slowly = fresh(server, MEGABYTE)
    assert within(LIMIT_SECONDS, read, at(mounted, assert_alive_slowly)) == MEGABYTE
    within(LIMIT_SECONDS, write, at(mounted, "/new"), MEGABYTE)
    assert server.tree.get("/new") == MEGABYTE


# Connections that go away


def test_idle_connections_may_be_closed_at_any_time(server, mounted):
    for reset in (False, True, False):
        path = fresh(server, b"before")
        assert within(LIMIT_SECONDS, read, at(mounted, path)) == b"before"
        server.drop_connections(reset)
        path = fresh(server, b"after")
        assert within(LIMIT_SECONDS, read, at(mounted, path)) == b"after"


def test_a_server_that_says_421_while_nothing_goes_on(server, mounted):
    sessions = dict(server.sessions)
    for session in sessions.values():
        session.aside(lambda session=session: (session.reply("421 Idle."), session.close_orderly()))
    eventually(lambda: not sessions.keys() & server.sessions.keys())
    path = fresh(server, b"after")
    assert within(LIMIT_SECONDS, read, at(mounted, path)) == b"after"


def test_a_restart_of_the_server_is_not_noticed(server, mounted):
    path = fresh(server, b"before")
    assert within(LIMIT_SECONDS, read, at(mounted, path)) == b"before"
    server.stop()
    server.start()
    path = fresh(server, b"after")
    assert within(LIMIT_SECONDS, read, at(mounted, path)) == b"after"


def test_a_server_that_is_down_is_an_error_until_it_is_up(server, mounted):
    path = fresh(server, b"content")
    server.stop()
    assert outcome(read, at(mounted, path)) in (*BROKEN, errno.EHOSTUNREACH, errno.ECONNREFUSED)
    assert outcome(write, at(mounted, "/new"), b"x") not in (0,)
    # While it is down nothing waits.
    before = time.monotonic()
    for _ in range(20):
        assert outcome(read, at(mounted, path)) != 0
    assert time.monotonic() - before < LIMIT_SECONDS
    server.start()
    assert_alive(server, mounted)


def test_a_password_that_is_no_longer_taken_is_eacces(server, mounted):
    server.fault("PASS", Reply("530 Login incorrect."))
    server.drop_connections()
    path = fresh(server)
    assert outcome(read, at(mounted, path)) in (errno.EACCES, errno.EIO)
    # A wrong password is not tried over and over: accounts get locked.
    for _ in range(10):
        outcome(read, at(mounted, path))
    assert server.count("PASS") <= 6
    assert_alive(server, mounted)


def test_other_operations_go_on_while_one_waits(server, mounted):
    slow, quick = fresh(server, b"slow"), fresh(server, b"quick")
    gate = server.fault("RETR", Gate(), match=slow)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(read, at(mounted, slow))
        assert gate.reached.wait(10)
        assert within(LIMIT_SECONDS, read, at(mounted, quick)) == b"quick"
        within(LIMIT_SECONDS, os.listdir, mounted.path)
        gate.open()
        assert waiting.result(LIMIT_SECONDS) == b"slow"


def test_failures_leak_no_descriptors(server, mounted):
    def suffer():
        for verb, fault in (
            ("RETR", Drop()),
            ("RETR", Data(cut=10)),
            ("RETR", Data(handshake="refuse")),
            ("STOR", Data(cut=10)),
            ("STOR", Reply("552 Full.")),
            ("EPSV", Reply("500 No.")),
            ("MLSD", Data(handshake="clear")),
        ):
            server.fault(verb, fault, times=2)
            outcome(read, at(mounted, fresh(server, MEGABYTE)))
            outcome(write, at(mounted, f"/new-{verb}"), MEGABYTE)
            outcome(os.listdir, mounted.path)
            assert_alive(server, mounted)

    suffer()
    before = open_files(mounted.pid)
    for _ in range(4):
        suffer()
    # The pool may have grown by a few connections, each with a data connection prepared.
    assert open_files(mounted.pid) <= before + 16


def test_unmounting_is_quick_while_the_server_is_silent(server, mounted):
    assert_alive(server, mounted)
    server.fault("*", Silence())
    before = time.monotonic()
    mounted.unmount()
    assert time.monotonic() - before < LIMIT_SECONDS
