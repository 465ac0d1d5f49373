# SPDX-License-Identifier: GPL-2.0-or-later
"""symlink(2), readlink(2), link(2), mknod(2) and mkfifo(3) as POSIX.1-2017 has them, as far as the
server can; what can't be is refused without a trace."""

import os
import socket
import stat

import pytest

from posix_fixtures import opens, outcome

pytest_plugins = ["posix_fixtures"]


def test_symlink_makes_a_link_or_is_eopnotsupp(place):
    place.make("file", b"content")
    if not place.server.can_symlink:
        assert outcome(os.symlink, "file", place.at("link")) == "EOPNOTSUPP"
        assert place.site.names() == ["file"]
        return
    os.symlink("file", place.at("link"))
    assert stat.S_ISLNK(os.lstat(place.at("link")).st_mode)
    assert os.readlink(place.at("link")) == "file"
    assert place.read("link") == b"content"
    # ProFTPD makes no link to what is not there.
    assert outcome(os.symlink, "nowhere", place.at("dangling")) == "ENOENT"
    assert place.site.names() == ["file", "link"]


@pytest.mark.parametrize("shared_mount", ["proftpd"], indirect=True)
def test_a_relative_link_leads_from_where_it_lies(place):
    place.make("file", b"above")
    place.mkdir("directory")
    place.make("directory/file", b"below")
    os.symlink("file", place.at("directory", "beside"))
    os.symlink("../file", place.at("directory", "up"))
    assert place.read("directory/beside") == b"below"
    assert place.read("directory/up") == b"above"
    leads = {name: os.readlink(place.site.path("directory", name)) for name in ("beside", "up")}
    here = f"/{place.site.directory}"
    assert leads == {"beside": f"{here}/directory/file", "up": f"{here}/file"}


def test_symlink_refuses_what_is_there(place):
    place.make("file", b"content")
    place.mkdir("directory")
    for name in ("file", "directory", "directory/..", "."):
        assert outcome(os.symlink, "target", place.at(name)) == "EEXIST", name
    assert outcome(os.symlink, "target", place.at("missing", "link")) == "ENOENT"
    assert outcome(os.symlink, "target", place.at("file", "link")) == "ENOTDIR"
    assert outcome(os.symlink, "", place.at("link")) == "ENOENT"
    assert place.read("file") == b"content"


def test_readlink_is_for_links_alone(place):
    place.make("file", b"content")
    place.mkdir("directory")
    assert outcome(os.readlink, place.at("file")) == "EINVAL"
    assert outcome(os.readlink, place.at("directory")) == "EINVAL"
    assert outcome(os.readlink, place.at("missing")) == "ENOENT"


def test_links_that_lead_in_a_circle_are_eloop(place):
    os.symlink("two", place.site.path("one"))
    os.symlink("one", place.site.path("two"))
    os.symlink("self", place.site.path("self"))
    for name in os.listdir(place.path):
        if not stat.S_ISLNK(os.lstat(place.at(name)).st_mode):
            continue
        assert outcome(os.stat, place.at(name)) == "ELOOP"
        assert opens(place.at(name), os.O_RDONLY) == "ELOOP"
        assert opens(place.at(name), os.O_WRONLY | os.O_CREAT) == "ELOOP"
        assert outcome(os.truncate, place.at(name), 0) == "ELOOP"
        assert outcome(os.chmod, place.at(name), 0o600) == "ELOOP"
        assert outcome(os.mkdir, place.at(name, "below")) == "ELOOP"
        assert outcome(os.listdir, place.at(name)) == "ELOOP"
    assert place.site.names() == ["one", "self", "two"]


def test_a_link_to_a_directory_is_walked_through(place):
    place.site.mkdir("directory")
    os.symlink("directory", place.site.path("link"))
    place.make("link/file", b"content")
    assert place.site.get("directory/file") == b"content"
    assert os.listdir(place.at("link")) == ["file"]
    assert place.read("directory/file") == b"content"


def test_link_is_eperm(place):
    place.make("file", b"content")
    place.make("other", b"content")
    place.mkdir("directory")
    assert outcome(os.link, place.at("file"), place.at("hard")) == "EPERM"
    assert outcome(os.link, place.at("directory"), place.at("hard")) == "EPERM"
    assert outcome(os.link, place.at("file"), place.at("other")) == "EEXIST"
    assert outcome(os.link, place.at("missing"), place.at("hard")) == "ENOENT"
    assert outcome(os.link, place.at("file"), place.at("missing", "hard")) == "ENOENT"
    assert outcome(os.link, place.at("file"), place.at("file", "hard")) == "ENOTDIR"
    assert place.site.names() == ["directory", "file", "other"]


def test_a_link_to_another_file_system_is_exdev(place, tmp_path):
    place.make("file", b"content")
    assert outcome(os.link, place.at("file"), tmp_path / "file") == "EXDEV"


def test_mknod_makes_files_and_nothing_else(place):
    os.mknod(place.at("file"), stat.S_IFREG | 0o600)
    assert stat.S_IMODE(os.stat(place.at("file")).st_mode) == 0o600
    assert place.site.get("file") == b""
    assert outcome(os.mknod, place.at("file"), stat.S_IFREG | 0o600) == "EEXIST"
    assert outcome(os.mkfifo, place.at("fifo")) == "EPERM"
    assert outcome(os.mkfifo, place.at("file")) == "EEXIST"
    for kind in (stat.S_IFBLK, stat.S_IFCHR):
        assert outcome(os.mknod, place.at("device"), kind | 0o600, os.makedev(1, 3)) == "EPERM"
    with socket.socket(socket.AF_UNIX) as server:
        directory = os.open(place.path, os.O_PATH)
        assert outcome(server.bind, f"/proc/self/fd/{directory}/socket") == "EPERM"
        os.close(directory)
    assert place.site.names() == ["file"]
