# SPDX-License-Identifier: GPL-2.0-or-later
"""rename(2) as POSIX.1-2017 has it, and Linux's renameat2(2)."""

import ctypes
import os
import stat

from posix_fixtures import as_other, outcome

pytest_plugins = ["posix_fixtures"]

NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4


def renameat2(old, new, flags):
    library = ctypes.CDLL(None, use_errno=True)
    if library.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), old)


def moves(place, old, new):
    return outcome(os.rename, place.at(old), place.at(new))


def test_a_file_gets_another_name(place):
    place.make("old", b"content")
    number = os.stat(place.at("old")).st_ino
    assert moves(place, "old", "new") == ""
    assert outcome(os.lstat, place.at("old")) == "ENOENT"
    assert os.stat(place.at("new")).st_ino == number
    assert place.read("new") == place.site.get("new") == b"content"
    assert os.listdir(place.path) == ["new"]


def test_a_file_moves_to_another_directory(place):
    place.mkdir("one")
    place.mkdir("two")
    place.make("one/file", b"content")
    assert moves(place, "one/file", "two/file") == ""
    assert os.listdir(place.at("one")) == []
    assert place.read("two/file") == place.site.get("two/file") == b"content"


def test_a_file_replaces_a_file(place):
    place.make("old", b"old")
    place.make("new", b"a longer content")
    assert moves(place, "old", "new") == ""
    assert place.read("new") == place.site.get("new") == b"old"
    assert place.site.names() == os.listdir(place.path) == ["new"]


def test_a_replaced_file_that_is_open_keeps_its_content(place):
    place.make("old", b"old")
    place.make("new", b"what was there")
    with open(place.at("new"), "rb", buffering=0) as file:
        assert moves(place, "old", "new") == ""
        assert file.read() == b"what was there"
        assert place.read("new") == b"old"


def test_a_directory_moves_with_what_it_holds(place):
    place.mkdir("old")
    place.mkdir("old/below")
    place.make("old/below/file", b"content")
    place.mkdir("other")
    assert moves(place, "old", "other/new") == ""
    assert place.read("other/new/below/file") == b"content"
    assert place.site.get("other/new/below/file") == b"content"
    assert outcome(os.lstat, place.at("old", "below", "file")) == "ENOENT"


def test_a_directory_replaces_an_empty_directory(place):
    place.mkdir("old")
    place.make("old/file", b"content")
    place.mkdir("new")
    assert moves(place, "old", "new") == ""
    assert place.site.names() == ["new"]
    assert place.read("new/file") == b"content"


def test_a_directory_does_not_replace_one_that_is_not_empty(place):
    place.mkdir("old")
    place.make("old/file", b"content")
    place.mkdir("new")
    place.make("new/file", b"other content")
    assert moves(place, "old", "new") in ("ENOTEMPTY", "EEXIST")
    assert place.read("old/file") == b"content"
    assert place.read("new/file") == b"other content"


def test_files_and_directories_do_not_replace_each_other(place):
    place.make("file", b"content")
    place.mkdir("directory")
    assert moves(place, "file", "directory") == "EISDIR"
    assert moves(place, "directory", "file") == "ENOTDIR"
    assert place.read("file") == b"content"
    assert os.listdir(place.at("directory")) == []


def test_what_is_not_there_is_enoent(place):
    place.make("file", b"content")
    assert moves(place, "missing", "new") == "ENOENT"
    assert moves(place, "missing", "file") == "ENOENT"
    assert moves(place, "missing/below", "new") == "ENOENT"
    assert moves(place, "file", "missing/new") == "ENOENT"
    assert place.read("file") == b"content"


def test_what_is_no_directory_holds_no_names(place):
    place.make("file", b"content")
    place.make("other", b"content")
    assert moves(place, "other", "file/new") == "ENOTDIR"
    assert moves(place, "file/below", "new") == "ENOTDIR"
    assert place.site.names() == ["file", "other"]


def test_a_directory_does_not_move_below_itself(place):
    place.mkdir("directory")
    place.mkdir("directory/below")
    assert moves(place, "directory", "directory/new") == "EINVAL"
    assert moves(place, "directory", "directory/below/new") == "EINVAL"
    # Linux looks first whether the target is an ancestor that holds the source.
    assert moves(place, "directory/below", "directory") in ("ENOTEMPTY", "EEXIST")
    assert place.site.names("directory") == ["below"]


def test_dot_and_dot_dot_are_refused(place):
    place.mkdir("directory")
    for old, new in ((".", "new"), ("directory/..", "new"), ("directory", ".")):
        assert moves(place, old, new) in ("EBUSY", "EINVAL", "EEXIST"), (old, new)
    assert place.site.names() == ["directory"]


def test_the_same_name_changes_nothing(place):
    place.make("file", b"content")
    place.mkdir("directory")
    assert moves(place, "file", "file") == ""
    assert moves(place, "directory", "directory") == ""
    assert place.read("file") == b"content"
    assert place.site.names() == ["directory", "file"]


def test_a_symbolic_link_is_renamed_itself(place):
    place.site.put("file", b"content")
    os.symlink("file", place.site.path("link"))
    if stat.S_ISLNK(os.lstat(place.at("link")).st_mode):
        assert moves(place, "link", "other") == ""
        assert os.readlink(place.at("other")) == "file"
        assert place.site.names() == ["file", "other"]
    assert place.read("file") == b"content"


def test_a_file_that_is_being_written_takes_its_writer_along(place):
    with open(place.at("old"), "wb", buffering=0) as file:
        file.write(b"before")
        assert moves(place, "old", "new") == ""
        file.write(b" after")
        assert os.fstat(file.fileno()).st_size == len(b"before after")
    assert place.site.names() == ["new"]
    assert place.site.get("new") == b"before after"


def test_another_file_system_is_exdev(place, tmp_path):
    place.make("file", b"content")
    assert outcome(os.rename, place.at("file"), tmp_path / "file") == "EXDEV"
    (tmp_path / "local").write_bytes(b"local")
    assert outcome(os.rename, tmp_path / "local", place.at("local")) == "EXDEV"
    assert place.site.names() == ["file"]


def test_noreplace_refuses_what_is_there(place):
    place.make("old", b"old")
    place.make("new", b"new")
    place.mkdir("directory")
    assert outcome(renameat2, place.at("old"), place.at("new"), NOREPLACE) == "EEXIST"
    assert outcome(renameat2, place.at("old"), place.at("directory"), NOREPLACE) == "EEXIST"
    assert outcome(renameat2, place.at("old"), place.at("free"), NOREPLACE) == ""
    assert place.read("free") == b"old"
    assert place.read("new") == b"new"


def test_exchange_and_whiteout_are_einval(place):
    place.make("one", b"1")
    place.make("two", b"2")
    assert outcome(renameat2, place.at("one"), place.at("two"), EXCHANGE) == "EINVAL"
    assert outcome(renameat2, place.at("one"), place.at("two"), EXCHANGE | NOREPLACE) == "EINVAL"
    assert outcome(renameat2, place.at("one"), place.at("three"), WHITEOUT) == "EINVAL"
    assert (place.read("one"), place.read("two")) == (b"1", b"2")


def test_modes_are_checked_for_other_users(place):
    place.make("file", b"content")
    os.chmod(place.path, 0o755)
    assert as_other(place, lambda: outcome(os.rename, "file", "new")) == "EACCES"
    os.chmod(place.path, 0o777)
    assert as_other(place, lambda: outcome(os.rename, "file", "new")) == ""
    assert place.site.get("new") == b"content"
