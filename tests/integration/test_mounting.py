# SPDX-License-Identifier: GPL-2.0-or-later
"""Mounting and unmounting: the spellings of the source, the background, the orderly end."""

import errno
import json
import os
import shutil
import signal
import socket
import subprocess

import pytest

from harness import BINARY, OTHER_UID, MountError, assert_one_line, credentials_file, daemons_of
from harness import environment, eventually, mountinfo, pattern, reached, run_ftpsfs, source_for
from harness import unmount_and_wait


def options_for(server, home, *more):
    path = credentials_file(home, server.user, server.password)
    return ",".join([reached(server), f"credentials={path}", *more])


def says_quit(server, length):
    """Whether the server has logged QUIT behind the first `length` of its log; where it logs no
    commands, whether the sessions have ended."""
    if not server.logs_commands:
        return len(server.processes()) == 1
    return "QUIT" in server.log_text()[length:]


def test_it_goes_to_the_background_when_the_mount_is_ready(site, point, home):
    site.put("file", b"content")
    result = run_ftpsfs(site.source, point, "-o", options_for(site.server, home), home=home)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    info = mountinfo(point)
    assert info["type"] == "fuse.ftpsfs"
    assert os.listdir(point) == ["file"]
    (daemon,) = daemons_of(point)
    assert os.getsid(daemon) != os.getsid(0)
    assert os.readlink(f"/proc/{daemon}/cwd") == "/"
    for descriptor in (0, 1, 2):
        assert os.readlink(f"/proc/{daemon}/fd/{descriptor}") == "/dev/null"


@pytest.mark.parametrize(
    "command", [["fusermount3", "-u"], ["umount"]], ids=["fusermount3", "umount"]
)
def test_unmounting_says_quit_to_the_server(site, point, home, command):
    run_ftpsfs(site.source, point, "-o", options_for(site.server, home), home=home)
    os.listdir(point)
    before = len(site.server.log_text())
    unmount_and_wait(point, command)
    eventually(lambda: says_quit(site.server, before), what="QUIT in the server's log")


def test_unmounting_ends_with_status_0(site, mount):
    mounted = mount()
    with open(mounted.at("file"), "wb") as file:
        file.write(b"content")
    before = len(site.server.log_text())
    assert mounted.unmount() == 0
    eventually(lambda: says_quit(site.server, before), what="QUIT in the server's log")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_with_status_0_and_no_mount(site, mount, number):
    mounted = mount()
    os.listdir(mounted.path)
    before = len(site.server.log_text())
    os.kill(mounted.pid, number)
    assert mounted.wait() == 0
    assert mountinfo(mounted.path) is None
    eventually(lambda: says_quit(site.server, before), what="QUIT in the server's log")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_amid_a_write_loses_nothing(site, mount, number):
    data = pattern(3 << 20)
    mounted = mount()
    descriptor = os.open(mounted.at("file"), os.O_WRONLY | os.O_CREAT)
    try:
        assert os.write(descriptor, data) == len(data)
        os.kill(mounted.pid, number)
        assert mounted.wait() == 0
    finally:
        try:
            os.close(descriptor)
        except OSError:
            pass  # the mount is gone: ENOTCONN
    assert site.get("file") == data


def test_a_signal_amid_a_slow_upload_waits_for_it(servers, mount):
    server = servers.make("vsftpd", max_rate=1 << 20)
    data = pattern(2 << 20)
    mounted = mount(server)
    descriptor = os.open(mounted.at("file"), os.O_WRONLY | os.O_CREAT)
    try:
        os.write(descriptor, data)
        os.kill(mounted.pid, signal.SIGTERM)
        assert mounted.wait() == 0
    finally:
        try:
            os.close(descriptor)
        except OSError:
            pass
    with open(server.path("file"), "rb") as file:
        assert file.read() == data


def test_stats_are_written_at_unmount(site, mount):
    site.put("file", b"content")
    mounted = mount()
    with open(mounted.at("file"), "rb") as file:
        file.read()
    mounted.unmount()
    with open(mounted.stats_path, encoding="utf-8") as file:
        counters = json.load(file)
    assert counters["retrieves"] == 1
    assert counters["bytes_in"] >= 7


SPELLINGS = {
    "url": "ftps://{user}@{host}:{port}/{directory}",
    "url, trailing slash": "ftps://{user}@{host}:{port}/{directory}/",
    "url, absolute": "ftps://{user}@{host}:{port}//{directory}",
    "url, absolute, escaped": "ftps://{user}@{host}:{port}/%2F{directory}",
    "plain": "{user}@{host}:{port}/{directory}",
    "without user": "{host}:{port}/{directory}",
    "fstab": "ftpsfs#{user}@{host}:{port}/{directory}",
}


@pytest.mark.parametrize("spelling", list(SPELLINGS))
def test_each_spelling_of_the_source_mounts(site, mount, spelling):
    site.put("file", b"content")
    source = SPELLINGS[spelling].format(
        user=site.server.user,
        host=site.server.host,
        port=site.server.port,
        directory=site.directory,
    )
    mounted = mount(source=source)
    assert os.listdir(mounted.path) == ["file"]


@pytest.mark.parametrize("spelling", ["{user}@{host}:/{directory}", "{user}@{host}:{directory}"])
def test_the_sshfs_spelling_mounts(site, mount, spelling):
    site.put("file", b"content")
    server = site.server
    source = spelling.format(user=server.user, host=server.host, directory=site.directory)
    mounted = mount(source=source, port=server.port)
    assert os.listdir(mounted.path) == ["file"]


def test_without_a_directory_the_login_directory_is_mounted(servers, server_kind, mount):
    server = servers.make(server_kind)
    with open(server.path("here"), "wb"):
        pass
    for source in ("{0}@{1}:{2}", "ftps://{0}@{1}:{2}", "ftps://{0}@{1}:{2}/"):
        mounted = mount(server, source=source.format(server.user, server.host, server.port))
        assert os.listdir(mounted.path) == ["here"]


def test_an_ipv6_address_mounts(servers, server_kind, mount):
    server = servers.make(server_kind, bind="::1")
    data = pattern(100000)
    mounted = mount(server)
    with open(mounted.at("file"), "wb") as file:
        file.write(data)
    with open(mounted.at("file"), "rb") as file:
        assert file.read() == data
    with open(server.path("file"), "rb") as file:
        assert file.read() == data
    assert mountinfo(mounted.path)["source"].startswith(f"ftps://{server.user}@[::1]:{server.port}")


def test_a_copy_of_the_mount_in_another_namespace_does_not_outlive_it(site, mount):
    """Such as the one that a service with a private /tmp gets when it starts: the tests' own way to
    take a mount down copes with that, so that one test does not hold up another."""
    mounted = mount()
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo; exec sleep 60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.readline() == b"\n"
            assert mounted.unmount() == 0
        finally:
            other.kill()


def test_a_name_with_two_addresses_finds_the_one_that_answers(servers, mount):
    """localhost may be ::1 and 127.0.0.1; a server listens on one of them only."""
    addresses = {info[4][0] for info in socket.getaddrinfo("localhost", None)}
    assert addresses & {"127.0.0.1", "::1"}
    for bind in addresses & {"127.0.0.1", "::1"}:
        server = servers.make("pyftpdlib", bind=bind)
        mounted = mount(server, source=f"{server.user}@localhost:{server.port}")
        assert os.listdir(mounted.path) == []


def failure(source, point, home, *words):
    result = run_ftpsfs(source, point, *words, home=home)
    assert result.returncode == 1
    assert mountinfo(str(point)) is None
    return assert_one_line(result.stderr)


def test_a_missing_directory_is_one_line(site, point, home):
    source = source_for(site.server, site.directory + "/missing")
    line = failure(source, point, home, "-o", options_for(site.server, home))
    assert "missing" in line


def test_a_file_in_place_of_the_directory_is_one_line(site, point, home):
    site.put("file", b"x")
    source = source_for(site.server, site.directory + "/file")
    line = failure(source, point, home, "-o", options_for(site.server, home))
    assert "file" in line


def test_a_host_that_does_not_exist_is_one_line(servers, point, home):
    server = servers.get("pyftpdlib")
    line = failure(
        "ftps://tester@no-such-host.invalid/", point, home, "-o", options_for(server, home)
    )
    assert "no-such-host.invalid" in line


def test_a_port_where_nobody_listens_is_one_line(servers, point, home):
    server = servers.make("pyftpdlib")
    options = options_for(server, home)
    source = source_for(server)
    server.stop()
    line = failure(source, point, home, "-o", options)
    assert "refused" in line.lower()
    assert str(server.port) in line


def test_a_server_that_says_nothing_is_given_up(point, home, servers):
    server = servers.get("pyftpdlib")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        options = options_for(server, home, "timeout=2")
        line = failure(f"ftps://tester@127.0.0.1:{port}/", point, home, "-o", options)
    assert "127.0.0.1" in line


@pytest.mark.parametrize("words", [["-r"], ["-o", "ro"]], ids=["-r", "ro"])
def test_a_read_only_mount_reads_but_changes_nothing(site, mount, words):
    site.put("file", b"content")
    mounted = mount(words=words)
    with open(mounted.at("file"), "rb") as file:
        assert file.read() == b"content"
    for operation in (
        lambda: open(mounted.at("file"), "wb"),
        lambda: open(mounted.at("new"), "wb"),
        lambda: os.unlink(mounted.at("file")),
        lambda: os.mkdir(mounted.at("directory")),
        lambda: os.chmod(mounted.at("file"), 0o600),
        lambda: os.rename(mounted.at("file"), mounted.at("new")),
        lambda: os.utime(mounted.at("file")),
    ):
        with pytest.raises(OSError) as caught:
            operation()
        assert caught.value.errno == errno.EROFS
    assert "ro" in mountinfo(mounted.path)["options"]
    assert site.names() == ["file"]


def as_other_user(*command):
    return subprocess.run(
        command, user=OTHER_UID, group=OTHER_UID, extra_groups=[], capture_output=True, check=False
    )


def test_other_users_are_kept_out(site, mount, open_tmp):
    site.put("file", b"content")
    mounted = mount()
    os.chmod(mounted.directory, 0o755)
    result = as_other_user("cat", mounted.at("file"))
    assert result.returncode != 0
    assert b"ermission denied" in result.stderr


def test_allow_other_lets_them_in_as_far_as_the_modes_say(site, mount, open_tmp):
    site.put("open", b"content", mode=0o644)
    site.put("closed", b"content", mode=0o600)
    mounted = mount(allow_other=True)
    os.chmod(mounted.directory, 0o755)
    assert as_other_user("cat", mounted.at("open")).stdout == b"content"
    result = as_other_user("cat", mounted.at("closed"))
    assert b"ermission denied" in result.stderr
    result = as_other_user("touch", mounted.at("new"))
    assert result.returncode != 0
    assert site.names() == ["closed", "open"]


def test_two_mounts_of_one_directory_see_each_others_files(site, mount):
    one, other = mount(dir_cache_timeout=0), mount(dir_cache_timeout=0)
    with open(one.at("file"), "wb") as file:
        file.write(b"from one")
    with open(other.at("file"), "rb") as file:
        assert file.read() == b"from one"
    with open(other.at("file"), "ab") as file:
        file.write(b" and other")
    with open(one.at("file"), "rb") as file:
        assert file.read() == b"from one and other"


def test_a_mountpoint_with_a_space_works(site, home, tmp_path):
    point = tmp_path / "mount point"
    point.mkdir()
    site.put("file", b"content")
    result = run_ftpsfs(site.source, point, "-o", options_for(site.server, home), home=home)
    assert result.returncode == 0, result.stderr
    assert os.listdir(point) == ["file"]
    unmount_and_wait(str(point))


def test_fsname_and_subtype_show_in_the_mount_table(site, mount):
    mounted = mount(fsname="my server", subtype="other")
    info = mountinfo(mounted.path)
    assert info["source"].replace("\\040", " ") == "my server"
    assert info["type"] == "fuse.other"


def test_mount_8_mounts_it_as_in_fstab(site, point, home):
    """mount(8) runs the program of the type's name, here by its path in front of the source, and
    adds options of its own."""
    site.put("file", b"content")
    options = options_for(site.server, home, "rw,noauto,_netdev,nofail,x-systemd.automount")
    result = subprocess.run(
        ["mount", "-t", "fuse", f"{BINARY}#{site.source}", point, "-o", options],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert os.listdir(point) == ["file"]
    assert mountinfo(point)["type"] == "fuse.ftpsfs"


def test_the_help_names_each_option(home):
    result = run_ftpsfs("-h", home=home)
    assert result.returncode == 0
    assert result.stderr == ""
    for word in ("MOUNTPOINT", "cafile", "credentials", "connections", "dir_cache_timeout", "-f"):
        assert word in result.stdout


def test_the_version_is_one_line(home):
    result = run_ftpsfs("-V", home=home)
    assert result.returncode == 0
    assert result.stdout.startswith("ftpsfs ")


AS_A_USER = """\
set -eu
# /dev/fuse is open to all on an ordinary system; in a container it may not be.
mknod -m 666 "$WORK/fuse" c 10 229
mount --bind "$WORK/fuse" /dev/fuse
as_user() { setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups "$@"; }
as_user "$WORK/ftpsfs" "$SOURCE" "$WORK/mnt" -o "${EXPLICIT}cafile=$WORK/ca.pem,credentials=$WORK/credentials"
as_user cat "$WORK/mnt/file"
as_user sh -c 'echo written >"$0"' "$WORK/mnt/new"
as_user fusermount3 -u "$WORK/mnt"
"""


def test_a_user_who_is_not_root_can_mount(site, home, open_tmp):
    """Through fusermount3, which is setuid."""
    site.put("file", b"content")
    work = open_tmp / "work"
    (work / "mnt").mkdir(parents=True)
    credentials_file(str(work), site.server.user, site.server.password)
    shutil.copy(site.server.cafile, work / "ca.pem")
    shutil.copy(BINARY, work / "ftpsfs")
    for path in (work, *work.iterdir()):
        os.chown(path, OTHER_UID, OTHER_UID)
    settings = {"WORK": str(work), "SOURCE": site.source, "USER_ID": str(OTHER_UID)}
    settings["EXPLICIT"] = "explicit," if site.server.explicit else ""
    result = subprocess.run(
        ["unshare", "--mount", "--propagation", "slave", "sh", "-c", AS_A_USER],
        env=environment(work, **settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout == b"content"
    assert site.get("new") == b"written\n"


def test_in_the_foreground_messages_come_to_stderr(servers, mount):
    server = servers.make("pyftpdlib")
    mounted = mount(server, words=["-d"])
    os.listdir(mounted.path)
    assert "MLSD" in mounted.log()


def test_a_mount_that_fails_in_the_foreground_ends_with_status_1(servers, mount):
    server = servers.make("pyftpdlib")
    server.stop()
    with pytest.raises(MountError) as caught:
        mount(server)
    assert caught.value.status == 1
    assert_one_line(caught.value.text)
