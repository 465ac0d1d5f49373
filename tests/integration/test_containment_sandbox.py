# SPDX-License-Identifier: GPL-2.0-or-later
"""What the processes of a mount can still do, were one of them taken over: what they need and no
more. tests/unit/sandbox_calls.c tries more system calls, without a mount."""

import errno
import fcntl
import json
import os
import pwd
import signal
import socket
import subprocess

import pytest

import harness
import inject
import strace
from harness import BINARY, SANITIZED, MountError, eventually, pattern, run_ftpsfs
from harness import credentials_file, daemons_of, source_for, unmount_and_wait
from processes import blocked_thread, helpers, status_of

USER = pwd.getpwnam("games")


# What they need


MOUNTS = {
    "plain": {"trace": "trace", "connections": 2},
    "writeback": {"writeback": True, "cache_dir": "cache", "offline": True, "spool_size": "1G"},
    "active": {"active": True, "codepage": "ISO-8859-15", "atomic_upload": True},
    "names": {"idmap": "names", "tls_verify": "tofu", "log_level": "debug"},
    "uncached": {"cache_size": "8M", "no_prefetch": True, "dir_cache_timeout": 0},
}


def use(mounted):
    """All that programs do to files."""
    os.mkdir(mounted.at("directory"))
    data = pattern(3 << 20)
    for name in ("one", "two"):
        with open(mounted.at(name), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    with open(mounted.at("one"), "r+b") as file:
        file.seek(1 << 20)
        file.write(b"changed")
    with open(mounted.at("two"), "ab") as file:
        file.write(b"more")
    os.truncate(mounted.at("two"), 1000)
    with open(mounted.at("one"), "rb") as file:
        assert len(file.read()) == len(data)
    os.rename(mounted.at("two"), mounted.at("directory", "three"))
    os.utime(mounted.at("one"), (10**9, 10**9))
    os.listdir(mounted.path)
    os.statvfs(mounted.path)
    with pytest.raises(FileNotFoundError):
        os.stat(mounted.at("absent"))
    mounted.stats()
    os.kill(mounted.pid, signal.SIGUSR1)
    for word in ("--status", "--flush"):
        result = run_ftpsfs(word, mounted.path)
        assert result.returncode == 0, result.stderr
    os.unlink(mounted.at("directory", "three"))
    os.rmdir(mounted.at("directory"))


def assert_listed(trace, pid, role):
    """The process did nothing that its list has not got, and missed nothing."""
    assert not trace.refused[pid] - strace.EXPECTED, role
    assert (
        not trace.seen[pid] - strace.allowed(role) - {name for name, _ in trace.refused[pid]}
    ), role


@pytest.mark.parametrize("how", sorted(MOUNTS))
@pytest.mark.parametrize("kind", ["proftpd", "pyftpdlib", "vsftpd"])
def test_what_a_mount_asks_of_the_kernel_is_in_the_lists(
    servers, mount, monkeypatch, tmp_path, kind, how
):
    server = servers.make(kind)
    options = dict(MOUNTS[how])
    for name in ("trace", "cache_dir"):
        if name in options:
            options[name] = tmp_path / options[name]
    if "cache_dir" in options:
        os.mkdir(options["cache_dir"])
    output = str(tmp_path / "strace")
    monkeypatch.setattr(harness, "BINARY", strace.wrapper(tmp_path, BINARY, output))
    mounted = mount(server, source=f"ftps://{server.user}@localhost:{server.port}/", **options)
    monkeypatch.undo()
    (mounter,), (resolver,) = helpers(mounted, b"mounts"), helpers(mounted, b"looks up")
    use(mounted)
    # By this the mounter unmounts.
    os.kill(mounted.pid, signal.SIGTERM)
    assert mounted.wait() == 0
    trace = strace.trace_of(output, mounted.pid)
    if SANITIZED:
        assert not trace.confined
        return
    assert {str(pid) for pid in (mounted.pid, mounter, resolver)} <= trace.confined
    assert_listed(trace, mounted.pid, strace.DAEMON)
    assert_listed(trace, mounter, strace.MOUNTER)
    assert_listed(trace, resolver, strace.RESOLVER)
    assert {"openat", "socket", "connect", "pwrite64", "fcntl", "clone"} <= trace.seen[mounted.pid]
    assert "umount2" in trace.seen[mounter] and "recvmsg" in trace.seen[resolver]


def test_a_mount_in_the_background_misses_nothing(servers, home, point, tmp_path):
    server = servers.get("pyftpdlib")
    output = str(tmp_path / "strace")
    path = credentials_file(home, server.user, server.password)
    words = [source_for(server), point, "-o", f"cafile={server.cafile},credentials={path}"]
    traced = strace.wrapper(tmp_path, BINARY, output)
    result = subprocess.run(
        [traced, *words],
        env=harness.environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0
    (daemon,) = (pid for pid in daemons_of(point) if program(pid) == os.path.realpath(BINARY))
    os.listdir(point)
    unmount_and_wait(point)
    trace = strace.trace_of(output, daemon)
    assert SANITIZED or trace.seen[daemon]
    assert_listed(trace, daemon, strace.DAEMON)


def program(pid):
    return os.readlink(f"/proc/{pid}/exe")


def test_every_allowed_system_call_has_a_reason():
    found = strace.tables()
    assert {"common", strace.DAEMON, strace.RESOLVER, strace.MOUNTER} == set(found)
    for calls in found.values():
        assert len(calls) > 5
        assert all(reason.strip() for reasons in calls.values() for reason in reasons)


# What they do not


def refused(pid, number, arguments):
    """The errno of the call in the process; 0 when it works."""
    assert inject.SUPPORTED, "this test is for x86-64"
    return -min(0, inject.call(blocked_thread(pid), number, *arguments))


DAEMON = {
    "chmod": (inject.CHMOD, ("FILE", 0o4755)),
    "fchmodat2": (inject.FCHMODAT2, (-100, "FILE", 0o4755, 0)),
    "chown": (inject.CHOWN, ("FILE", 0, 0)),
    "setxattr": (inject.SETXATTR, ("FILE", b"user.x", b"y", 1)),
    "utimensat": (inject.UTIMENSAT, (-100, "FILE", 0, 0)),
    "a stream socket to a service": (inject.SOCKET, (socket.AF_UNIX, socket.SOCK_STREAM, 0)),
    "a datagram socket to a service": (inject.SOCKET, (socket.AF_UNIX, socket.SOCK_DGRAM, 0)),
    "netlink NETFILTER": (inject.SOCKET, (socket.AF_NETLINK, socket.SOCK_RAW, 12)),
    "netlink XFRM": (inject.SOCKET, (socket.AF_NETLINK, socket.SOCK_RAW, 6)),
    "UDP": (inject.SOCKET, (socket.AF_INET, socket.SOCK_DGRAM, 0)),
    "limits of another": (inject.PRLIMIT, (1, 7, 0, 0)),
    "pidfd_open": (inject.PIDFD_OPEN, (1, 0)),
    "kill": (inject.KILL, (1, 0)),
    "modify_ldt": (inject.MODIFY_LDT, (0, b"x" * 16, 8)),
    "TIOCSTI": (inject.IOCTL, (0, 0x5412, b"x")),
    "TIOCLINUX": (inject.IOCTL, (0, 0x541C, b"x")),
    "to be looked into": (inject.PRCTL, (4, 1, 0, 0)),
}
MOUNTER = {
    "execve": (inject.EXECVE, (b"/bin/true", 0, 0)),
    "chmod": (inject.CHMOD, ("FILE", 0o4755)),
    "a file to write to": (inject.OPENAT, (-100, "FILE", os.O_RDWR, 0)),
    "mount": (inject.MOUNT, (b"none", b"/proc", b"tmpfs", 0)),
    "a socket": (inject.SOCKET, (socket.AF_INET, socket.SOCK_STREAM, 0)),
    "kill": (inject.KILL, (1, 0)),
    "ptrace": (inject.PTRACE, (inject.ATTACH, 1, 0, 0)),
}
RESOLVER = {
    "execve": (inject.EXECVE, (b"/bin/true", 0, 0)),
    "chmod": (inject.CHMOD, ("FILE", 0o4755)),
    "unlink": (inject.UNLINK, ("FILE",)),
    "netlink NETFILTER": (inject.SOCKET, (socket.AF_NETLINK, socket.SOCK_RAW, 12)),
    "kill": (inject.KILL, (1, 0)),
}


@pytest.fixture
def processes(servers, mount):
    """The daemon, the mounter and the resolver of a mount of root's."""
    server = servers.get("pyftpdlib")
    mounted = mount(server, source=f"ftps://{server.user}@localhost:{server.port}/")
    (mounter,), (resolver,) = helpers(mounted, b"mounts"), helpers(mounted, b"looks up")
    return {"daemon": mounted.pid, "mounter": mounter, "resolver": resolver}


@pytest.mark.parametrize(
    "who, attempts", [("daemon", DAEMON), ("mounter", MOUNTER), ("resolver", RESOLVER)]
)
def test_what_a_process_of_a_mount_does_not_need_is_refused(processes, tmp_path, who, attempts):
    pid = processes[who]
    status = status_of(f"/proc/{pid}")
    confined = (status["NoNewPrivs"].strip(), status["Seccomp"].strip())
    assert confined == (("0", "0") if SANITIZED else ("1", "2"))
    if SANITIZED:
        return
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"x")
    before = os.stat(foreign)
    worked = []
    for name, (number, arguments) in attempts.items():
        arguments = [os.fsencode(foreign) if word == "FILE" else word for word in arguments]
        wanted = errno.EPERM
        if number == inject.SOCKET:
            wanted = errno.EAFNOSUPPORT
        elif number == inject.FCHMODAT2:
            wanted = errno.ENOSYS
        found = refused(pid, number, arguments)
        if found != wanted:
            worked.append((name, errno.errorcode.get(found, "works")))
    assert not worked
    after = os.stat(foreign)
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


def test_the_processes_of_another_users_mount_are_not_theirs_to_end_or_look_into(
    servers, mount, tmp_path
):
    server = servers.get("pyftpdlib")
    mounted = mount(server, setuid=USER.pw_name)
    (mounter,) = helpers(mounted, b"mounts")
    assert set(status_of(f"/proc/{mounter}")["Uid"].split()) == {"0"}
    result = subprocess.run(
        ["kill", "-KILL", str(mounter)],
        user=USER.pw_uid,
        group=USER.pw_gid,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    assert result.returncode != 0 and "not permitted" in result.stderr.decode().lower()


# Files that options name


def counters(path):
    """A reader may come between the writing and the cut: then it looks again."""

    def find():
        try:
            return json.loads(path.read_text())
        except ValueError:
            return None

    return eventually(find, what="the counters")


def test_the_directory_of_stats_stays_closed_and_the_file_is_one_json(servers, mount, tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    path = directory / "x.json"
    mounted = mount(servers.get("pyftpdlib"), stats=path)
    number = os.stat(path).st_ino
    assert counters(path)["round_trips"] > 0
    thread = blocked_thread(mounted.pid)
    found = inject.open_file(thread, directory / "new", os.O_CREAT | os.O_RDWR)
    assert found == -errno.EACCES or SANITIZED
    mounted.stats_path = str(path)
    counted = mounted.stats()["round_trips"]
    for name in range(3):
        os.mkdir(mounted.at(str(name)))
    # What stood there before was longer.
    with open(path, "ab") as file:
        file.write(b" " * 5000)
    os.kill(mounted.pid, signal.SIGUSR2)
    eventually(lambda: os.stat(path).st_size < 5000, what="the counters")
    assert counters(path)["round_trips"] > counted
    for name in range(3):
        os.rmdir(mounted.at(str(name)))
    mounted.unmount()
    assert os.stat(path).st_ino == number
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert counters(path)["round_trips"] > counted


def test_counters_whose_file_was_deleted_are_missed(servers, mount, tmp_path):
    path = tmp_path / "x.json"
    mounted = mount(servers.get("pyftpdlib"), stats=path)
    path.unlink()
    os.kill(mounted.pid, signal.SIGUSR2)
    eventually(lambda: "was deleted" in mounted.log(), what="the warning")
    assert not path.exists()


def lead_by_link(directory, secret):
    (directory / "file").symlink_to(secret)


def lead_by_hard_link(directory, secret):
    os.link(secret, directory / "file")


def lead_by_pipe(directory, _):
    os.mkfifo(directory / "file")


def lead_by_owner(directory, _):
    (directory / "file").write_bytes(b"")
    os.chown(directory / "file", USER.pw_uid, USER.pw_gid)


TRAPS = {"link": lead_by_link, "hard link": lead_by_hard_link, "pipe": lead_by_pipe}
TRAPS["file of another"] = lead_by_owner


@pytest.mark.parametrize("option", ["stats", "trace"])
@pytest.mark.parametrize("trap", sorted(TRAPS))
def test_a_file_to_write_is_no_link_to_another(servers, mount, tmp_path, option, trap):
    secret = tmp_path / "file"
    secret.write_bytes(b"precious")
    directory = tmp_path / "shared"
    directory.mkdir()
    TRAPS[trap](directory, secret)
    with pytest.raises(MountError) as caught:
        mount(servers.get("pyftpdlib"), **{option: directory / "file"})
    assert f"-o {option}={directory}/file: " in caught.value.text
    assert secret.read_bytes() == b"precious"


@pytest.mark.parametrize("option", ["stats", "trace"])
@pytest.mark.parametrize("owner", [USER.pw_uid, os.geteuid()], ids=["another's", "own"])
def test_links_on_the_way_to_it_are_followed_when_they_are_roots(
    servers, mount, tmp_path, option, owner
):
    """/var/run is one. That of another user could lead to any file of root's."""
    (tmp_path / "real").mkdir()
    secret = tmp_path / "real" / "file"
    secret.write_bytes(b"precious")
    link = tmp_path / "link"
    link.symlink_to("real")
    os.chown(link, owner, owner, follow_symlinks=False)
    if owner == os.geteuid():
        mount(servers.get("pyftpdlib"), **{option: link / "file"}).unmount()
        assert secret.read_bytes() != b"precious"
        return
    with pytest.raises(MountError) as caught:
        mount(servers.get("pyftpdlib"), **{option: link / "file"})
    assert "symbolic link" in caught.value.text
    assert secret.read_bytes() == b"precious"


def test_a_spool_whose_name_is_taken_gets_another(servers, mount, tmp_path):
    """The directory for temporary files is everybody's, and so may the name be."""
    taken = tmp_path / f"ftpsfs-{os.geteuid()}"
    taken.mkdir()
    os.chown(taken, USER.pw_uid, USER.pw_gid)
    mounted = mount(servers.make("pyftpdlib"), spool_dir=tmp_path)
    with open(mounted.at("file"), "wb") as file:
        file.write(b"content")
        file.flush()
        spools = {os.readlink(f"/proc/{mounted.pid}/fd/{fd}") for fd in descriptors(mounted.pid)}
    assert any(path.startswith(f"{taken}-") for path in spools)
    assert "are kept in" in mounted.log()


# What they were started with


def descriptors(pid):
    return os.listdir(f"/proc/{pid}/fd")


def holders(path, pids):
    """The processes that have the file open."""
    wanted = os.stat(path)
    found = set()
    for pid in pids:
        for fd in descriptors(pid):
            try:
                status = os.stat(f"/proc/{pid}/fd/{fd}")
            except OSError:
                continue
            if (status.st_dev, status.st_ino) == (wanted.st_dev, wanted.st_ino):
                found.add(pid)
    return found


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


@pytest.mark.parametrize("words", [["-f"], []], ids=["foreground", "background"])
def test_a_lock_of_the_script_that_mounts_is_not_held(servers, home, point, tmp_path, words):
    server = servers.get("pyftpdlib")
    path = credentials_file(home, server.user, server.password)
    lock = tmp_path / "lock"
    with open(lock, "w", encoding="ascii") as held, open(path, "rb") as secret:
        fcntl.flock(held, fcntl.LOCK_EX)
        options = f"cafile={server.cafile},credentials=/dev/fd/{secret.fileno()}"
        source = f"ftps://{server.user}@localhost:{server.port}/"
        process = subprocess.Popen(
            [BINARY, source, point, "-o", options, *words],
            pass_fds=[held.fileno(), secret.fileno()],
            env=harness.environment(home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        eventually(lambda: harness.mountinfo(point), what="the mount")
        if not words:
            assert process.wait(60) == 0
    with open(lock, "w", encoding="ascii") as again:
        fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
    daemons = daemons_of(point)
    everyone = set(daemons) | {child for pid in daemons for child in children(pid)}
    if words:
        assert len(everyone) >= 3
    assert not holders(lock, everyone) and not holders(path, everyone)
    unmount_and_wait(point)
    if words:
        assert process.wait(60) == 0
