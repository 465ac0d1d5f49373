# SPDX-License-Identifier: GPL-2.0-or-later
"""Where passwords come from, where they lie, and where they never are."""

import os
import resource
import signal
import subprocess

import pytest

from harness import BINARY, SANITIZED, MountError, assert_one_line, credentials_file, daemons_of
from harness import environment, eventually, mountinfo, run_ftpsfs, source_for
from memory import places_of
from test_login import Terminal

pytest_plugins = ["scripted_fixtures"]

PASSWORD = "Rumpelstilzchen-91"


# Memory


def write(path, text, mode=0o600):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def from_file(server, point, home, options):
    path = credentials_file(home, server.user, PASSWORD)
    return run_ftpsfs(source_for(server), point, "-o", f"{options},credentials={path}", home=home)


def from_netrc(server, point, home, options):
    text = f"machine {server.host} login {server.user} password {PASSWORD} account {PASSWORD}\n"
    write(os.path.join(home, ".netrc"), text)
    return run_ftpsfs(source_for(server), point, "-o", options, home=home)


def from_stdin(server, point, home, options):
    words = [source_for(server), point, "-o", options + ",password_stdin"]
    return run_ftpsfs(*words, home=home, stdin=PASSWORD.encode() + b"\n")


def from_command(server, point, home, options):
    path = write(os.path.join(home, "secret"), PASSWORD + "\n")
    words = [source_for(server), point, "-o", f"{options},password_command=cat {path}"]
    return run_ftpsfs(*words, home=home)


def from_systemd(server, point, home, options):
    write(os.path.join(home, "ftpsfs.password"), PASSWORD)
    words = [source_for(server), point, "-o", options]
    return run_ftpsfs(*words, home=home, CREDENTIALS_DIRECTORY=home)


def from_terminal(server, point, home, options):
    terminal = Terminal([source_for(server), point, "-o", options], home)
    terminal.read_until(b"assword")
    os.write(terminal.descriptor, PASSWORD.encode() + b"\n")
    status = terminal.rest()
    assert PASSWORD.encode() not in terminal.text
    return subprocess.CompletedProcess([], status, "", terminal.text)


SOURCES = [from_file, from_netrc, from_stdin, from_command, from_systemd, from_terminal]


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def daemon_of(point):
    daemons = daemons_of(point)
    assert len(daemons) == 1
    return daemons[0]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__[5:])
def test_the_password_is_in_memory_once_locked_and_left_out_of_dumps(scripted, point, home, source):
    """Whichever way it came; after two logins, as further connections need it again."""
    server = scripted(password=PASSWORD)
    result = source(server, point, home, f"cafile={server.cafile}")
    assert result.returncode == 0, result.stderr
    server.tree.put("/file", b"content")
    with open(os.path.join(point, "file"), "rb") as file:
        assert file.read() == b"content"
    server.drop_connections()
    server.tree.put("/later", b"later")
    with open(os.path.join(point, "later"), "rb") as file:
        assert file.read() == b"later"
    assert server.count("PASS") >= 2
    places = places_of(daemon_of(point), PASSWORD.encode())
    assert len(places) == (2 if source is from_netrc else 1)  # the account has a place of its own
    for flags in places:
        assert "dd" in flags  # MADV_DONTDUMP
        assert "lo" in flags or SANITIZED  # where mlock() does nothing


def test_the_helpers_do_not_know_the_password(scripted, mount):
    server = scripted(password=PASSWORD)
    source = f"ftps://{server.user}@localhost:{server.port}/"
    mounted = mount(server, source=source)
    os.listdir(mounted.path)
    helpers = children_of(mounted.pid)
    assert len(helpers) == 2
    assert places_of(mounted.pid, PASSWORD.encode()), "this does not find it where it is"
    for helper in helpers:
        assert places_of(helper, PASSWORD.encode()) == []


def test_a_wrong_password_is_in_no_message_whatever_it_is_made_of(scripted, mount, home):
    """No name: what can't be sent as one is sent or refused without showing it."""
    server = scripted(password="right")
    wrong = b"Rumpel\xe4stilzchen"
    path = os.path.join(home, "latin1")
    with open(path, "wb") as file:
        file.write(b"username=tester\npassword=" + wrong + b"\n")
    os.chmod(path, 0o600)
    with pytest.raises(MountError) as caught:
        mount(server, credentials=path)
    assert "530" in caught.value.text and "Rumpel" not in caught.value.text
    assert server.arguments("PASS") == [wrong.decode("utf-8", "surrogateescape")]


def test_a_password_that_the_code_page_lacks_is_not_shown(scripted, mount):
    server = scripted(password="Rumpel\u20acstilzchen")
    with pytest.raises(MountError) as caught:
        mount(server, codepage="ISO-8859-1")
    line = assert_one_line(caught.value.text, "codepage", "ISO-8859-1")
    assert "Rumpel" not in line


def test_a_password_is_sent_in_the_servers_code_page(scripted, mount):
    server = scripted(password="Rumpel\u20acstilzchen")
    with pytest.raises(MountError):  # the scripted server reads UTF-8
        mount(server, codepage="CP1252")
    (sent,) = server.arguments("PASS")
    assert sent.encode("utf-8", "surrogateescape") == "Rumpel\u20acstilzchen".encode("cp1252")


# Core dumps

CORE = """
ulimit -c unlimited
cd "$1"
shift
exec "$@"
"""


def name_of(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as file:
        return file.read().strip()


def dies_of(command, directory, ready):
    """Whether the kernel wrote a core dump of the command, which gets SIGABRT when ready()."""
    process = subprocess.Popen(
        ["sh", "-c", CORE, "sh", directory, *command],
        env=environment(directory),
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: name_of(process.pid) == os.path.basename(command[0]) and ready())
    process.send_signal(signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -signal.SIGABRT
    assert os.WTERMSIG(status) == signal.SIGABRT
    return os.WCOREDUMP(status)


def test_an_end_by_a_signal_leaves_no_core_dump(scripted, point, home):
    server = scripted(password=PASSWORD)
    assert resource.getrlimit(resource.RLIMIT_CORE)[1] == resource.RLIM_INFINITY
    assert dies_of(["sleep", "60"], home, lambda: True), "this machine makes no dumps at all"
    path = credentials_file(home, server.user, PASSWORD)
    options = f"cafile={server.cafile},credentials={path}"
    command = [BINARY, "-f", source_for(server), point, "-o", options]
    dumped = dies_of(command, home, lambda: mountinfo(point))
    subprocess.run(["umount", point], check=True, timeout=60)
    assert not dumped or SANITIZED


# Sources

SECRET_TOOL = """#!/bin/sh
# As secret-tool(1) does: the attributes must be those that it was stored with.
[ "$*" = "lookup server %s user %s" ] || exit 1
printf %%s '%s'
"""


def test_a_keyring_gives_the_password_by_secret_tool(scripted, point, home):
    """As the README has it, with a secret-tool that has one entry."""
    server = scripted(password=PASSWORD)
    bin_directory = os.path.join(home, "bin")
    os.mkdir(bin_directory)
    text = SECRET_TOOL % (server.host, server.user, PASSWORD)
    write(os.path.join(bin_directory, "secret-tool"), text, 0o700)
    path = f"{bin_directory}:{os.environ['PATH']}"
    command = f"secret-tool lookup server {server.host} user {server.user}"
    options = f"cafile={server.cafile},password_command={command}"
    result = run_ftpsfs(source_for(server), point, "-o", options, home=home, PATH=path)
    assert result.returncode == 0, result.stderr
    os.listdir(point)
    with open(
        os.path.join(os.path.dirname(__file__), "..", "..", "README.md"), encoding="utf-8"
    ) as file:
        documented = file.read()
    assert "password_command=secret-tool lookup server ftp.example.org user ann" in documented


def test_a_keyring_without_the_entry_is_one_line(servers, point, home):
    server = servers.get("pyftpdlib")
    bin_directory = os.path.join(home, "bin")
    os.mkdir(bin_directory)
    write(
        os.path.join(bin_directory, "secret-tool"),
        SECRET_TOOL % ("other", "other", PASSWORD),
        0o700,
    )
    options = f"cafile={server.cafile},password_command=secret-tool lookup server a user b"
    path = f"{bin_directory}:{os.environ['PATH']}"
    result = run_ftpsfs(source_for(server), point, "-o", options, home=home, PATH=path)
    assert result.returncode == 1
    assert PASSWORD not in assert_one_line(result.stderr, "status 1")


@pytest.mark.parametrize("kind", ["vsftpd", "proftpd", "pyftpdlib"])
@pytest.mark.parametrize("user", ["anonymous", "ftp"])
def test_anonymous_needs_no_password(servers, point, home, kind, user):
    server = servers.make(kind, user=user, password="anonymous@")
    with open(server.path("file"), "wb") as file:
        file.write(b"for all")
    server.adopt(server.path("file"))
    source = f"ftps://{user}@{server.host}:{server.port}/"
    result = run_ftpsfs(source, point, "-o", f"cafile={server.cafile}", home=home)
    assert result.returncode == 0, result.stderr
    with open(os.path.join(point, "file"), "rb") as file:
        assert file.read() == b"for all"


@pytest.mark.parametrize(
    "given, wanted",
    [
        ("file stdin command systemd netrc", "file"),
        ("stdin command systemd netrc", "stdin"),
        ("command systemd netrc", "command"),
        ("systemd netrc", "systemd"),
        ("netrc", "netrc"),
    ],
)
def test_the_first_source_in_the_documented_order_counts(scripted, point, home, given, wanted):
    server = scripted(password=f"from-{wanted}")
    options = [f"cafile={server.cafile}"]
    changes = {}
    if "file" in given:
        options.append(f"credentials={credentials_file(home, server.user, 'from-file')}")
    if "stdin" in given:
        options.append("password_stdin")
    if "command" in given:
        options.append("password_command=echo from-command")
    if "systemd" in given:
        write(os.path.join(home, "ftpsfs.password"), "from-systemd")
        changes["CREDENTIALS_DIRECTORY"] = home
    if "netrc" in given:
        text = f"machine {server.host} login {server.user} password from-netrc\n"
        write(os.path.join(home, ".netrc"), text)
    words = [source_for(server), point, "-o", ",".join(options)]
    result = run_ftpsfs(*words, home=home, stdin=b"from-stdin\n", **changes)
    assert result.returncode == 0, result.stderr
    assert server.arguments("PASS")[0] == f"from-{wanted}"
