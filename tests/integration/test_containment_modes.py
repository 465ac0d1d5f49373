# SPDX-License-Identifier: GPL-2.0-or-later
"""What a server's file may do on this machine is not the server's to say: it is no set-user-id
program, no device, and has no capabilities, and the mount says so to the kernel as well."""

import errno
import os
import pwd
import shutil
import stat

import pytest

from harness import code, eventually, mountinfo
from test_fstab import Machine, machine  # pylint: disable=unused-import

pytest_plugins = ["scripted_fixtures"]

USER = pwd.getpwnam("nobody")

# The server is one whose listings tell modes by UNIX.mode, or by letters.
LISTINGS = pytest.mark.parametrize("mlst", [True, False], ids=["UNIX.mode", "letters"])
SPECIAL = [0o4755, 0o2755, 0o6755, 0o1755, 0o7777, 0o4644, 0o2644, 0o1644, 0o7000]


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@LISTINGS
def test_a_servers_file_shows_no_special_bit(scripted, mount, mlst):
    server = scripted(mlst=mlst)
    for bits in SPECIAL:
        server.tree.put(f"/dir/{bits:o}", b"content", mode=bits)
    mounted = mount(server, allow_other=True)
    # From the listing, and each asked for by itself.
    with os.scandir(mounted.at("dir")) as entries:
        shown = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in entries}
    assert shown == {f"{bits:o}": bits & 0o777 for bits in SPECIAL}


@LISTINGS
@pytest.mark.parametrize("umask", [None, "022", "077"])
def test_a_servers_directory_keeps_what_gives_nobody_anothers_rights(scripted, mount, mlst, umask):
    """Set-group-id and sticky; a umask is taken away as ever."""
    server = scripted(mlst=mlst)
    for bits in SPECIAL:
        server.tree.makedirs(f"/{bits:o}").mode = bits
    mounted = mount(server, umask=umask)
    taken = int(umask or "0", 8)
    for bits in SPECIAL:
        assert mode(mounted.at(f"{bits:o}")) == bits & 0o3777 & ~taken


def test_a_umask_gives_back_no_special_bit(scripted, mount):
    server = scripted()
    server.tree.put("/file", mode=0o7777)
    assert mode(mount(server, fmask="0").at("file")) == 0o777


@pytest.mark.parametrize("kind", ["chr-1/3", "blk-8/0", "sock", "fifo"])
def test_a_servers_device_or_socket_is_a_pipe_without_number(scripted, mount, kind):
    server = scripted()
    server.tree.put("/thing", mode=0o6666).told_type = f"OS.unix={kind}"
    status = os.lstat(mount(server).at("thing"))
    assert (stat.S_IFMT(status.st_mode), status.st_rdev) == (stat.S_IFIFO, 0)
    assert stat.S_IMODE(status.st_mode) == 0o666


def test_chmod_neither_sends_nor_shows_special_bits_of_files(scripted, mount):
    server = scripted()
    server.tree.put("/file", mode=0o644)
    mounted = mount(server)
    for bits in SPECIAL:
        os.chmod(mounted.at("file"), bits)
        assert mode(mounted.at("file")) == bits & 0o777
        assert server.tree.find("/file").mode == bits & 0o777
    told = [words.split()[1] for words in server.arguments("SITE") if words.startswith("CHMOD")]
    assert {word[0] for word in told} == {"0"}


def test_chmod_of_a_directory_sends_all_but_set_user_id(scripted, mount):
    server = scripted()
    server.tree.makedirs("/dir")
    mounted = mount(server)
    for bits in SPECIAL:
        os.chmod(mounted.at("dir"), bits)
        assert mode(mounted.at("dir")) == bits & 0o3777
        assert server.tree.find("/dir").mode == bits & 0o3777


@pytest.mark.parametrize("writeback", [False, True])
def test_a_new_file_gets_no_special_bit(scripted, mount, writeback):
    server = scripted()
    mounted = mount(server, writeback=writeback)
    os.umask(0)
    os.close(os.open(mounted.at("opened"), os.O_CREAT | os.O_WRONLY, 0o6755))
    os.mknod(mounted.at("made"), stat.S_IFREG | 0o6755)
    os.umask(0o022)
    for name in ("opened", "made"):
        assert mode(mounted.at(name)) == 0o755
    mounted.unmount()
    assert {server.tree.find(f"/{name}").mode & 0o7000 for name in ("opened", "made")} == {0}


def test_no_attribute_of_the_servers_is_a_capability(site, mount):
    """security.capability would be one more way to root's rights."""
    site.put("program", b"#!/bin/sh\n", mode=0o755)
    mounted = mount()
    path = mounted.at("program")
    found = code(os.getxattr, path, "security.capability")
    assert found in (errno.ENODATA, errno.EOPNOTSUPP)
    assert "security.capability" not in listed(path)


def listed(path):
    try:
        return os.listxattr(path)
    except OSError as error:
        assert error.errno == errno.EOPNOTSUPP
        return []


# The kernel's flags

WORDS = ["", "suid,dev", "suid,nosuid", "nosuid,suid", "exec,suid,dev,rw", "nodev,nosuid,dev,suid"]


def flags(machine, point):
    shown = machine.good("findmnt", "--noheadings", "--output", "VFS-OPTIONS", point)
    return set(shown.strip().split(","))


def program(machine):
    """A set-user-id program on the server that says whose rights it has."""
    path = machine.server.path("program")
    shutil.copy("/usr/bin/id", path)
    machine.server.adopt(machine.server.root)
    os.chmod(path, 0o6755)


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("kind", ["ftpsfs", "fuse.ftpsfs"])
def test_a_mount_of_root_is_nosuid_and_nodev_whatever_it_is_told(machine, kind, words):
    """And a set-user-id program of a hostile server runs with the rights of who starts it."""
    program(machine)
    point = machine.point()
    options = machine.options("allow_other,idmap=none" + ("," if words else "") + words)
    machine.good("mount", "-t", kind, machine.source(), point, "-o", options)
    assert {"nosuid", "nodev"} <= flags(machine, point)
    assert not {"suid", "dev"} & flags(machine, point)
    assert machine.good("stat", "-c", "%a %F", f"{point}/program").strip() == "755 regular file"
    said = machine.good(f"{point}/program", user=USER)
    assert f"uid={USER.pw_uid}(" in said and "euid=" not in said and "egid=" not in said, said


@pytest.mark.parametrize("kind", ["ftpsfs", "fuse.ftpsfs"])
def test_a_users_line_of_fstab_is_nosuid_and_nodev(machine, kind):
    games = pwd.getpwnam("games")
    point = machine.point(games)
    machine.fstab(
        (machine.source(), point, kind, machine.options("user,noauto,suid,dev", owner=games))
    )
    machine.good("mount", point, user=games)
    assert {"nosuid", "nodev"} <= flags(machine, point)


def test_type_fuse_is_nosuid_and_nodev(machine):
    point = machine.point()
    source = f"ftpsfs#{machine.server.user}@{machine.server.host}:/"
    options = machine.options(f"port={machine.server.port},suid,dev")
    machine.good("mount", "-t", "fuse", source, point, "-o", options)
    assert {"nosuid", "nodev"} <= flags(machine, point)


@pytest.mark.parametrize("words", ["suid,dev", "nosuid,suid", "auto_unmount,suid,dev"])
def test_a_mount_without_mount_8_is_nosuid_and_nodev(machine, words):
    point = machine.point()
    machine.good("ftpsfs", machine.source(), point, "-o", machine.options(words))
    assert {"nosuid", "nodev"} <= flags(machine, point)


def test_a_configuration_file_can_not_take_the_flags_away(scripted, mount, tmp_path, monkeypatch):
    server = scripted()
    (tmp_path / "ftpsfs").mkdir()
    text = "[defaults]\nsuid=true\ndev=true\n"
    (tmp_path / "ftpsfs" / "config").write_text(text, encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    mounted = mount(server)
    assert {"nosuid", "nodev"} <= set(mountinfo(mounted.path)["options"])


# mount.fuse3 -o drop_privileges mounts before ftpsfs is started, which then may do nothing more


@pytest.mark.parametrize("words", ["", "nosuid", "nodev", "nosuid,nodev,suid,dev"])
def test_a_mount_made_before_without_the_flags_is_refused(machine, words):
    program(machine)
    point = machine.point()
    options = machine.options("drop_privileges,allow_other" + ("," if words else "") + words)
    result = machine.run("mount", "-t", "fuse.ftpsfs", machine.source(), point, "-o", options)
    assert "nosuid,nodev" in result.stderr and "type ftpsfs" in result.stderr
    assert machine.run(f"{point}/program", user=USER).returncode != 0, "it is served"


def test_a_mount_made_before_with_the_flags_is_served(machine):
    program(machine)
    point = machine.point()
    options = machine.options("drop_privileges,allow_other,nosuid,nodev")
    machine.good("mount", "-t", "fuse.ftpsfs", machine.source(), point, "-o", options)
    eventually(lambda: machine.run("ls", point).returncode == 0, 20, "the mount")
    assert {"nosuid", "nodev"} <= flags(machine, point)
    assert "euid=" not in machine.good(f"{point}/program", user=USER)


# Opens /dev/fuse, mounts it, and hands it on as mount.fuse3 does, but keeps root's rights.
PASS_ON = """
import ctypes, os, sys
flags, point, *command = sys.argv[1:]
fuse = os.open("/dev/fuse", os.O_RDWR)
os.set_inheritable(fuse, True)
libc = ctypes.CDLL(None, use_errno=True)
data = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
if libc.mount(b"passed", point.encode(), b"fuse.ftpsfs", int(flags), data) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(command[0], [*command[:2], f"/dev/fd/{fuse}", *command[2:]])
"""


@pytest.mark.parametrize("set_before", [0, 2 | 4], ids=["suid,dev", "nosuid,nodev"])
def test_a_mount_made_before_gets_the_flags_where_root_may_do_that(machine, set_before):
    program(machine)
    point = machine.point()
    words = ["/usr/bin/python3", "-c", PASS_ON, set_before, point]
    machine.good(*words, "ftpsfs", machine.source(), "-o", machine.options())
    assert {"nosuid", "nodev"} <= flags(machine, point)
    assert "euid=" not in machine.good(f"{point}/program", user=USER)
