# SPDX-License-Identifier: GPL-2.0-or-later
"""chmod(2), chown(2), utimensat(2), stat(2) and access(2) as POSIX.1-2017 has them, as far as FTP
has a word for them."""

import ctypes
import os
import stat
import subprocess
import time

from posix_fixtures import as_other, outcome

pytest_plugins = ["posix_fixtures"]

NOW, OMIT = (1 << 30) - 1, (1 << 30) - 2


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def utimensat(path, atime, mtime, flags=0):
    """Each time is (seconds, nanoseconds)."""
    times = (ctypes.c_long * 4)(*atime, *mtime)
    library = ctypes.CDLL(None, use_errno=True)
    if library.utimensat(-100, os.fsencode(path), times, flags) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)


def test_chmod_sets_each_permission_bit(place):
    place.make("file", b"x")
    place.mkdir("directory")
    modes = (0o444, 0o700, 0o470, 0o407, 0o644)
    if not place.server.chmod_needs_read:
        modes = (0o000, 0o111, 0o222, 0o070, 0o007, *modes)
    for mode in modes:
        os.chmod(place.at("file"), mode)
        assert mode_of(place.at("file")) == mode_of(place.site.path("file")) == mode
    for mode in (0o755, 0o700, 0o711):
        os.chmod(place.at("directory"), mode)
        assert mode_of(place.at("directory")) == mode_of(place.site.path("directory")) == mode


def test_fchmod_does_the_same(place):
    place.make("file", b"x")
    with open(place.at("file"), "rb") as file:
        os.fchmod(file.fileno(), 0o640)
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o640
    assert mode_of(place.site.path("file")) == 0o640


def test_chmod_follows_a_symbolic_link(place):
    place.site.put("file", b"x")
    os.symlink("file", place.site.path("link"))
    os.chmod(place.at("link"), 0o600)
    assert mode_of(place.site.path("file")) == 0o600


def test_calls_on_what_is_not_there_are_enoent_or_enotdir(place):
    place.make("file", b"x")
    calls = {
        "chmod": lambda path: os.chmod(path, 0o600),
        "chown": lambda path: os.chown(path, 0, 0),
        "utime": lambda path: os.utime(path, (1, 1)),
        "stat": os.stat,
        "lstat": os.lstat,
        "readlink": os.readlink,
        "statvfs": os.statvfs,
        "listdir": os.listdir,
    }
    for name, call in calls.items():
        assert outcome(call, place.at("missing")) == "ENOENT", name
        assert outcome(call, place.at("missing", "below")) == "ENOENT", name
        assert outcome(call, place.at("file", "below")) == "ENOTDIR", name


def test_utimensat_sets_the_modification_time(place):
    place.make("file", b"x")
    for moment in (0, 1, 86400, 951_782_400, 1_234_567_890, 2**31 - 1):
        utimensat(place.at("file"), (1, 0), (moment, 0))
        assert os.stat(place.at("file")).st_mtime == moment
        assert int(os.stat(place.site.path("file")).st_mtime) == moment


def test_utimensat_knows_now_and_omit(place):
    place.make("file", b"x")
    utimensat(place.at("file"), (0, 0), (1_000_000_000, 0))
    utimensat(place.at("file"), (5, 0), (0, OMIT))
    assert os.stat(place.at("file")).st_mtime == 1_000_000_000
    utimensat(place.at("file"), (0, OMIT), (0, OMIT))
    assert os.stat(place.at("file")).st_mtime == 1_000_000_000
    before = time.time()
    utimensat(place.at("file"), (0, NOW), (0, NOW))
    assert before - 2 < os.stat(place.at("file")).st_mtime < time.time() + 2


def test_utimensat_refuses_impossible_nanoseconds(place):
    place.make("file", b"x")
    assert outcome(utimensat, place.at("file"), (0, 0), (0, 1_000_000_000)) == "EINVAL"
    assert outcome(utimensat, place.at("file"), (0, -1), (0, 0)) == "EINVAL"


def test_writing_and_truncating_make_a_file_new(place):
    place.make("file", b"content")
    for change in (
        lambda: place.make("file", b"other"),
        lambda: os.truncate(place.at("file"), 2),
        lambda: os.close(os.open(place.at("file"), os.O_WRONLY | os.O_TRUNC)),
    ):
        os.utime(place.at("file"), (1_000_000_000, 1_000_000_000))
        change()
        assert os.stat(place.at("file")).st_mtime > time.time() - 120


def test_reading_leaves_the_modification_time(place):
    place.make("file", b"content")
    os.utime(place.at("file"), (1_000_000_000, 1_000_000_000))
    assert place.read("file") == b"content"
    assert os.stat(place.at("file")).st_mtime == 1_000_000_000


def test_times_of_creation_are_not_told(place):
    place.make("file", b"x")
    command = ["stat", "-c", "%w", place.at("file")]
    assert subprocess.run(command, check=True, capture_output=True).stdout == b"-\n"


def test_chown_to_another_owner_is_eperm(place):
    place.make("file", b"x")
    status = os.stat(place.at("file"))
    assert outcome(os.chown, place.at("file"), 1234, -1) == "EPERM"
    assert outcome(os.chown, place.at("file"), -1, 1234) == "EPERM"
    assert outcome(os.chown, place.at("file"), status.st_uid, status.st_gid) == ""
    assert outcome(os.chown, place.at("file"), -1, -1) == ""


def test_stat_tells_what_things_are(place):
    place.make("file", b"x" * 5000)
    place.mkdir("directory")
    status = os.stat(place.at("file"))
    assert stat.S_ISREG(status.st_mode)
    assert (status.st_size, status.st_nlink) == (5000, 1)
    assert stat.S_ISDIR(os.stat(place.at("directory")).st_mode)
    assert status.st_dev == os.stat(place.path).st_dev
    assert status.st_ino != os.stat(place.at("directory")).st_ino


def test_access_tells_what_is_allowed(place):
    place.make("file", b"x")
    os.chmod(place.at("file"), 0o644)
    assert os.access(place.at("file"), os.R_OK | os.W_OK)
    assert not os.access(place.at("file"), os.X_OK)
    assert not os.access(place.at("missing"), os.F_OK)
    assert as_other(place, lambda: os.access("file", os.R_OK)) == "True"
    assert as_other(place, lambda: os.access("file", os.W_OK)) == "False"


def test_only_the_owner_changes_attributes(place):
    place.make("file", b"x")
    os.chmod(place.at("file"), 0o644)
    assert as_other(place, lambda: outcome(os.chmod, "file", 0o777)) == "EPERM"
    assert as_other(place, lambda: outcome(os.utime, "file", (1, 1))) == "EPERM"
    assert as_other(place, lambda: outcome(os.utime, "file")) == "EACCES"
    assert as_other(place, lambda: outcome(os.chown, "file", 65534, -1)) == "EPERM"
    assert mode_of(place.site.path("file")) == 0o644
