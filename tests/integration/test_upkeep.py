# SPDX-License-Identifier: GPL-2.0-or-later
"""What ftpsfs does for its connections while nobody waits, and how long it takes to let go."""

import glob
import os
import signal
import subprocess
import threading
import time

import pytest
from harness import BINARY, COMMAND_SECONDS, credentials_file, environment, eventually, mountinfo
from harness import reached, source_for
from scripted_faults import Silence
from scripted_mount import LIMIT_SECONDS, OPTIONS, assert_alive, at, fresh, outcome, read

pytest_plugins = ["scripted_fixtures"]


def test_idle_connections_get_noop_and_stay_usable(server, mount):
    mounted = mount(server, keepalive=1, connections=1, **OPTIONS)
    os.listdir(mounted.path)
    eventually(lambda: server.count("NOOP") >= 3, 10, "three NOOPs")
    logins = server.count("PASS")
    assert read(at(mounted, fresh(server, b"content"))) == b"content"
    assert server.count("PASS") == logins


def test_without_keepalive_nothing_is_sent(server, mount):
    mounted = mount(server, keepalive=0, idle_timeout=0, **OPTIONS)
    os.listdir(mounted.path)
    time.sleep(2)
    assert server.count("NOOP") == server.count("QUIT") == 0


def test_a_connection_that_does_not_answer_noop_costs_nobody_an_error(server, mount):
    mounted = mount(server, keepalive=1, **OPTIONS)
    os.listdir(mounted.path)
    server.fault("NOOP", Silence(), times=1)
    eventually(lambda: mounted.stats()["sessions_lost"] == 1, 10, "the loss of it")
    assert read(at(mounted, fresh(server, b"content"))) == b"content"


def use_many(server, mounted, count=4):
    """As many transfers at once, so that there are as many connections."""
    paths = [fresh(server, os.urandom(1 << 20)) for _ in range(count)]
    together = threading.Barrier(count)

    def use(path):
        together.wait()
        read(at(mounted, path))

    threads = [threading.Thread(target=use, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_idle_connections_but_one_are_closed_after_idle_timeout(server, mount):
    mounted = mount(server, idle_timeout=1, connections=4, **OPTIONS)
    use_many(server, mounted)
    opened = mounted.stats()["sessions_opened"]
    assert opened > 1
    # In order, by QUIT; the last one stays.
    eventually(lambda: server.count("QUIT") == opened - 1, 10, "the ends of all but one")
    eventually(lambda: len(server.sessions) == 1, 10, "one session")
    assert mounted.stats()["sessions_lost"] == 0
    assert_alive(server, mounted)


def test_sockets_notice_a_network_that_is_gone(server, mount):
    """TCP keepalive, whose timer the kernel shows, on the control connection."""
    mounted = mount(server, **OPTIONS)
    os.listdir(mounted.path)
    shown = subprocess.run(
        ["ss", "-tnop", "state", "established", f"( dport = :{server.port} )"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    mine = [line for line in shown.splitlines() if f"pid={mounted.pid}," in line]
    assert mine
    assert all("timer:(keepalive" in line for line in mine), mine


def test_what_cannot_be_sent_holds_no_unmount_and_is_kept(server, mount):
    """Many files that the server says nothing to: one deadline for all of them."""
    mounted = mount(server, **OPTIONS)
    os.listdir(mounted.path)
    paths = [f"/never-{i}" for i in range(4)]
    handles = [os.open(at(mounted, path), os.O_WRONLY | os.O_CREAT) for path in paths]
    for path, handle in zip(paths, handles):
        os.write(handle, path.encode())
    server.fault("*", Silence())
    threads = [threading.Thread(target=outcome, args=(os.close, handle)) for handle in handles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    before = time.monotonic()
    mounted.unmount()
    assert time.monotonic() - before < LIMIT_SECONDS
    assert mountinfo(mounted.path) is None
    kept = glob.glob(os.path.join(mounted.directory, ".local/**/*-never-*"), recursive=True)
    contents = set()
    for path in kept:
        with open(path, "rb") as file:
            contents.add(file.read().decode())
    assert contents == set(paths)
    for path in paths:
        assert f"{path} could not be uploaded" in mounted.log()


def test_a_file_that_is_still_open_at_the_end_is_kept_when_the_server_is_silent(server, mount):
    mounted = mount(server, **OPTIONS)
    handle = os.open(at(mounted, "/file"), os.O_WRONLY | os.O_CREAT)
    os.write(handle, b"content")
    server.fault("*", Silence())
    outcome(os.fsync, handle)
    os.kill(mounted.pid, signal.SIGTERM)
    assert mounted.wait() == 0
    outcome(os.close, handle)
    assert "/file could not be uploaded; its content is kept as " in mounted.log()


def test_pending_uploads_do_not_hold_the_unmount_and_come_with_the_next_mount(
    server, mount, home, monkeypatch
):
    """The same limit for what write-back has not uploaded yet, which is in the journal already."""
    monkeypatch.setenv("STATE_DIRECTORY", home)
    mounted = mount(server, writeback=True, **OPTIONS)
    os.listdir(mounted.path)
    server.fault("STOR", Silence())
    contents = {f"pending-{i}": b"%d" % i * 1000 for i in range(4)}
    for name, content in contents.items():
        with open(at(mounted, "/" + name), "wb") as file:
            file.write(content)
    server.fault("*", Silence())
    assert mounted.unmount() == 0
    assert mountinfo(mounted.path) is None
    assert not set(contents) & set(server.tree.names())
    server.clear()
    again = mount(server, writeback=True, **OPTIONS)
    eventually(lambda: again.stats()["writeback_pending"] == 0, 20, "the end of all uploads")
    assert {name: server.tree.get("/" + name) for name in contents} == contents
    assert [name for name in server.tree.names() if name.startswith(".")] == []


# With these a wait for a server that says nothing would take as long as the test is given to the end.
PATIENT = {**OPTIONS, "timeout": 600}


def end_twice(mounted, number):
    """The signal that ends the service, and another one when it waits for what is left."""
    os.kill(mounted.pid, number)
    eventually(lambda: mountinfo(mounted.path) is None, what="the unmount")
    assert mounted.process.poll() is None
    os.kill(mounted.pid, number)
    assert mounted.wait() == 0
    assert "asked to end again" in mounted.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_second_signal_ends_the_wait_for_the_server_and_keeps_what_is_left(server, mount, number):
    mounted = mount(server, **PATIENT)
    handle = os.open(at(mounted, "/file"), os.O_WRONLY | os.O_CREAT)
    os.write(handle, b"content")
    server.fault("*", Silence())
    end_twice(mounted, number)
    outcome(os.close, handle)
    assert "/file could not be uploaded; its content is kept as " in mounted.log()
    (kept,) = glob.glob(os.path.join(mounted.directory, ".local/**/*-file"), recursive=True)
    with open(kept, "rb") as file:
        assert file.read() == b"content"


def test_a_second_signal_leaves_pending_uploads_to_the_next_mount(server, mount, home, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", home)
    mounted = mount(server, writeback=True, connections=2, **PATIENT)
    os.listdir(mounted.path)
    server.fault("STOR", Silence())
    contents = {f"pending-{i}": b"%d" % i * 1000 for i in range(4)}
    for name, content in contents.items():
        with open(at(mounted, "/" + name), "wb") as file:
            file.write(content)
    end_twice(mounted, signal.SIGTERM)
    server.clear()
    again = mount(server, writeback=True, **OPTIONS)
    eventually(lambda: again.stats()["writeback_pending"] == 0, 20, "the end of all uploads")
    assert {name: server.tree.get("/" + name) for name in contents} == contents


@pytest.fixture
def waiting(server, point, home):
    """A mount that waits for a server that says nothing. As by nohup(1), SIGHUP is ignored."""
    fault = server.fault("GREETING", Silence())
    options = f"{reached(server)},timeout=600,credentials="
    options += credentials_file(home, server.user, server.password)
    command = [BINARY, "-f", source_for(server), point, "-o", options]
    words = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *command]
    process = subprocess.Popen(words, env=environment(home))
    try:
        eventually(lambda: fault.hits > 0, what="the connection")
        yield process
        assert mountinfo(point) is None
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_mount_that_waits_for_its_server(waiting, number):
    waiting.send_signal(number)
    assert waiting.wait(COMMAND_SECONDS) == -number


def test_a_signal_that_is_ignored_from_the_start_stays_so(waiting):
    waiting.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(1)
    waiting.send_signal(signal.SIGTERM)
    assert waiting.wait(COMMAND_SECONDS) == -signal.SIGTERM
