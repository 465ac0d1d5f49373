# SPDX-License-Identifier: GPL-2.0-or-later
"""User and password: where they come from, where they must not show."""

import os
import pty
import select
import signal
import time

import pytest

from harness import BINARY, assert_one_line, credentials_file, environment, mountinfo
from harness import reached, run_ftpsfs, source_for


@pytest.fixture
def server(servers, server_kind):
    return servers.get(server_kind)


def anonymous_source(server):
    return f"ftps://{server.host}:{server.port}/"


def assert_mounted(result, point):
    assert result.returncode == 0, result.stderr
    assert mountinfo(point) is not None
    os.listdir(point)


def test_a_credentials_file_logs_in(server, point, home):
    path = credentials_file(home, server.user, server.password)
    options = f"{reached(server)},credentials={path}"
    assert_mounted(run_ftpsfs(anonymous_source(server), point, "-o", options, home=home), point)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_credentials_file_that_others_can_read_is_refused(servers, point, home, mode):
    server = servers.get("pyftpdlib")
    path = credentials_file(home, server.user, server.password, mode=mode)
    options = f"{reached(server)},credentials={path}"
    result = run_ftpsfs(anonymous_source(server), point, "-o", options, home=home)
    assert result.returncode == 1
    line = assert_one_line(result.stderr, path)
    assert "chmod" in line
    assert server.password not in line


def test_a_wrong_password_is_one_line_and_no_mount(server, point, home):
    path = credentials_file(home, server.user, "not-the-password")
    options = f"{reached(server)},credentials={path}"
    result = run_ftpsfs(source_for(server), point, "-o", options, home=home)
    assert result.returncode == 1
    line = assert_one_line(result.stderr, "530")
    assert "not-the-password" not in line
    assert mountinfo(point) is None


def test_an_unknown_user_is_one_line_and_no_mount(server, point, home):
    path = credentials_file(home, "nobody-here", server.password)
    options = f"{reached(server)},credentials={path}"
    result = run_ftpsfs(anonymous_source(server), point, "-o", options, home=home)
    assert result.returncode == 1
    assert_one_line(result.stderr)
    assert mountinfo(point) is None


def test_password_stdin_logs_in(server, point, home):
    options = f"{reached(server)},password_stdin"
    stdin = server.password.encode() + b"\n"
    assert_mounted(
        run_ftpsfs(source_for(server), point, "-o", options, home=home, stdin=stdin), point
    )


def test_an_empty_password_stdin_is_refused(servers, point, home):
    server = servers.get("pyftpdlib")
    options = f"{reached(server)},password_stdin"
    result = run_ftpsfs(source_for(server), point, "-o", options, home=home, stdin=b"")
    assert result.returncode == 1
    assert_one_line(result.stderr, "password_stdin")


def netrc(home, server, mode=0o600):
    path = os.path.join(home, ".netrc")
    with open(path, "w", encoding="utf-8") as file:
        file.write("machine elsewhere.example login other password wrong\n")
        file.write(f"machine {server.host}\n\tlogin {server.user}\n")
        file.write(f"\tpassword {server.password}\n")
    os.chmod(path, mode)
    return path


def test_netrc_logs_in(server, point, home):
    netrc(home, server)
    options = reached(server)
    assert_mounted(run_ftpsfs(anonymous_source(server), point, "-o", options, home=home), point)


def test_a_netrc_that_others_can_read_is_refused(servers, point, home):
    server = servers.get("pyftpdlib")
    path = netrc(home, server, mode=0o644)
    options = reached(server)
    result = run_ftpsfs(anonymous_source(server), point, "-o", options, home=home)
    assert result.returncode == 1
    assert_one_line(result.stderr, path)


@pytest.mark.parametrize(
    "source",
    [
        "ftps://tester:secret-word@127.0.0.1/",
        "tester:secret-word@127.0.0.1:990/dir",
        "tester:secret-word@127.0.0.1",
    ],
)
def test_a_password_in_the_source_is_refused_and_not_repeated(point, home, source):
    result = run_ftpsfs(source, point, home=home)
    assert result.returncode == 1
    line = assert_one_line(result.stderr, "password")
    assert "secret-word" not in line
    assert "netrc" in line or "credentials" in line


@pytest.mark.parametrize("options", ["password=secret-word", "pass=secret-word"])
def test_a_password_on_the_command_line_is_refused_and_not_repeated(point, home, options):
    result = run_ftpsfs("ftps://tester@127.0.0.1/", point, "-o", options, home=home)
    assert result.returncode == 1
    line = assert_one_line(result.stderr)
    assert "secret-word" not in line


def test_without_any_password_and_terminal_it_says_what_to_do(servers, point, home):
    server = servers.get("pyftpdlib")
    options = reached(server)
    result = run_ftpsfs(source_for(server), point, "-o", options, home=home)
    assert result.returncode == 1
    assert_one_line(result.stderr, "credentials")


ODD_PASSWORD = "p@ss:w\"o'r#d %41 = \\ ; \u00fc end"


@pytest.mark.parametrize("kind", ["vsftpd", "proftpd", "pyftpdlib"])
def test_a_password_may_hold_any_character(servers, kind, point, home):
    server = servers.make(kind, password=ODD_PASSWORD)
    path = credentials_file(home, server.user, server.password)
    options = f"{reached(server)},credentials={path}"
    assert_mounted(run_ftpsfs(source_for(server), point, "-o", options, home=home), point)


class Terminal:
    """Runs ftpsfs, or another program, with a terminal of its own as its controlling one."""

    def __init__(self, words, home, program=BINARY, **changes):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            try:
                os.execve(program, [program, *words], environment(home, **changes))
            finally:
                os._exit(127)
        self.text = b""

    def read_until(self, word, seconds=20):
        deadline = time.monotonic() + seconds
        while word not in self.text:
            left = deadline - time.monotonic()
            assert left > 0, f"{word!r} did not come: {self.text!r}"
            if select.select([self.descriptor], [], [], left)[0]:
                try:
                    data = os.read(self.descriptor, 4096)
                except OSError:
                    data = b""
                assert data, f"{word!r} did not come: {self.text!r}"
                self.text += data

    def rest(self):
        """What it says until it ends, and its exit status."""
        while True:
            try:
                data = os.read(self.descriptor, 4096)
            except OSError:
                break
            if not data:
                break
            self.text += data
        _, status = os.waitpid(self.pid, 0)
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(status)


def test_the_prompt_on_a_terminal_does_not_echo(server, point, home):
    words = [source_for(server), point, "-o", reached(server)]
    terminal = Terminal(words, home)
    terminal.read_until(b"assword")
    os.write(terminal.descriptor, server.password.encode() + b"\n")
    assert terminal.rest() == 0, terminal.text
    assert server.password.encode() not in terminal.text
    assert mountinfo(point) is not None
    os.listdir(point)


def test_a_wrong_password_at_the_prompt_ends_it(servers, point, home):
    server = servers.get("pyftpdlib")
    terminal = Terminal([source_for(server), point, "-o", reached(server)], home)
    terminal.read_until(b"assword")
    os.write(terminal.descriptor, b"not-the-password\n")
    assert terminal.rest() == 1
    assert b"not-the-password" not in terminal.text
    assert mountinfo(point) is None


def test_control_c_at_the_prompt_ends_it_and_restores_the_echo(servers, point, home):
    server = servers.get("pyftpdlib")
    terminal = Terminal([source_for(server), point, "-o", reached(server)], home)
    terminal.read_until(b"assword")
    os.write(terminal.descriptor, b"\x03")
    assert terminal.rest() in (1, 130, -signal.SIGINT)
    assert mountinfo(point) is None


def test_no_secret_shows_in_mounts_processes_or_logs(server, point, home, mount):
    path = credentials_file(home, server.user, server.password)
    mounted = mount(server, words=["-d"], credentials=path)
    with open(mounted.at(f"file-{os.getpid()}"), "wb") as file:
        file.write(b"x")
    os.unlink(mounted.at(f"file-{os.getpid()}"))
    with open("/proc/self/mounts", encoding="utf-8") as file:
        assert server.password not in file.read()
    assert mountinfo(mounted.path)["source"].startswith(f"ftps://{server.user}@{server.host}")
    with open(f"/proc/{mounted.pid}/cmdline", "rb") as file:
        assert server.password.encode() not in file.read()
    assert server.password not in mounted.log()
