# SPDX-License-Identifier: GPL-2.0-or-later
"""Root mounts over the directory that it checked, and unmounts the mount that it made, whoever moves
the directories on the way. In each test the owner of a directory above the mountpoint renames that
and puts a link in its place, which leads to directories of root's: a victim."""

import contextlib
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
from collections import namedtuple

import pytest

from harness import (
    BINARY,
    OTHER_UID,
    assert_one_line,
    credentials_file,
    environment,
    eventually,
    mountinfo,
    run_ftpsfs,
    sockets_of,
    source_for,
)
from scripted_faults import Fault

pytest_plugins = ["scripted_fixtures"]

USER = pwd.getpwnam("games")
NOBODY = pwd.getpwuid(OTHER_UID)


class Place:
    """ROOT/evil belongs to USER and holds the mountpoint; ROOT/victim is root's and is built alike.
    Root's own file systems lie at victim/mnt, if `mounted`, so that unmounting one shows."""

    def __init__(self, root, mounted=False):
        self.root = root
        self.evil, self.moved, self.victim = root / "evil", root / "moved", root / "victim"
        for path in (self.evil / "mnt", self.victim / "mnt"):
            path.mkdir(parents=True)
        os.chown(self.evil, USER.pw_uid, USER.pw_gid)
        if mounted:
            subprocess.run(["mount", "-t", "tmpfs", "victim", self.victim / "mnt"], check=True)
            (self.victim / "mnt" / "file").write_text("root's")
        self.point = str(self.evil / "mnt")
        self.at_victim = self.victim_mount()

    def swap(self):
        """What the owner of ROOT/evil does."""
        self.evil.rename(self.moved)
        self.evil.symlink_to(self.victim)

    def victim_mount(self):
        return mountinfo(self.victim / "mnt")

    def close(self):
        for path in (self.victim / "mnt", self.moved / "mnt", self.evil / "mnt"):
            while mountinfo(path):
                subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture
def place(open_tmp):
    made = []

    def make(**options):
        (open_tmp / "place").mkdir()
        made.append(Place(open_tmp / "place", **options))
        return made[-1]

    yield make
    for found in made:
        found.close()


Line = namedtuple("Line", "point type")


def mount_table():
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        return [Line(line.split()[4], line.split(" - ")[1].split()[0]) for line in file]


def mount_count(root):
    """Of mounts below the test's directory: other tests mount as well."""
    return sum(line.point.startswith(f"{root}/") for line in mount_table())


def unmounts(path):
    return subprocess.run(["umount", path], check=False, capture_output=True).returncode == 0


def helper_ids(pid):
    """The user ids, real, effective and saved, of the helper that unmounts."""
    for path in glob.glob("/proc/[0-9]*/status"):
        try:
            with open(path, encoding="utf-8") as file:
                status = dict(line.rstrip("\n").split(":", 1) for line in file)
            with open(path.replace("status", "cmdline"), "rb") as file:
                title = file.read()
        except OSError:
            continue
        if int(status["PPid"]) == pid and title.startswith(b"ftpsfs: mounts"):
            return set(map(int, status["Uid"].split()))
    raise AssertionError("there is no helper")


class Stall(Fault):
    """The command is answered when the test says so."""

    def __init__(self):
        super().__init__()
        self.come, self.go_on = threading.Event(), threading.Event()

    def before(self, session, command):
        self.come.set()
        assert self.go_on.wait(30)
        return False


@contextlib.contextmanager
def stalled(server, verb="PASS"):
    fault = Stall()
    server.fault(verb, fault, times=1)
    try:
        yield fault
    finally:
        fault.go_on.set()


@contextlib.contextmanager
def started(server, point, home, *more, user=None):
    """ftpsfs in the foreground; its words are in its `words` once it has ended."""
    words = os.path.join(home, "words")
    credentials = credentials_file(home, server.user, server.password)
    cafile, binary = shutil.copy(server.cafile, home), shutil.copy(BINARY, home)
    if user:
        for path in (home, credentials, cafile):
            os.chown(path, user.pw_uid, user.pw_gid)
    options = [f"cafile={cafile}", f"credentials={credentials}", f"spool_dir={home}", *more]
    with open(words, "wb") as file:
        process = subprocess.Popen(
            [binary, source_for(server), point, "-f", "-o", ",".join(options)],
            stdin=subprocess.DEVNULL,
            stderr=file,
            env=environment(home),
            start_new_session=True,
            **({"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}),
        )
    process.words = lambda: open(words, encoding="utf-8").read()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for_mount(path):
    return eventually(lambda: mountinfo(path), 30, "the mount")


# Between the check and the mount


@pytest.mark.parametrize("occupied", [False, True], ids=["a directory", "a file system"])
def test_a_link_put_on_the_way_during_the_login_is_not_mounted_over(
    scripted, place, home, occupied
):
    """The server stalls in the login; meanwhile the mountpoint's path comes to lead elsewhere."""
    server = scripted()
    found = place(mounted=occupied)
    before = mount_count(found.root)
    with stalled(server) as stall, started(server, found.point, home) as process:
        assert stall.come.wait(20)
        found.swap()
        stall.go_on.set()
        assert process.wait(30) != 0
    assert mount_count(found.root) == before, "something was mounted"
    assert found.victim_mount() == found.at_victim
    assert "was moved" in process.words() and str(found.moved / "mnt") in process.words()


def test_a_mountpoint_that_is_removed_and_made_anew_is_not_mounted_over(scripted, place, home):
    """It has the name, and is not the directory that was checked."""
    server = scripted()
    found = place()
    before = mount_count(found.root)
    with stalled(server) as stall, started(server, found.point, home) as process:
        assert stall.come.wait(20)
        os.rename(found.point, found.evil / "old")
        os.mkdir(found.point)
        stall.go_on.set()
        assert process.wait(30) != 0
    assert mount_count(found.root) == before


def test_a_users_mount_is_not_led_astray_either(scripted, place, home):
    """By fusermount3, which looks the path up once more: here at a directory of the same user."""
    server = scripted()
    found = place()
    for path in (found.evil / "mnt", found.victim, found.victim / "mnt"):
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    before = mount_count(found.root)
    with stalled(server) as stall, started(server, found.point, home, user=NOBODY) as process:
        assert stall.come.wait(20)
        found.swap()
        stall.go_on.set()
        assert process.wait(30) != 0
    assert mount_count(found.root) == before
    assert "was moved" in process.words()


# Before the unmount


@pytest.mark.parametrize("way", ["signal", "auto_unmount"])
def test_a_link_put_on_the_way_saves_nothing_from_the_unmount_and_harms_nothing(
    scripted, place, home, way
):
    """At the end root unmounts the mount that it made, where that is now, and not what its path
    leads to. With auto_unmount also when the daemon is killed."""
    server = scripted()
    found = place(mounted=True)
    more = [way] if way == "auto_unmount" else []
    with started(server, found.point, home, *more) as process:
        wait_for_mount(found.point)
        found.swap()
        assert mountinfo(found.moved / "mnt") is not None
        if way == "signal":
            process.terminate()
            assert process.wait(30) == 0, process.words()
        else:
            process.kill()
        eventually(lambda: mountinfo(found.moved / "mnt") is None, 20, "the unmount")
    assert found.victim_mount() == found.at_victim, "another file system was unmounted"


def test_unmount_of_the_command_line_takes_the_mount_that_it_found(scripted, place, home):
    """ftpsfs --unmount waits for an upload; then its path leads to another file system."""
    server = scripted()
    found = place(mounted=True)
    with started(server, found.point, home, "writeback") as process:
        wait_for_mount(found.point)
        with stalled(server, "STOR") as stall:
            with open(f"{found.point}/new", "wb") as file:
                file.write(b"content")
            assert stall.come.wait(20)
            verb = subprocess.Popen(
                [BINARY, "--unmount", found.point],
                stderr=subprocess.PIPE,
                env=environment(home),
                text=True,
            )
            eventually(lambda: sockets_of(verb.pid), 20, "the question to the daemon")
            found.swap()
            stall.go_on.set()
            words = verb.communicate(timeout=30)[1]
        assert found.victim_mount() == found.at_victim, "another file system was unmounted"
        assert verb.returncode != 0
        assert "does not hold that mount" in words
        assert mountinfo(found.moved / "mnt") is not None
        process.terminate()
        assert process.wait(30) == 0, process.words()


def test_a_mount_put_upon_ours_stays(scripted, place, home):
    server = scripted()
    found = place()
    with started(server, found.point, home, "allow_other") as process:
        wait_for_mount(found.point)
        subprocess.run(["mount", "-t", "tmpfs", "upon", found.point], check=True)
        process.terminate()
        assert process.wait(30) == 0, process.words()
        table = mount_table()
    assert [line.type for line in table if line.point == found.point][-1] == "tmpfs"


def test_a_killed_daemons_mount_is_taken_away_by_its_number(scripted, place, home):
    """ftpsfs --unmount of a dead mount, and nothing else at its path."""
    server = scripted()
    found = place(mounted=True)
    with started(server, found.point, home) as process:
        wait_for_mount(found.point)
        process.kill()
        process.wait()
    result = run_ftpsfs("--unmount", found.point, home=home)
    assert result.returncode == 0, result.stderr
    assert mountinfo(found.point) is None
    assert found.victim_mount() == found.at_victim


# setuid=


def test_setuid_mounts_upon_no_one_elses_directory(scripted, place, home):
    server = scripted()
    found = place()
    with started(server, found.point, home, f"setuid={USER.pw_name}") as process:
        assert process.wait(30) != 0
    assert_one_line(process.words(), "belongs to root", f"chown {USER.pw_name}", found.point)
    assert server.count("USER") == 0
    assert mountinfo(found.point) is None
    os.chown(found.point, USER.pw_uid, USER.pw_gid)
    with started(server, found.point, home, f"setuid={USER.pw_name}") as process:
        info = wait_for_mount(found.point)
        assert f"user_id={USER.pw_uid}" in info["options"]
        assert helper_ids(process.pid) == {0}, "the user could end root's helper by a signal"
        process.terminate()
        assert process.wait(30) == 0, process.words()


# What stays as it was


def test_the_directories_of_the_mount_are_free_after_the_unmount(scripted, place, home):
    """No descriptor keeps the file system in use that the mountpoint is on, though the daemon still
    has a file to send."""
    server = scripted()
    found = place(mounted=True)
    point = found.victim / "mnt" / "point"
    point.mkdir()
    with started(server, str(point), home) as process:
        wait_for_mount(point)
        with stalled(server, "STOR") as stall:
            writer = subprocess.Popen(["cp", "/etc/hostname", point / "new"])
            assert stall.come.wait(20)
            writer.kill()
            subprocess.run(["umount", "--lazy", point], check=True)
            writer.wait()
            eventually(lambda: unmounts(found.victim / "mnt"), 20, "the outer unmount")
            stall.go_on.set()
        assert process.wait(30) == 0, process.words()


def test_a_mountpoint_reached_by_a_link_is_shown_by_its_real_name(scripted, place, home):
    server = scripted()
    found = place()
    link = found.root / "link"
    link.symlink_to(found.point)
    with started(server, str(link), home) as process:
        wait_for_mount(found.point)
        process.terminate()
        assert process.wait(30) == 0, process.words()
    assert mountinfo(found.point) is None


# The control socket


@pytest.fixture
def runtime():
    """A user's directory for sockets, whose names must be short."""
    with tempfile.TemporaryDirectory(dir="/tmp") as path:
        os.chown(path, USER.pw_uid, USER.pw_gid)
        yield path


def test_root_asks_no_service_of_roots_that_a_user_has_linked_to(
    scripted, mount, home, runtime, monkeypatch
):
    """Root looks for the socket of a user's mount in that user's directory."""
    server = scripted()
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    mounted = mount(server, setuid=USER.pw_name)
    assert run_ftpsfs("--status", "--once", mounted.path, home=home).returncode == 0
    (name,) = glob.glob(f"{runtime}/ftpsfs/*.socket")
    os.unlink(name)
    os.symlink(f"{runtime}/service", name)
    with socket.socket(socket.AF_UNIX) as service:
        service.bind(f"{runtime}/service")
        service.listen()
        service.settimeout(0)
        assert run_ftpsfs("--status", "--once", mounted.path, home=home).returncode != 0
        connection = service.accept()[0]
        connection.settimeout(5)
        assert connection.recv(4096) == b""
