# SPDX-License-Identifier: GPL-2.0-or-later
"""mkdir(2), rmdir(2), readdir(3) and getcwd(3) as POSIX.1-2017 has them."""

import os
import stat
import subprocess

from posix_fixtures import as_other, outcome

pytest_plugins = ["posix_fixtures"]


def test_mkdir_makes_an_empty_directory(place):
    os.mkdir(place.at("directory"))
    assert stat.S_ISDIR(os.lstat(place.at("directory")).st_mode)
    assert os.listdir(place.at("directory")) == []
    assert place.site.names() == ["directory"]


def test_mkdir_takes_the_mode_less_the_umask(place):
    before = os.umask(0o022)
    try:
        for mode, shown in ((0o777, 0o755), (0o700, 0o700), (0o750, 0o750)):
            os.mkdir(place.at(f"{mode:o}"), mode)
            assert stat.S_IMODE(os.stat(place.at(f"{mode:o}")).st_mode) == shown
            assert stat.S_IMODE(os.stat(place.site.path(f"{mode:o}")).st_mode) == shown
    finally:
        os.umask(before)


def test_mkdir_refuses_what_is_there(place):
    place.site.mkdir("directory")
    os.symlink("directory", place.site.path("link"))
    place.make("file", b"x")
    for name in ("file", "directory", "link", ".", "..", "directory/.", "directory/.."):
        assert outcome(os.mkdir, place.at(name)) == "EEXIST", name
    assert place.site.names("directory") == []


def test_mkdir_needs_a_directory_above(place):
    place.make("file", b"x")
    assert outcome(os.mkdir, place.at("missing", "below")) == "ENOENT"
    assert outcome(os.mkdir, place.at("file", "below")) == "ENOTDIR"
    assert outcome(os.mkdir, "") == "ENOENT"


def test_mkdir_changes_the_time_of_the_directory_above(place):
    # Servers that tell no exact time have one that is a minute old at most.
    place.mkdir("above")
    place.mkdir("above/below")
    assert os.stat(place.at("above")).st_mtime >= os.stat(place.site.path("above")).st_mtime - 61


def test_rmdir_removes_an_empty_directory(place):
    place.mkdir("directory")
    os.rmdir(place.at("directory"))
    assert outcome(os.lstat, place.at("directory")) == "ENOENT"
    assert place.site.names() == []
    os.mkdir(place.at("directory"))
    assert os.listdir(place.path) == ["directory"]


def test_rmdir_refuses_what_is_not_empty(place):
    place.mkdir("one")
    place.make("one/file", b"x")
    place.mkdir("two")
    place.mkdir("two/below")
    for name in ("one", "two", "two/below/.."):
        assert outcome(os.rmdir, place.at(name)) == "ENOTEMPTY", name
    os.unlink(place.at("one", "file"))
    os.rmdir(place.at("two", "below"))
    os.rmdir(place.at("one"))
    os.rmdir(place.at("two"))
    assert place.site.names() == []


def test_rmdir_refuses_what_others_have_filled(place):
    place.mkdir("directory")
    place.site.put("directory/file", b"x")
    assert outcome(os.rmdir, place.at("directory")) == "ENOTEMPTY"
    assert place.site.get("directory/file") == b"x"


def test_rmdir_refuses_what_is_no_directory(place):
    place.make("file", b"x")
    assert outcome(os.rmdir, place.at("file")) == "ENOTDIR"
    assert outcome(os.rmdir, place.at("file", "below")) == "ENOTDIR"
    assert outcome(os.rmdir, place.at("missing")) == "ENOENT"
    assert outcome(os.rmdir, place.at("missing", "below")) == "ENOENT"
    assert place.site.names() == ["file"]


def test_rmdir_refuses_a_symbolic_link(place):
    place.site.mkdir("directory")
    os.symlink("directory", place.site.path("link"))
    if stat.S_ISLNK(os.lstat(place.at("link")).st_mode):
        assert outcome(os.rmdir, place.at("link")) == "ENOTDIR"
    assert "directory" in place.site.names()


def test_rmdir_refuses_dot_and_the_mountpoint(place):
    place.mkdir("directory")
    assert outcome(os.rmdir, place.at("directory", ".")) == "EINVAL"
    assert outcome(os.rmdir, place.mount.path) == "EBUSY"
    assert place.site.names() == ["directory"]


def test_a_removed_directory_that_is_held_open_takes_no_names(place):
    place.mkdir("directory")
    descriptor = os.open(place.at("directory"), os.O_RDONLY)
    os.rmdir(place.at("directory"))
    assert outcome(os.mkdir, "below", dir_fd=descriptor) in ("ENOENT", "ESTALE")
    flags = os.O_WRONLY | os.O_CREAT
    assert outcome(os.open, "file", flags, dir_fd=descriptor) in ("ENOENT", "ESTALE")
    os.close(descriptor)
    assert place.site.names() == []


def test_readdir_shows_each_name_once_while_others_are_removed(place):
    for i in range(60):
        place.site.put(f"{i:02}", b"")
    seen = []
    with os.scandir(place.path) as entries:
        for i, entry in enumerate(entries):
            seen.append(entry.name)
            os.unlink(place.at(entry.name))
            if i == 20:
                place.make("new", b"x")
    assert sorted(set(seen) - {"new"}) == [f"{i:02}" for i in range(60)]
    assert len(seen) == len(set(seen))
    assert set(os.listdir(place.path)) <= {"new"}


def test_dot_and_dot_dot_lead_where_they_should(place):
    place.mkdir("directory")
    assert os.path.samefile(place.at("directory", "."), place.at("directory"))
    assert os.path.samefile(place.at("directory", ".."), place.path)
    listed = subprocess.run(["ls", "-a", place.at("directory")], capture_output=True, check=True)
    assert listed.stdout.split() == [b".", b".."]


def test_a_working_directory_follows_its_renaming(place):
    place.mkdir("old")
    child = subprocess.run(
        ["sh", "-c", "cd old && mv ../old ../new && pwd -P && echo x >file && ls"],
        cwd=place.path,
        capture_output=True,
        check=False,
    )
    assert child.stdout.decode().split("\n") == [place.at("new"), "file", ""], child.stderr
    assert place.site.get("new/file") == b"x\n"


def test_modes_are_checked_for_other_users(place):
    place.mkdir("below")
    os.chmod(place.path, 0o755)
    assert as_other(place, lambda: outcome(os.mkdir, "new")) == "EACCES"
    assert as_other(place, lambda: outcome(os.rmdir, "below")) == "EACCES"
    os.chmod(place.path, 0o777)
    assert as_other(place, lambda: outcome(os.rmdir, "below")) == ""
    assert as_other(place, lambda: outcome(os.mkdir, "new")) == ""
    assert place.site.names() == ["new"]
