# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes over the wire, where secrets are, and what the daemon may still do."""

import errno
import grp
import os
import pwd
import socket
import subprocess
import threading

import pytest

import inject
from harness import BINARY, SANITIZED, MountError, credentials_file, eventually, is_running
from harness import mountinfo, name_of_no_account, pattern, run_ftpsfs, source_for
from processes import all_of, blocked_thread, helpers, status_of, threads
from scripted_faults import Reply, lines
from wire import Wire

pytest_plugins = ["scripted_fixtures"]

USER = pwd.getpwnam("games")
UNKNOWN = name_of_no_account()
PASSWORD = "Rumpelstilzchen-91"
NAME = "telling-name-of-a-file"
CONTENT = b"content that nobody is to read; "


def use(server, mount, **options):
    """All that a mount does, with NAME and CONTENT in it."""
    with open(server.path("other"), "wb") as file:
        file.write(CONTENT * 5000)
    server.adopt(server.root)
    mounted = mount(server, **options)
    os.mkdir(mounted.at("telling-name-of-a-directory"))
    with open(mounted.at(NAME), "wb") as file:
        file.write(CONTENT * 5000)
    with open(mounted.at("other"), "rb") as file:
        assert file.read() == CONTENT * 5000
    assert NAME in os.listdir(mounted.path)
    os.rename(mounted.at(NAME), mounted.at(NAME + "2"))
    os.unlink(mounted.at(NAME + "2"))
    mounted.unmount()


def assert_closed(wire):
    seen = wire.everything()
    assert len(seen) > 2 * 5000 * len(CONTENT), "the transfers were not on this wire"
    for secret in (PASSWORD.encode(), b"telling-name", CONTENT[:16], b"tester", b"USER", b"PASS "):
        assert secret not in seen, f"{secret!r} went over the wire"


def test_the_wire_is_watched():
    """The watch sees what is sent in clear: without this the tests that follow say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with Wire(port, port) as wire:
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"PASS " + PASSWORD.encode())
                connection, _ = listener.accept()
                connection.recv(100)
                connection.close()
    assert wire.from_client(port) == [b"PASS " + PASSWORD.encode()]


@pytest.mark.parametrize("tls12", [False, True], ids=["tls1.3", "tls1.2"])
def test_no_name_no_content_and_no_password_goes_over_the_wire(servers, server_kind, mount, tls12):
    server = servers.make(server_kind, tls12=tls12, password=PASSWORD)
    with Wire(server.port, server.passive[1]) as wire:
        use(server, mount)
    assert_closed(wire)
    for stream in wire.from_client(server.port):
        start = b"AUTH TLS\r\n" if server.explicit else b"\x16"
        assert stream.startswith(start), "TLS is not the first byte"


@pytest.mark.parametrize("kind", ["pureftpd", "vsftpd"])
def test_explicit_tls_says_auth_in_clear_and_nothing_else(servers, mount, kind):
    server = servers.make(kind, explicit=True, password=PASSWORD)
    with Wire(server.port, server.passive[1]) as wire:
        use(server, mount, explicit=True)
    assert_closed(wire)
    for stream in wire.from_client(server.port):
        command, _, rest = stream.partition(b"\r\n")
        assert command == b"AUTH TLS"
        assert rest[0] == 0x16


class Injector(threading.Thread):
    """A man in the middle: behind the reply to AUTH he puts replies to what comes after it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.received = b""
        self.start()

    def run(self):
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(5)
            connection.sendall(b"220 Hello.\r\n")
            self.received += connection.recv(4096)
            connection.sendall(b"234 Go.\r\n331 Password, please.\r\n230 Logged in.\r\n")
            try:
                while data := connection.recv(4096):
                    self.received += data
            except OSError:
                pass


def test_replies_injected_behind_auth_bring_no_login(servers, tmp_path, home):
    injector = Injector()
    point = tmp_path / "mnt"
    point.mkdir()
    path = credentials_file(home, "tester", PASSWORD)
    options = f"explicit,timeout=5,cafile={servers.authority.cafile},credentials={path}"
    source = f"ftps://127.0.0.1:{injector.port}/"
    result = run_ftpsfs(source, point, "-o", options, home=home)
    injector.join(10)
    injector.listener.close()
    assert result.returncode == 1
    assert injector.received.startswith(b"AUTH TLS\r\n\x16")
    assert b"tester" not in injector.received and PASSWORD.encode() not in injector.received


class Relay(threading.Thread):
    """The same man before a real server: he lets all through and adds `text` to the reply to AUTH,
    in the same packet or after the ClientHello."""

    def __init__(self, server, text, late):
        super().__init__(daemon=True)
        self.server, self.text, self.late = server, text, late
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.added = 0
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection((self.server.host, self.server.port))
            for ends in ((client, server, False), (server, client, True)):
                threading.Thread(target=self.pass_on, args=ends, daemon=True).start()

    def pass_on(self, source, target, adds):
        try:
            while data := source.recv(65536):
                if adds and data.startswith(b"234"):
                    if self.late:
                        target.sendall(data)
                        threading.Event().wait(0.1)
                        data = b""
                    data += self.text
                    self.added += 1
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            end.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.mark.parametrize("late", [False, True], ids=["with the reply", "after it"])
@pytest.mark.parametrize("kind", ["pureftpd", "vsftpd"])
def test_text_injected_into_a_real_servers_start_of_tls_is_not_believed(servers, mount, kind, late):
    """331 and 230 would be the replies to USER and PASS: the login must be the server's own, or not
    come about."""
    server = servers.make(kind, explicit=True, password=PASSWORD)
    relay = Relay(server, b"331 And the password?\r\n230 Welcome.\r\n", late)
    source = f"ftps://{server.user}@127.0.0.1:{relay.port}/"
    try:
        mounted = mount(server, source=source, explicit=True, timeout=5)
    except MountError as error:
        assert PASSWORD not in error.text
    else:
        mounted.unmount()
        assert "OK LOGIN" in server.log_text() or kind == "pureftpd"
        assert not late, "what came in clear amid TLS was passed over"
    finally:
        relay.close()
    assert relay.added > 0


@pytest.mark.parametrize("verb", ["AUTH", "PROT"])
def test_a_server_that_refuses_encryption_is_not_mounted(scripted, mount, verb):
    server = scripted(explicit=True)
    server.fault(verb, Reply("534 Not here."))
    with pytest.raises(MountError) as caught:
        mount(server, explicit=True)
    assert verb in caught.value.text
    assert server.count("LIST", "MLSD", "MLST", "RETR") == 0


# Secrets


def test_the_password_is_in_no_command_line_environment_or_trace(servers, mount):
    server = servers.make("pyftpdlib", password=PASSWORD)
    mounted = mount(server, words=["-d"])
    os.listdir(mounted.path)
    for name in ("cmdline", "environ", "comm"):
        assert PASSWORD.encode() not in all_of(mounted.pid, name)
    log = mounted.log()
    assert "PASS ****" in log
    assert PASSWORD not in log
    mounted.unmount()
    assert PASSWORD not in mounted.log()


def test_the_password_lies_in_locked_memory(servers, mount):
    mounted = mount(servers.get("pyftpdlib"))
    if SANITIZED:  # which makes mlock() do nothing
        assert "VmLck" in status_of(f"/proc/{mounted.pid}")
    else:
        assert int(status_of(f"/proc/{mounted.pid}")["VmLck"].split()[0]) > 0


def test_the_users_own_programs_can_not_look_into_the_daemon(servers, mount):
    """PR_SET_DUMPABLE: no core dump, no debugger, no /proc/PID/mem."""
    server = servers.get("pyftpdlib")
    mounted = mount(server, setuid=USER.pw_name)
    result = subprocess.run(
        ["cat", f"/proc/{mounted.pid}/environ"],
        user=USER.pw_uid,
        group=USER.pw_gid,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    assert (result.returncode == 0) == SANITIZED


def test_password_command_logs_in(servers, point, home):
    server = servers.make("pyftpdlib", password=PASSWORD)
    secret = os.path.join(home, "secret")
    with open(secret, "w", encoding="ascii") as file:
        file.write(PASSWORD + "\nsecond line\n")
    options = f"cafile={server.cafile},password_command=cat {secret}"
    result = run_ftpsfs(source_for(server), point, "-o", options, home=home)
    assert result.returncode == 0, result.stderr
    os.listdir(point)


@pytest.mark.parametrize(
    "command, words",
    [("echo leaked; exit 3", "status 3"), ("true", "empty"), ("kill $$", "signal")],
)
def test_a_password_command_that_fails_is_one_line_without_its_output(
    servers, point, home, command, words
):
    server = servers.get("pyftpdlib")
    options = f"cafile={server.cafile},password_command={command}"
    result = run_ftpsfs(source_for(server), point, "-o", options, home=home)
    assert result.returncode == 1
    assert words in result.stderr and "leaked" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


# What the daemon may do


def test_after_mounting_no_thread_has_a_capability_or_can_get_one(servers, mount):
    mounted = mount(servers.get("pyftpdlib"))
    os.listdir(mounted.path)
    assert len(threads(mounted.pid)) > 2
    for thread in threads(mounted.pid):
        status = status_of(f"/proc/{mounted.pid}/task/{thread}")
        found = {name: status[name].strip() for name in ("NoNewPrivs", "Seccomp")}
        for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"):
            found[name] = int(status[name], 16)
        if SANITIZED:
            assert found["NoNewPrivs"] == "0"
        else:
            assert found.pop("NoNewPrivs") == "1"
            assert found.pop("Seccomp") == "2"
            assert not any(found.values()), found


@pytest.fixture
def tried(servers, mount):
    """tried(path, **options): what open() of the path gives in a daemon of root's."""

    def open_in_daemon(path, flags=os.O_RDONLY, **options):
        mounted = mount(servers.get("pyftpdlib"), **options)
        os.listdir(mounted.path)
        return inject.open_file(blocked_thread(mounted.pid), path, flags)

    return open_in_daemon


def test_the_daemon_can_not_open_etc_shadow_even_as_root(tried):
    assert inject.SUPPORTED, "this test is for x86-64"
    expected = 0 if SANITIZED else -errno.EACCES
    found = tried("/etc/shadow")
    assert found == expected if expected else found >= 0


def test_without_the_sandbox_it_could(tried):
    """So that the test above shows what it says."""
    assert tried("/etc/shadow", no_sandbox=True) >= 0


def test_the_spool_stays_within_reach_and_its_neighbours_do_not(tried, tmp_path):
    spool, other = tmp_path / "spool", tmp_path / "other"
    spool.mkdir()
    other.mkdir()
    own = spool / f"ftpsfs-{os.geteuid()}"
    assert tried(own / "new", os.O_CREAT | os.O_RDWR, spool_dir=spool) >= 0
    for outside in (other, spool):
        found = tried(outside / "new", os.O_CREAT | os.O_RDWR, spool_dir=spool)
        assert found == -errno.EACCES or SANITIZED


@pytest.mark.parametrize(
    "number, arguments, wanted",
    [
        (inject.EXECVE, (b"/bin/true", 0, 0), errno.EPERM),
        (inject.PTRACE, (inject.ATTACH, 1, 0, 0), errno.EPERM),
        (inject.SOCKET, (socket.AF_PACKET, socket.SOCK_RAW, 0), errno.EAFNOSUPPORT),
        (inject.LISTEN, (0, 1), errno.EPERM),
    ],
    ids=["execve", "ptrace", "packet socket", "listen"],
)
def test_system_calls_that_a_mount_does_not_need_are_refused(
    servers, mount, number, arguments, wanted
):
    mounted = mount(servers.get("pyftpdlib"), no_sandbox=SANITIZED)
    if SANITIZED:
        assert status_of(f"/proc/{mounted.pid}")["Seccomp"].strip() == "0"
    else:
        assert inject.call(blocked_thread(mounted.pid), number, *arguments) == -wanted


def test_names_are_looked_up_by_a_process_that_is_nobody(servers, mount):
    server = servers.make("pyftpdlib")
    mounted = mount(server, source=f"ftps://{server.user}@localhost:{server.port}/")
    (helper,) = helpers(mounted, b"looks up names")
    status = status_of(f"/proc/{helper}")
    assert set(status["Uid"].split()) == {str(pwd.getpwnam("nobody").pw_uid)}
    assert int(status["CapEff"], 16) == 0
    mounted.unmount()
    eventually(lambda: not is_running(helper), what="the end of the helper")


MOVES = """
set -e
mount --make-rprivate /
mount --bind "$1/hosts" /etc/hosts
"$2" "$3" "$1/mnt" -o "$4"
umount /etc/hosts
mount --bind "$1/other-hosts" /etc/hosts
echo moved
read -r word
cat "$1/mnt/file"
umount "$1/mnt"
"""


def test_a_server_that_has_moved_is_found_when_etc_hosts_is_another_file(servers, tmp_path, home):
    """As after a change of networks: what the sandbox was made with is replaced."""
    first, second = servers.make("pyftpdlib"), servers.make("pyftpdlib", bind="127.0.0.2")
    second.stop()
    second.fixed_port = second.port = first.port
    second.start()
    for server in (first, second):
        with open(server.path("file"), "w", encoding="ascii") as file:
            file.write(server.host)
        server.adopt(server.root)
    (tmp_path / "mnt").mkdir()
    (tmp_path / "hosts").write_text("127.0.0.1 ftp.ftpsfs.test\n", encoding="ascii")
    (tmp_path / "other-hosts").write_text("127.0.0.2 ftp.ftpsfs.test\n", encoding="ascii")
    path = credentials_file(home, first.user, first.password)
    source = f"ftps://ftp.ftpsfs.test:{first.port}/"
    words = [tmp_path, BINARY, source, f"tls_verify=no,credentials={path},dir_cache_timeout=0"]
    process = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", MOVES, "sh", *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "moved\n"
    first.stop()
    output, _ = process.communicate("go\n", timeout=60)
    assert (process.returncode, output) == (0, "127.0.0.2")


def test_the_mounter_keeps_what_unmounting_takes_and_ends_with_the_daemon(servers, mount):
    mounted = mount(servers.get("pyftpdlib"))
    (helper,) = helpers(mounted, b"mounts")
    # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN
    assert int(status_of(f"/proc/{helper}")["CapEff"], 16) == 0x200006
    mounted.unmount()
    assert not is_running(helper)


def test_a_daemon_that_is_killed_leaves_no_helper(servers, mount):
    mounted = mount(servers.get("pyftpdlib"))
    (helper,) = helpers(mounted, b"mounts")
    mounted.expect_failure = True
    mounted.process.kill()
    mounted.wait()
    eventually(lambda: not is_running(helper), what="the end of the helper")
    with pytest.raises(OSError) as caught:
        os.listdir(mounted.path)
    assert caught.value.errno == errno.ENOTCONN
    subprocess.run(["umount", mounted.path], check=True, timeout=60)


def test_encodings_and_counters_work_within_the_sandbox(servers, mount):
    server = servers.make("pyftpdlib")
    mounted = mount(server, codepage="ISO-8859-15", spool_dir="/var/tmp")
    with open(mounted.at("file"), "wb") as file:
        file.write(pattern(1 << 20))
    assert mounted.stats()["stores"] == 1


# Whose files they are


def owner(path):
    status = os.stat(path)
    return status.st_uid, status.st_gid


FACTS = (
    "type=file;unix.owner=7007;unix.ownername=games;unix.group=7008;unix.groupname=games; known\r\n",
    f"type=file;unix.owner=7007;unix.ownername={UNKNOWN};unix.group=7008;unix.groupname={UNKNOWN}; "
    "foreign\r\n",
    "type=file;unix.uid=7009;unix.gid=7010; numbers\r\n",
    "type=file; untold\r\n",
)


@pytest.mark.parametrize(
    "idmap, wanted",
    [
        (None, [(0, 0), (0, 0), (0, 0), (0, 0)]),
        ("user", [(0, 0), (0, 0), (0, 0), (0, 0)]),
        ("none", [(7007, 7008), (7007, 7008), (7009, 7010), (0, 0)]),
        ("names", [(USER.pw_uid, USER.pw_gid), (0, 0), (0, 0), (0, 0)]),
    ],
)
def test_owners_are_mapped_by_idmap(scripted, mount, idmap, wanted):
    server = scripted()
    server.fault("MLSD", lines(*FACTS))
    mounted = mount(server, idmap=idmap)
    names = os.listdir(mounted.path)
    assert names == ["known", "foreign", "numbers", "untold"]
    assert [owner(mounted.at(name)) for name in names] == wanted


@pytest.mark.parametrize("user", [UNKNOWN, "games"])
@pytest.mark.parametrize("idmap", ["none", "names", "user"])
def test_a_real_servers_owners_are_mapped_by_idmap(servers, server_kind, mount, idmap, user):
    server = servers.make(server_kind, user=user)
    with open(server.path("file"), "wb") as file:
        file.write(b"x")
    server.adopt(server.path("file"))
    mounted = mount(server, idmap=idmap)
    wanted = (0, 0)
    # By LIST it tells names alone.
    if idmap == "none" and server_kind != "proftpd-list":
        theirs = os.stat(server.path("file"))
        wanted = (theirs.st_uid, theirs.st_gid)
    elif idmap == "names" and server_kind.startswith("proftpd"):
        # The others tell numbers. Its group has an account here, its user may have none.
        wanted = (0 if user == UNKNOWN else USER.pw_uid, grp.getgrnam("users").gr_gid)
    assert owner(mounted.at("file")) == wanted


PERMS = {
    "file-r": ("file", "r", 0o444),
    "file-rw": ("file", "adfrw", 0o644),
    "file-w": ("file", "w", 0o200),
    "file-none": ("file", "", 0),
    "dir-el": ("dir", "el", 0o555),
    "dir-all": ("dir", "cdeflmp", 0o755),
}


def test_the_perm_fact_is_the_mode_where_there_is_none(scripted, mount):
    server = scripted()
    server.fault(
        "MLSD",
        lines(*(f"type={kind};perm={perm}; {name}\r\n" for name, (kind, perm, _) in PERMS.items())),
    )
    mounted = mount(server)
    names = os.listdir(mounted.path)
    assert sorted(names) == sorted(PERMS)
    for name in names:
        assert os.stat(mounted.at(name)).st_mode & 0o7777 == PERMS[name][2], name


def test_uid_and_gid_win_over_idmap(scripted, mount):
    server = scripted()
    server.fault("MLSD", lines(*FACTS))
    mounted = mount(server, idmap="none", uid=42)
    assert [owner(mounted.at(name)) for name in os.listdir(mounted.path)][0] == (42, 7008)


def test_the_kernel_checks_permissions_by_default(servers, mount):
    mounted = mount(servers.get("pyftpdlib"))
    assert "default_permissions" in mountinfo(mounted.path)["options"]


def test_there_is_no_way_to_mount_in_clear(point, home):
    for source in ("ftp://tester@127.0.0.1/", "http://127.0.0.1/"):
        result = run_ftpsfs(source, point, home=home)
        assert result.returncode == 1
        assert "ftps://" in result.stderr
    for option in ("plain", "no_tls", "clear", "tls=no"):
        result = run_ftpsfs("ftps://127.0.0.1/", point, "-o", option, home=home)
        assert "unknown option" in result.stderr
