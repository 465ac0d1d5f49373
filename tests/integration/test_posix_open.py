# SPDX-License-Identifier: GPL-2.0-or-later
"""open(2) as POSIX.1-2017 has it: flags, modes, and what it fails with."""

import os
import stat

from posix_fixtures import as_other, opens, outcome

pytest_plugins = ["posix_fixtures"]

READ, WRITE, BOTH = os.O_RDONLY, os.O_WRONLY, os.O_RDWR


def test_a_file_that_is_not_there_is_enoent(place):
    for flags in (READ, WRITE, BOTH, WRITE | os.O_TRUNC, WRITE | os.O_APPEND):
        assert opens(place.at("missing"), flags) == "ENOENT"
    assert opens(place.at("missing", "below"), READ) == "ENOENT"
    assert opens(place.at("missing", "below"), WRITE | os.O_CREAT) == "ENOENT"
    assert opens("", READ) == "ENOENT"
    assert place.site.names() == []


def test_o_creat_makes_an_empty_file_and_leaves_one_that_is_there(place):
    assert opens(place.at("new"), WRITE | os.O_CREAT) == ""
    assert place.site.get("new") == b""
    place.make("old", b"content")
    assert opens(place.at("old"), WRITE | os.O_CREAT) == ""
    assert opens(place.at("old"), READ | os.O_CREAT) == ""
    assert place.read("old") == place.site.get("old") == b"content"


def test_o_creat_takes_the_mode_less_the_umask(place):
    before = os.umask(0o022)
    try:
        for mode, shown in ((0o666, 0o644), (0o600, 0o600), (0o755, 0o755)):
            name = f"{mode:o}"
            assert opens(place.at(name), WRITE | os.O_CREAT, mode) == ""
            assert stat.S_IMODE(os.stat(place.at(name)).st_mode) == shown
            assert stat.S_IMODE(os.stat(place.site.path(name)).st_mode) == shown
    finally:
        os.umask(before)


def test_a_file_made_without_write_permission_can_be_written_by_who_made_it(place):
    descriptor = os.open(place.at("file"), WRITE | os.O_CREAT | os.O_EXCL, 0o444)
    assert os.write(descriptor, b"content") == 7
    os.close(descriptor)
    assert place.site.get("file") == b"content"
    assert stat.S_IMODE(os.stat(place.at("file")).st_mode) == 0o444


def test_o_excl_refuses_what_is_there(place):
    place.make("file", b"content")
    place.mkdir("directory")
    flags = WRITE | os.O_CREAT | os.O_EXCL
    assert opens(place.at("file"), flags) == "EEXIST"
    assert opens(place.at("directory"), flags) == "EEXIST"
    assert opens(place.at("new"), flags) == ""
    assert opens(place.at("new"), flags) == "EEXIST"
    assert place.read("file") == b"content"


def test_o_excl_refuses_a_symbolic_link_wherever_it_leads(place):
    os.symlink("nowhere", place.site.path("dangling"))
    place.site.mkdir("here")  # ProFTPD's LIST leaves out links to "."
    os.symlink("here", place.site.path("folder"))
    shown = os.listdir(place.path)
    flags = WRITE | os.O_CREAT | os.O_EXCL
    for name in {"dangling", "folder"} & set(shown):
        assert opens(place.at(name), flags) == "EEXIST"
    assert "folder" in shown
    assert not os.path.lexists(place.site.path("nowhere"))


def test_o_trunc_empties_a_file(place):
    for flags in (WRITE, BOTH, WRITE | os.O_CREAT, BOTH | os.O_APPEND):
        place.make("file", b"content")
        assert opens(place.at("file"), flags | os.O_TRUNC) == ""
        assert place.read("file") == b""
        assert place.site.get("file") == b""


def test_a_directory_can_be_opened_only_for_reading(place):
    place.mkdir("directory")
    for flags in (WRITE, BOTH, WRITE | os.O_TRUNC, WRITE | os.O_CREAT, READ | os.O_CREAT):
        assert opens(place.at("directory"), flags) == "EISDIR"
    assert opens(place.at("directory"), READ) == ""
    assert opens(place.at("directory"), READ | os.O_DIRECTORY) == ""
    descriptor = os.open(place.at("directory"), READ)
    assert outcome(os.read, descriptor, 10) == "EISDIR"
    assert outcome(os.write, descriptor, b"x") == "EBADF"
    os.close(descriptor)


def test_o_directory_refuses_a_file(place):
    place.make("file", b"content")
    assert opens(place.at("file"), READ | os.O_DIRECTORY) == "ENOTDIR"
    assert opens(place.at("missing"), READ | os.O_DIRECTORY) == "ENOENT"


def test_o_nofollow_refuses_a_symbolic_link(place):
    place.site.put("file", b"content")
    os.symlink("file", place.site.path("link"))
    os.listdir(place.path)
    shown_as_link = stat.S_ISLNK(os.lstat(place.at("link")).st_mode)
    assert opens(place.at("link"), READ | os.O_NOFOLLOW) == ("ELOOP" if shown_as_link else "")
    assert opens(place.at("file"), READ | os.O_NOFOLLOW) == ""
    assert opens(place.at("link"), READ) == ""


def test_a_handle_does_only_what_it_was_opened_for(place):
    place.make("file", b"content")
    reader = os.open(place.at("file"), READ)
    writer = os.open(place.at("file"), WRITE)
    assert outcome(os.write, reader, b"x") == "EBADF"
    assert outcome(os.read, writer, 10) == "EBADF"
    assert outcome(os.ftruncate, reader, 0) == "EINVAL"
    assert os.read(reader, 100) == b"content"
    for descriptor in (reader, writer):
        os.close(descriptor)
        assert outcome(os.close, descriptor) == "EBADF"
    assert place.read("file") == b"content"


def test_o_append_writes_at_the_end_wherever_the_handle_stands(place):
    place.make("file", b"one")
    descriptor = os.open(place.at("file"), BOTH | os.O_APPEND)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, b" two")
    os.lseek(descriptor, 1, os.SEEK_SET)
    os.write(descriptor, b" three")
    assert os.lseek(descriptor, 0, os.SEEK_CUR) == len(b"one two three")
    assert os.pread(descriptor, 100, 0) == b"one two three"
    os.close(descriptor)
    assert place.site.get("file") == b"one two three"


def test_o_sync_and_o_dsync_have_the_data_on_the_server_after_each_write(place):
    for name, flag in (("sync", os.O_SYNC), ("dsync", os.O_DSYNC)):
        descriptor = os.open(place.at(name), WRITE | os.O_CREAT | flag)
        for content in (b"first", b"first second"):
            os.pwrite(descriptor, content, 0)
            assert place.site.get(name) == content
        os.close(descriptor)


def test_o_path_reaches_a_file_without_opening_it(place):
    place.make("file", b"content")
    descriptor = os.open(place.at("file"), os.O_PATH)
    assert os.fstat(descriptor).st_size == 7
    assert outcome(os.read, descriptor, 1) == "EBADF"
    os.close(descriptor)


def test_modes_are_checked_for_other_users(place):
    place.make("private", b"content")
    place.make("readable", b"content")
    place.mkdir("closed")
    place.make("closed/file", b"content")
    os.chmod(place.at("private"), 0o600)
    os.chmod(place.at("readable"), 0o644)
    os.chmod(place.at("closed"), 0o700)
    os.chmod(place.path, 0o755)
    assert as_other(place, lambda: opens("private", READ)) == "EACCES"
    assert as_other(place, lambda: opens("readable", READ)) == ""
    assert as_other(place, lambda: opens("readable", WRITE)) == "EACCES"
    assert as_other(place, lambda: opens("readable", READ | os.O_TRUNC)) == "EACCES"
    assert as_other(place, lambda: opens("new", WRITE | os.O_CREAT)) == "EACCES"
    assert as_other(place, lambda: opens("closed/file", READ)) == "EACCES"
    assert as_other(place, lambda: outcome(os.listdir, "closed")) == "EACCES"
    assert place.read("readable") == b"content"


def test_many_handles_of_one_file_see_one_content(place):
    place.make("file", b"0" * 10)
    handles = [os.open(place.at("file"), BOTH) for _ in range(10)]
    for i, descriptor in enumerate(handles):
        os.pwrite(descriptor, b"x", i)
        assert all(os.pread(h, 10, 0) == b"x" * (i + 1) + b"0" * (9 - i) for h in handles)
    for descriptor in handles:
        os.close(descriptor)
    assert place.site.get("file") == b"x" * 10
