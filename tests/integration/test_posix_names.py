# SPDX-License-Identifier: GPL-2.0-or-later
"""Pathname resolution as POSIX.1-2017 has it (4.13): slashes at the end, lengths, components that
are no directories."""

import os

import pytest

from posix_fixtures import opens, outcome

pytest_plugins = ["posix_fixtures"]

CREATE = os.O_WRONLY | os.O_CREAT

# Every call that takes a name of something that is there.
CALLS = {
    "stat": os.stat,
    "lstat": os.lstat,
    "open": lambda path: os.close(os.open(path, os.O_RDONLY)),
    "opendir": os.listdir,
    "chmod": lambda path: os.chmod(path, 0o755),
    "utime": lambda path: os.utime(path, (1, 1)),
    "truncate": lambda path: os.truncate(path, 0),
    "unlink": os.unlink,
    "rmdir": os.rmdir,
    "rename": lambda path: os.rename(path, path + "-new"),
    "link": lambda path: os.link(path, path + "-new"),
    "readlink": os.readlink,
    "statvfs": os.statvfs,
    "getxattr": lambda path: os.getxattr(path, "user.ftpsfs.sha256"),
}
# And of something that is to be made.
MAKERS = {
    "create": lambda path: os.close(os.open(path, CREATE)),
    "mkdir": os.mkdir,
    "symlink": lambda path: os.symlink("target", path),
    "mknod": os.mknod,
    "mkfifo": os.mkfifo,
}


def test_a_slash_behind_a_file_is_enotdir(place):
    place.make("file", b"content")
    for name in ("stat", "lstat", "open", "opendir", "chmod", "utime", "truncate", "statvfs"):
        assert outcome(CALLS[name], place.at("file/")) == "ENOTDIR", name
    assert outcome(os.unlink, place.at("file/")) == "ENOTDIR"
    assert outcome(os.rmdir, place.at("file/")) == "ENOTDIR"
    assert outcome(os.rename, place.at("file/"), place.at("new")) == "ENOTDIR"
    assert outcome(os.rename, place.at("file"), place.at("new/")) == "ENOTDIR"
    assert place.read("file") == b"content"


def test_slashes_behind_a_directory_are_nothing(place):
    os.mkdir(place.at("directory///"))
    place.make("directory//file", b"content")
    assert os.listdir(place.at("directory//")) == ["file"]
    os.chmod(place.at("directory/"), 0o700)
    os.unlink(place.at("directory//file"))
    os.rename(place.at("directory/"), place.at("other/"))
    os.rmdir(place.at("other/"))
    assert place.site.names() == []


def test_a_slash_behind_a_new_name_makes_no_file(place):
    assert opens(place.at("new/"), CREATE) == "EISDIR"
    assert outcome(os.mknod, place.at("new/")) in ("ENOENT", "EISDIR", "ENOTDIR")
    assert outcome(os.symlink, "target", place.at("new/")) in ("ENOENT", "ENOTDIR")
    assert place.site.names() == []


def test_a_name_of_255_bytes_works(place):
    for name in ("n" * 255, "ü" * 127 + "x"):
        place.make(name, b"content")
        assert place.read(name) == place.site.get(name) == b"content"
        assert os.listdir(place.path) == [name]
        os.unlink(place.at(name))
        os.mkdir(place.at(name))
        os.rmdir(place.at(name))
    assert place.site.names() == []


@pytest.mark.parametrize("length", [256, 1000, 2000])
def test_a_longer_name_is_enametoolong_for_every_call(place, length):
    long = place.at("n" * length)
    for name, call in {**CALLS, **MAKERS}.items():
        assert outcome(call, long) == "ENAMETOOLONG", name
        assert outcome(call, long + "/below") == "ENAMETOOLONG", name
    place.make("file", b"content")
    assert outcome(os.rename, place.at("file"), long) == "ENAMETOOLONG"
    assert outcome(os.link, place.at("file"), long) == "ENAMETOOLONG"
    assert place.site.names() == ["file"]


def test_a_path_longer_than_path_max_is_enametoolong(place):
    path = place.at(*["component"] * 500)
    assert len(path) > 4096
    for name, call in {**CALLS, **MAKERS}.items():
        assert outcome(call, path) == "ENAMETOOLONG", name


def test_a_component_that_is_a_file_is_enotdir_for_every_call(place):
    place.make("file", b"content")
    for name, call in {**CALLS, **MAKERS}.items():
        assert outcome(call, place.at("file", "below")) == "ENOTDIR", name
        assert outcome(call, place.at("file", "..", "file")) == "ENOTDIR", name
    assert place.read("file") == b"content"


def test_a_component_that_is_missing_is_enoent_for_every_call(place):
    for name, call in {**CALLS, **MAKERS}.items():
        assert outcome(call, place.at("missing", "below")) == "ENOENT", name
        assert outcome(call, place.at("missing", "..", "below")) == "ENOENT", name
    assert place.site.names() == []


def test_names_are_bytes_with_case(place):
    names = [
        "a",
        "A",
        "ä",
        "e\u0301",
        "é",
        " ",
        "  leading",
        "trailing ",
        "-rf",
        "*",
        "?",
        "#",
        ";",
    ]
    names += ["a\\b", 'quote"d', "tab\there", "100%", "%41", "&&", "...", ".x", "~", "$HOME"]
    names = [name for name in names if place.server.carries(name)]
    for i, name in enumerate(names):
        place.make(name, b"%d" % i)
    assert sorted(os.listdir(place.path)) == sorted(names)
    for i, name in enumerate(names):
        assert place.read(name) == b"%d" % i, name
        os.rename(place.at(name), place.at(name + "-new"))
        assert outcome(os.lstat, place.at(name)) == "ENOENT"
        os.unlink(place.at(name + "-new"))
    assert place.site.names() == []


def test_names_that_ftp_can_not_carry_are_eilseq(place):
    for name in ("a\rb", "a\nb", "\n"):
        for maker in ("create", "mkdir", "mknod"):
            assert outcome(MAKERS[maker], place.at(name)) == "EILSEQ", (maker, name)
    assert place.site.names() == []
