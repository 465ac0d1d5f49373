# SPDX-License-Identifier: GPL-2.0-or-later
"""Attributes: what stat(2) shows, and what chmod, utimensat and symlink do on the server."""

import ctypes
import errno
import grp
import os
import pwd
import re
import stat
import time

import pytest

from harness import OTHER_UID, Cost, eventually

UNSUPPORTED = (errno.EOPNOTSUPP, errno.EPERM, errno.ENOSYS)


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_size_type_and_owner_are_shown(site, mount):
    site.put("file", b"x" * 12345)
    site.mkdir("directory")
    mounted = mount()
    status = os.stat(mounted.at("file"))
    assert stat.S_ISREG(status.st_mode)
    assert status.st_size == 12345
    assert status.st_blocks * 512 >= 12345
    assert status.st_nlink >= 1
    assert (status.st_uid, status.st_gid) == (os.getuid(), os.getgid())
    status = os.stat(mounted.at("directory"))
    assert stat.S_ISDIR(status.st_mode)
    assert (status.st_uid, status.st_gid) == (os.getuid(), os.getgid())


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o777])
def test_the_servers_mode_is_shown(site, mount, mode):
    site.put("file", b"x", mode=mode)
    site.mkdir("directory", mode=mode)
    mounted = mount()
    os.listdir(mounted.path)
    assert mode_of(mounted.at("file")) == mode
    assert mode_of(mounted.at("directory")) == mode


def test_the_modification_time_is_the_servers(site, mount):
    site.put("file", b"x")
    moment = int(time.time()) - 100000
    os.utime(site.path("file"), (moment, moment))
    mounted = mount()
    os.listdir(mounted.path)
    shown = os.stat(mounted.at("file")).st_mtime
    # LIST tells the minute; a file that is looked at is asked for exactly.
    assert shown == moment


def test_the_modification_time_of_an_old_file_is_the_servers(site, mount):
    site.put("file", b"x")
    moment = 1_000_000_000
    os.utime(site.path("file"), (moment, moment))
    mounted = mount()
    os.listdir(mounted.path)
    shown = os.stat(mounted.at("file")).st_mtime
    # LIST tells only the day of a file older than half a year.
    assert shown == moment


@pytest.mark.parametrize("server_kind", ["vsftpd"], indirect=True)
def test_expired_files_are_looked_at_again_in_few_round_trips(site, mount):
    """A server without MLST: one listing, then the exact times of those that have changed, and of
    those only, a batch at a time."""
    moment = int(time.time()) - 100_000

    def put(first, after):
        for i in range(first, 300):
            site.put(f"file-{i:03}", b"x" * (i + after))
            os.utime(site.path(f"file-{i:03}"), (moment + after, moment + after + i))

    def shown():
        states = [os.stat(mounted.at(f"file-{i:03}")) for i in range(300)]
        return [(state.st_size, state.st_mtime) for state in states]

    put(0, 0)
    mounted = mount(words=("-d",), dir_cache_timeout=4)
    os.listdir(mounted.path)
    assert shown() == [(i, moment + i) for i in range(300)]
    put(100, 7200)
    wanted = [(i + after, moment + i + after) for i in range(300) for after in [7200 * (i >= 100)]]
    since = len(mounted.log())
    with Cost(mounted) as cost:
        eventually(lambda: shown() == wanted, what="the new sizes and times")
    sent = re.findall(r"ftpsfs: > (\w+)", mounted.log()[since:])
    assert sent.count("MDTM") == 200
    assert cost["round_trips"] <= 25, cost.spent


def test_a_file_just_written_is_as_new_as_the_clock_says(site, mount):
    mounted = mount()
    before = time.time()
    with open(mounted.at("file"), "wb") as file:
        file.write(b"x")
    assert before - 61 <= os.stat(mounted.at("file")).st_mtime <= time.time() + 2


def test_chmod_changes_the_mode_on_the_server(site, mount):
    site.put("file", b"x", mode=0o644)
    site.mkdir("directory", mode=0o755)
    mounted = mount()
    for mode in (0o600, 0o755, 0o644):
        os.chmod(mounted.at("file"), mode)
        assert mode_of(site.path("file")) == mode
        assert mode_of(mounted.at("file")) == mode
    os.chmod(mounted.at("directory"), 0o700)
    assert mode_of(site.path("directory")) == 0o700
    assert mode_of(mounted.at("directory")) == 0o700


def test_chmod_of_a_file_being_written_holds_after_close(site, mount):
    mounted = mount()
    with open(mounted.at("file"), "wb", buffering=0) as file:
        file.write(b"before")
        os.fchmod(file.fileno(), 0o600)
        file.write(b" after")
    assert site.get("file") == b"before after"
    assert mode_of(site.path("file")) == 0o600
    assert mode_of(mounted.at("file")) == 0o600


def test_chmod_of_another_owners_file_is_refused(site, mount):
    path = site.put("file", b"x", mode=0o644)
    os.chown(path, OTHER_UID, OTHER_UID)
    mounted = mount()
    with pytest.raises(PermissionError):
        os.chmod(mounted.at("file"), 0o777)
    assert mode_of(site.path("file")) == 0o644


def test_utime_sets_the_modification_time_on_the_server(site, mount):
    site.put("file", b"x")
    mounted = mount()
    for moment in (1_234_567_890, 1_700_000_001, 86400 * 365):
        os.utime(mounted.at("file"), (moment, moment))
        assert os.stat(site.path("file")).st_mtime == moment
        assert os.stat(mounted.at("file")).st_mtime == moment


def test_utime_of_now_is_now(site, mount):
    site.put("file", b"x")
    os.utime(site.path("file"), (1_234_567_890, 1_234_567_890))
    mounted = mount()
    before = time.time()
    os.utime(mounted.at("file"))
    assert before - 2 <= os.stat(site.path("file")).st_mtime <= time.time() + 2


def test_utime_of_a_file_being_written_holds_after_close(site, mount):
    moment = 1_234_567_890
    mounted = mount()
    with open(mounted.at("file"), "wb", buffering=0) as file:
        file.write(b"content")
        os.utime(file.fileno(), (moment, moment))
    assert site.get("file") == b"content"
    assert os.stat(site.path("file")).st_mtime == moment
    assert os.stat(mounted.at("file")).st_mtime == moment


def test_writing_after_utime_makes_the_file_new_again(site, mount):
    moment = 1_234_567_890
    mounted = mount()
    with open(mounted.at("file"), "wb", buffering=0) as file:
        file.write(b"content")
        os.utime(file.fileno(), (moment, moment))
        file.write(b" and more")
    assert os.stat(site.path("file")).st_mtime > moment + 1000


def test_setting_the_access_time_alone_keeps_the_modification_time(site, mount):
    site.put("file", b"x")
    moment = 1_234_567_890
    os.utime(site.path("file"), (moment, moment))
    mounted = mount()
    omit = (1 << 30) - 2  # UTIME_OMIT
    times = (ctypes.c_long * 4)(1_000_000_000, 0, 0, omit)
    path = os.fsencode(mounted.at("file"))
    assert ctypes.CDLL(None, use_errno=True).utimensat(-100, path, times, 0) == 0
    assert os.stat(site.path("file")).st_mtime == moment


def test_chown_to_who_is_shown_already_is_no_error(site, mount):
    site.put("file", b"x")
    mounted = mount()
    status = os.stat(mounted.at("file"))
    os.chown(mounted.at("file"), status.st_uid, status.st_gid)
    with pytest.raises(OSError) as caught:
        os.chown(mounted.at("file"), OTHER_UID, OTHER_UID)
    assert caught.value.errno in UNSUPPORTED


def test_uid_gid_and_umask_change_what_is_shown(site, mount):
    site.put("file", b"x", mode=0o666)
    site.mkdir("directory", mode=0o777)
    mounted = mount(uid=OTHER_UID, gid=OTHER_UID + 1, umask="027")
    for name, mode in (("file", 0o640), ("directory", 0o750)):
        status = os.stat(mounted.at(name))
        assert (status.st_uid, status.st_gid) == (OTHER_UID, OTHER_UID + 1)
        assert stat.S_IMODE(status.st_mode) == mode
    root = os.stat(mounted.path)
    assert (root.st_uid, root.st_gid) == (OTHER_UID, OTHER_UID + 1)


def test_fmask_and_dmask_differ(site, mount):
    site.put("file", b"x", mode=0o666)
    site.mkdir("directory", mode=0o777)
    mounted = mount(fmask="133", dmask="022")
    assert mode_of(mounted.at("file")) == 0o644
    assert mode_of(mounted.at("directory")) == 0o755


def test_users_and_groups_are_taken_by_name(site, mount):
    site.put("file", b"x")
    mounted = mount(uid="daemon", gid="daemon")
    status = os.stat(mounted.at("file"))
    assert status.st_uid == pwd.getpwnam("daemon").pw_uid
    assert status.st_gid == grp.getgrnam("daemon").gr_gid


def test_inode_numbers_tell_files_apart_and_stay(site, mount):
    for i in range(20):
        site.put(f"file-{i}", b"x")
    mounted = mount()
    numbers = {name: os.stat(mounted.at(name)).st_ino for name in os.listdir(mounted.path)}
    assert len(set(numbers.values())) == 20
    for name, number in numbers.items():
        assert os.stat(mounted.at(name)).st_ino == number


def test_attributes_changed_behind_the_mount_appear(site, mount):
    site.put("file", b"x", mode=0o644)
    mounted = mount(dir_cache_timeout=1)
    assert mode_of(mounted.at("file")) == 0o644
    os.chmod(site.path("file"), 0o600)
    with open(site.path("file"), "ab") as file:
        file.write(b"yz")
    eventually(lambda: mode_of(mounted.at("file")) == 0o600, what="the new mode")
    eventually(lambda: os.stat(mounted.at("file")).st_size == 3, what="the new size")


def test_statfs_has_room_for_files(site, mount):
    mounted = mount()
    status = os.statvfs(mounted.path)
    assert status.f_bavail > 0
    assert status.f_bfree <= status.f_blocks
    assert status.f_bsize >= 512
    assert status.f_namemax == 255


def test_a_symlink_on_the_server_leads_to_its_file(site, mount):
    site.put("file", b"content")
    site.mkdir("directory")
    site.put("directory/below", b"below")
    os.symlink("file", site.path("link"))
    os.symlink("directory", site.path("folder link"))
    mounted = mount()
    assert set(os.listdir(mounted.path)) >= {"link", "folder link"}
    with open(mounted.at("link"), "rb") as file:
        assert file.read() == b"content"
    assert os.stat(mounted.at("link")).st_size == 7
    assert os.listdir(mounted.at("folder link")) == ["below"]


def test_a_dangling_symlink_does_not_spoil_the_listing(site, mount):
    site.put("file", b"content")
    os.symlink("nowhere", site.path("dangling"))
    mounted = mount()
    assert "file" in os.listdir(mounted.path)
    with pytest.raises(FileNotFoundError):
        os.stat(mounted.at("dangling"))


def test_readlink_gives_the_target_where_the_server_tells(site, mount):
    site.put("file", b"content")
    os.symlink("file", site.path("link"))
    mounted = mount()
    os.listdir(mounted.path)
    if stat.S_ISLNK(os.lstat(mounted.at("link")).st_mode):
        assert os.readlink(mounted.at("link")) == "file"
    else:
        # Some servers list the file that it leads to.
        assert site.name != "vsftpd"
        assert os.stat(mounted.at("link")).st_size == 7


def test_symlink_makes_one_where_the_server_can(site, mount):
    site.put("file", b"content")
    mounted = mount()
    if not site.server.can_symlink:
        with pytest.raises(OSError) as caught:
            os.symlink("file", mounted.at("link"))
        assert caught.value.errno in UNSUPPORTED
        assert site.names() == ["file"]
        return
    os.symlink("file", mounted.at("link"))
    # ProFTPD makes targets absolute, as seen by its user.
    assert os.readlink(site.path("link")) in ("file", f"/{site.directory}/file")
    with open(mounted.at("link"), "rb") as file:
        assert file.read() == b"content"
    assert os.readlink(mounted.at("link")) == "file"


def test_a_removed_symlink_leaves_its_file(site, mount):
    site.put("file", b"content")
    os.symlink("file", site.path("link"))
    mounted = mount()
    os.unlink(mounted.at("link"))
    assert site.names() == ["file"]
    assert site.get("file") == b"content"


def test_what_ftp_has_no_word_for_is_refused(site, mount):
    site.put("file", b"x")
    mounted = mount()
    for operation in (
        lambda: os.link(mounted.at("file"), mounted.at("hard")),
        lambda: os.mkfifo(mounted.at("fifo")),
        lambda: os.mknod(mounted.at("device"), stat.S_IFBLK | 0o600, os.makedev(7, 200)),
    ):
        with pytest.raises(OSError) as caught:
            operation()
        assert caught.value.errno in UNSUPPORTED
    assert site.names() == ["file"]
