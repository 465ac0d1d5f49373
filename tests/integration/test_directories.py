# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories: listing, making, removing, renaming."""

import ctypes
import errno
import os
import re
import stat
import subprocess

import pytest
from scripted_mount import Memory

from harness import COMMAND_SECONDS, OTHER_UID, Cost, code, eventually

RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2
AT_FDCWD = -100


def renameat2(old, new, flags):
    library = ctypes.CDLL(None, use_errno=True)
    paths = os.fsencode(old), os.fsencode(new)
    if library.renameat2(AT_FDCWD, paths[0], AT_FDCWD, paths[1], flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), old)


def test_a_listing_has_each_entry_once_with_its_type(site, mount):
    site.put("file", b"x")
    site.put(".hidden", b"x")
    site.mkdir("directory")
    mounted = mount()
    with os.scandir(mounted.path) as entries:
        found = sorted((entry.name, entry.is_dir()) for entry in entries)
    assert found == [(".hidden", False), ("directory", True), ("file", False)]


def test_an_empty_directory_is_empty(site, mount):
    site.mkdir("directory")
    mounted = mount()
    assert os.listdir(mounted.path) == ["directory"]
    assert os.listdir(mounted.at("directory")) == []


def test_a_directory_of_2000_entries_is_complete(site, mount):
    names = [f"entry number {i:05}" for i in range(2000)]
    for name in names:
        open(site.path(name), "wb").close()
    mounted = mount()
    assert sorted(os.listdir(mounted.path)) == names
    for name in names[::400]:
        assert stat.S_ISREG(os.stat(mounted.at(name)).st_mode)


def test_ls_l_of_a_directory_costs_one_listing(site, mount):
    for i in range(100):
        site.put(f"file-{i}", b"x" * i)
    mounted = mount()
    sizes = {entry.name: entry.stat().st_size for entry in os.scandir(mounted.path)}
    assert sizes == {f"file-{i}": i for i in range(100)}
    counters = mounted.stats()
    assert counters["lists"] == 1
    assert counters["stats"] <= 4


# Pure-FTPd is not among them: it tells of 10,000 entries at most. The other ProFTPDs list like these.
@pytest.mark.seconds(300)
@pytest.mark.parametrize("server_kind", ["vsftpd", "proftpd", "pyftpdlib"], indirect=True)
def test_ls_of_100000_entries_costs_one_listing_and_250_bytes_an_entry(site, mount):
    count = 100_000
    site.mkdir("large")
    names = [f"entry number {i:06}" for i in range(count)]
    for name in names:
        open(site.path("large", name), "wb").close()
    mounted = mount(timeout=120)
    os.stat(mounted.at("large"))
    before = len(site.server.log_text())
    # Besides the entries: what lies in buffers while the listing comes in.
    with Memory(mounted.pid, 250 * count + (8 << 20)), Cost(mounted) as cost:
        ls = subprocess.run(
            ["ls", mounted.at("large")],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=4 * COMMAND_SECONDS,
        )
    assert ls.stdout.splitlines() == names
    assert cost["lists"] == 1
    wanted = "MLSD" if site.server.can_mlsd else "LIST"

    # A server may log a command after its reply.
    def commands():
        return set(re.findall(r"\b(?:MLSD|LIST|NLST)\b", site.server.log_text()[before:]))

    eventually(commands, what="the command in the server's log")
    assert commands() == {wanted}


def test_a_listing_is_kept_for_dir_cache_timeout(site, mount):
    site.put("file", b"x")
    mounted = mount(dir_cache_timeout=600)
    for _ in range(10):
        assert os.listdir(mounted.path) == ["file"]
        os.stat(mounted.at("file"))
        assert code(os.stat, mounted.at("missing")) == errno.ENOENT
    assert mounted.stats()["lists"] == 1


def test_a_deep_path_works_to_its_end(site, mount):
    mounted = mount()
    path = "/".join(f"level {i}" for i in range(30))
    os.makedirs(mounted.at(path))
    with open(mounted.at(path, "file"), "wb") as file:
        file.write(b"deep")
    assert site.get(path + "/file") == b"deep"


def test_mkdir_makes_a_directory(site, mount):
    mounted = mount()
    os.mkdir(mounted.at("directory"))
    os.mkdir(mounted.at("directory", "below"))
    assert os.path.isdir(site.path("directory", "below"))
    assert os.listdir(mounted.path) == ["directory"]
    assert os.listdir(mounted.at("directory")) == ["below"]
    assert stat.S_ISDIR(os.stat(mounted.at("directory")).st_mode)


def test_mkdir_says_what_is_wrong(site, mount):
    site.put("file", b"x")
    site.mkdir("directory")
    closed = site.mkdir("closed")
    os.chown(closed, OTHER_UID, OTHER_UID)
    mounted = mount()
    assert code(os.mkdir, mounted.at("file")) == errno.EEXIST
    assert code(os.mkdir, mounted.at("directory")) == errno.EEXIST
    assert code(os.mkdir, mounted.at("missing", "below")) == errno.ENOENT
    assert code(os.mkdir, mounted.at("closed", "below")) == errno.EACCES
    assert site.names("closed") == []


def test_rmdir_removes_an_empty_directory(site, mount):
    site.mkdir("directory")
    mounted = mount()
    os.rmdir(mounted.at("directory"))
    assert site.names() == []
    assert os.listdir(mounted.path) == []
    assert code(os.stat, mounted.at("directory")) == errno.ENOENT


def test_rmdir_says_what_is_wrong(site, mount):
    site.put("file", b"x")
    site.mkdir("full")
    site.put("full/file", b"x")
    closed = site.mkdir("closed")
    site.mkdir("closed/below")
    os.chown(closed, OTHER_UID, OTHER_UID)
    mounted = mount()
    assert code(os.rmdir, mounted.at("full")) == errno.ENOTEMPTY
    assert code(os.rmdir, mounted.at("file")) == errno.ENOTDIR
    assert code(os.rmdir, mounted.at("missing")) == errno.ENOENT
    assert code(os.rmdir, mounted.at("closed", "below")) == errno.EACCES
    assert site.names() == ["closed", "file", "full"]


def test_unlink_removes_a_file(site, mount):
    site.put("file", b"x")
    mounted = mount()
    os.unlink(mounted.at("file"))
    assert site.names() == []
    assert os.listdir(mounted.path) == []
    assert code(os.stat, mounted.at("file")) == errno.ENOENT


def test_unlink_says_what_is_wrong(site, mount):
    site.mkdir("directory")
    closed = site.mkdir("closed")
    site.put("closed/file", b"x")
    os.chown(closed, OTHER_UID, OTHER_UID)
    mounted = mount()
    assert code(os.unlink, mounted.at("missing")) == errno.ENOENT
    assert code(os.unlink, mounted.at("directory")) in (errno.EISDIR, errno.EPERM)
    assert code(os.unlink, mounted.at("closed", "file")) == errno.EACCES
    assert site.names() == ["closed", "directory"]
    assert site.names("closed") == ["file"]


def test_an_open_file_stays_readable_after_unlink(site, mount):
    data = os.urandom(400000)
    site.put("file", data)
    mounted = mount()
    with open(mounted.at("file"), "rb", buffering=0) as file:
        assert file.read(10) == data[:10]
        os.unlink(mounted.at("file"))
        assert os.listdir(mounted.path) == []
        assert "file" not in site.names()
        file.seek(0)
        content = b""
        while block := file.read(65536):
            content += block
        assert content == data
        assert os.fstat(file.fileno()).st_size == len(data)
    # Until it is closed the server may keep it under a hidden name.
    eventually(lambda: site.names() == [], what="an empty directory on the server")


def test_a_name_can_be_used_again_at_once(site, mount):
    mounted = mount()
    for i in range(5):
        with open(mounted.at("name"), "wb") as file:
            file.write(b"%d" % i)
        assert site.get("name") == b"%d" % i
        os.unlink(mounted.at("name"))
        os.mkdir(mounted.at("name"))
        assert os.path.isdir(site.path("name"))
        os.rmdir(mounted.at("name"))


def test_rename_moves_a_file(site, mount):
    site.put("old", b"content")
    mounted = mount()
    os.rename(mounted.at("old"), mounted.at("new"))
    assert site.names() == ["new"]
    assert site.get("new") == b"content"
    assert os.listdir(mounted.path) == ["new"]
    assert code(os.stat, mounted.at("old")) == errno.ENOENT
    with open(mounted.at("new"), "rb") as file:
        assert file.read() == b"content"


def test_rename_replaces_an_existing_file(site, mount):
    site.put("old", b"the new content")
    site.put("target", b"gone")
    mounted = mount()
    with open(mounted.at("target"), "rb") as file:
        assert file.read() == b"gone"
    os.rename(mounted.at("old"), mounted.at("target"))
    assert site.names() == ["target"]
    assert site.get("target") == b"the new content"
    with open(mounted.at("target"), "rb") as file:
        assert file.read() == b"the new content"


def test_rename_moves_between_directories(site, mount):
    site.mkdir("a")
    site.mkdir("b")
    site.put("a/file", b"content")
    mounted = mount()
    os.listdir(mounted.at("b"))
    os.rename(mounted.at("a", "file"), mounted.at("b", "moved"))
    assert site.names("a") == []
    assert site.get("b/moved") == b"content"
    assert os.listdir(mounted.at("a")) == []
    assert os.listdir(mounted.at("b")) == ["moved"]


def test_rename_moves_a_directory_with_all_in_it(site, mount):
    site.mkdir("old")
    site.mkdir("old/below")
    site.put("old/below/file", b"content")
    mounted = mount()
    with open(mounted.at("old", "below", "file"), "rb", buffering=0) as file:
        os.rename(mounted.at("old"), mounted.at("new"))
        assert file.read() == b"content"
    assert site.names() == ["new"]
    with open(mounted.at("new", "below", "file"), "rb") as file:
        assert file.read() == b"content"
    with open(mounted.at("new", "below", "file"), "ab") as file:
        file.write(b" and more")
    assert site.get("new/below/file") == b"content and more"
    assert code(os.stat, mounted.at("old", "below")) == errno.ENOENT


def test_rename_replaces_an_empty_directory(site, mount):
    site.mkdir("old")
    site.put("old/file", b"content")
    site.mkdir("empty")
    mounted = mount()
    os.rename(mounted.at("old"), mounted.at("empty"))
    assert site.names() == ["empty"]
    assert site.get("empty/file") == b"content"


def test_rename_keeps_a_directory_that_is_not_empty(site, mount):
    site.mkdir("old")
    site.put("old/file", b"old")
    site.mkdir("full")
    site.put("full/file", b"full")
    mounted = mount()
    assert code(os.rename, mounted.at("old"), mounted.at("full")) == errno.ENOTEMPTY
    assert site.get("old/file") == b"old"
    assert site.get("full/file") == b"full"


def test_rename_says_what_is_wrong(site, mount):
    site.put("file", b"file")
    site.mkdir("directory")
    closed = site.mkdir("closed")
    os.chown(closed, OTHER_UID, OTHER_UID)
    mounted = mount()
    assert code(os.rename, mounted.at("file"), mounted.at("directory")) == errno.EISDIR
    assert code(os.rename, mounted.at("directory"), mounted.at("file")) == errno.ENOTDIR
    assert code(os.rename, mounted.at("missing"), mounted.at("new")) == errno.ENOENT
    assert code(os.rename, mounted.at("file"), mounted.at("missing", "new")) == errno.ENOENT
    assert code(os.rename, mounted.at("directory"), mounted.at("directory", "x")) == errno.EINVAL
    assert code(os.rename, mounted.at("file"), mounted.at("closed", "file")) == errno.EACCES
    assert site.names() == ["closed", "directory", "file"]
    assert site.get("file") == b"file"


def test_renaming_a_file_to_itself_changes_nothing(site, mount):
    site.put("file", b"content")
    mounted = mount()
    os.rename(mounted.at("file"), mounted.at("file"))
    assert site.get("file") == b"content"


def test_rename_without_replacing_refuses_an_existing_target(site, mount):
    site.put("old", b"old")
    site.put("target", b"kept")
    mounted = mount()
    arguments = mounted.at("old"), mounted.at("target"), RENAME_NOREPLACE
    assert code(renameat2, *arguments) == errno.EEXIST
    assert site.get("target") == b"kept"
    renameat2(mounted.at("old"), mounted.at("new"), RENAME_NOREPLACE)
    assert site.names() == ["new", "target"]
    arguments = mounted.at("new"), mounted.at("target"), RENAME_EXCHANGE
    assert code(renameat2, *arguments) in (errno.EINVAL, errno.ENOSYS)
    assert site.get("target") == b"kept"


def test_no_moved_aside_names_are_left_after_renames(site, mount):
    mounted = mount()
    for i in range(4):
        with open(mounted.at("temporary"), "wb") as file:
            file.write(b"%d" % i)
        os.rename(mounted.at("temporary"), mounted.at("target"))
    assert site.names() == ["target"]
    assert site.get("target") == b"3"


def test_what_is_made_behind_the_mount_appears(site, mount):
    mounted = mount(dir_cache_timeout=1)
    assert os.listdir(mounted.path) == []
    assert code(os.stat, mounted.at("new")) == errno.ENOENT
    site.put("new", b"from behind")
    eventually(lambda: code(os.stat, mounted.at("new")) == 0, what="the new name")
    eventually(lambda: os.listdir(mounted.path) == ["new"], what="the new listing")
    with open(mounted.at("new"), "rb") as file:
        assert file.read() == b"from behind"


def test_what_is_removed_behind_the_mount_disappears(site, mount):
    site.put("file", b"x")
    site.mkdir("directory")
    mounted = mount(dir_cache_timeout=1)
    assert sorted(os.listdir(mounted.path)) == ["directory", "file"]
    os.unlink(site.path("file"))
    os.rmdir(site.path("directory"))
    eventually(lambda: os.listdir(mounted.path) == [], what="the empty listing")
    for name in ("file", "directory"):
        path = mounted.at(name)
        eventually(lambda path=path: code(os.stat, path) == errno.ENOENT, what="the absence")


def test_a_file_replaced_by_a_directory_behind_the_mount_is_one(site, mount):
    site.put("name", b"x")
    mounted = mount(dir_cache_timeout=1)
    assert stat.S_ISREG(os.stat(mounted.at("name")).st_mode)
    os.unlink(site.path("name"))
    site.mkdir("name")
    site.put("name/file", b"x")
    # The mount may have looked in between, and for a second believes that neither is there.
    eventually(lambda: os.path.isdir(mounted.at("name")), what="the directory")
    eventually(lambda: os.listdir(mounted.at("name")) == ["file"], what="its listing")


def test_without_a_cache_changes_behind_the_mount_show_at_once(site, mount):
    mounted = mount(dir_cache_timeout=0)
    for i in range(3):
        site.put(f"file-{i}", b"x")
        assert sorted(os.listdir(mounted.path)) == [f"file-{j}" for j in range(i + 1)]
        assert os.stat(mounted.at(f"file-{i}")).st_size == 1


def test_an_open_directory_can_be_read_again_from_the_start(site, mount):
    for i in range(300):
        site.put(f"file-{i}", b"")
    mounted = mount()
    library = ctypes.CDLL(None, use_errno=True)
    library.fdopendir.restype = ctypes.c_void_p
    library.readdir.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(library.fdopendir(os.open(mounted.path, os.O_RDONLY)))
    counts = []
    for _ in range(2):
        count = 0
        while library.readdir(stream):
            count += 1
        counts.append(count)
        library.rewinddir(stream)
    library.closedir(stream)
    assert counts == [302, 302]  # "." and ".." too


def test_entries_removed_while_they_are_listed_are_all_found(site, mount):
    for i in range(500):
        site.put(f"file-{i}", b"")
    mounted = mount()
    with os.scandir(mounted.path) as entries:
        for entry in entries:
            os.unlink(entry.path)
    assert site.names() == []
    assert os.listdir(mounted.path) == []
