# SPDX-License-Identifier: GPL-2.0-or-later
"""unlink(2) as POSIX.1-2017 has it."""

import os
import stat

from harness import eventually
from posix_fixtures import as_other, outcome

pytest_plugins = ["posix_fixtures"]


def test_a_file_is_gone(place):
    place.make("file", b"content")
    os.unlink(place.at("file"))
    assert outcome(os.lstat, place.at("file")) == "ENOENT"
    assert outcome(os.unlink, place.at("file")) == "ENOENT"
    assert os.listdir(place.path) == place.site.names() == []


def test_what_is_not_there_is_enoent(place):
    assert outcome(os.unlink, place.at("missing")) == "ENOENT"
    assert outcome(os.unlink, place.at("missing", "below")) == "ENOENT"
    assert outcome(os.unlink, "") == "ENOENT"


def test_what_is_no_directory_holds_no_names(place):
    place.make("file", b"content")
    assert outcome(os.unlink, place.at("file", "below")) == "ENOTDIR"
    assert place.read("file") == b"content"


def test_a_directory_is_refused(place):
    place.mkdir("directory")
    assert outcome(os.unlink, place.at("directory")) in ("EISDIR", "EPERM")
    assert outcome(os.unlink, place.at("directory", ".")) in ("EISDIR", "EPERM", "EINVAL")
    assert place.site.names() == ["directory"]


def test_a_symbolic_link_goes_and_what_it_leads_to_stays(place):
    place.site.put("file", b"content")
    place.site.mkdir("directory")
    place.site.put("directory/file", b"content")
    os.symlink("file", place.site.path("link"))
    os.symlink("nowhere", place.site.path("dangling"))
    os.symlink("directory", place.site.path("folder"))
    for name in os.listdir(place.path):
        if stat.S_ISLNK(os.lstat(place.at(name)).st_mode):
            assert outcome(os.unlink, place.at(name)) == ""
            assert name not in place.site.names()
    assert place.read("file") == b"content"
    assert place.read("directory/file") == b"content"


def test_an_open_file_can_be_read_and_written_until_it_is_closed(place):
    place.make("file", b"content")
    descriptor = os.open(place.at("file"), os.O_RDWR)
    os.unlink(place.at("file"))
    assert outcome(os.lstat, place.at("file")) == "ENOENT"
    assert os.pread(descriptor, 100, 0) == b"content"
    os.pwrite(descriptor, b"and more", 7)
    assert os.pread(descriptor, 100, 0) == b"contentand more"
    assert os.fstat(descriptor).st_size == 15
    os.ftruncate(descriptor, 3)
    assert os.pread(descriptor, 100, 0) == b"con"
    os.close(descriptor)
    eventually(lambda: place.site.names() == [], what="an empty directory on the server")


def test_the_name_of_an_open_file_is_free_at_once(place):
    place.make("file", b"old")
    with open(place.at("file"), "rb", buffering=0) as old:
        os.unlink(place.at("file"))
        place.make("file", b"new")
        assert old.read() == b"old"
        assert place.read("file") == b"new"
    eventually(lambda: place.site.names() == ["file"], what="one file on the server")
    assert place.site.get("file") == b"new"


def test_a_file_is_unlinked_before_anything_was_written_to_it(place):
    descriptor = os.open(place.at("file"), os.O_RDWR | os.O_CREAT | os.O_EXCL)
    os.unlink(place.at("file"))
    os.write(descriptor, b"scratch")
    assert os.pread(descriptor, 100, 0) == b"scratch"
    os.close(descriptor)
    eventually(lambda: place.site.names() == [], what="an empty directory on the server")


def test_a_directory_whose_last_file_is_held_open_is_not_empty_on_the_server_for_so_long(place):
    # Behind the mount: what a program has just written through it may still be here as a whole, as
    # the kernel tells of the last close later, and then is deleted on the server at once.
    place.site.mkdir("directory")
    place.site.put("directory/file", b"content")
    with open(place.at("directory", "file"), "rb", buffering=0) as file:
        os.unlink(place.at("directory", "file"))
        assert os.listdir(place.at("directory")) == []
        assert outcome(os.rmdir, place.at("directory")) in ("ENOTEMPTY", "EBUSY")
        assert file.read() == b"content"
    eventually(lambda: outcome(os.rmdir, place.at("directory")) == "", what="the removal")


def test_modes_are_checked_for_other_users(place):
    place.make("file", b"content")
    os.chmod(place.path, 0o755)
    assert as_other(place, lambda: outcome(os.unlink, "file")) == "EACCES"
    os.chmod(place.path, 0o777)
    os.chmod(place.at("file"), 0o400)
    assert as_other(place, lambda: outcome(os.unlink, "file")) == ""
    assert place.site.names() == []
