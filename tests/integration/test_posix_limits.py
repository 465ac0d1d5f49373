# SPDX-License-Identifier: GPL-2.0-or-later
"""What cannot work over FTP, and what a program is told that tries. ftpsfs-limits(7) lists it."""

import ctypes
import fcntl
import os
import resource
import select
import subprocess
import sys

from posix_fixtures import outcome

pytest_plugins = ["posix_fixtures"]

FICLONE = 0x40049409
FS_IOC_GETFLAGS = 0x80086601

TRY_LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.%s(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        print("got it")
    except OSError:
        print("busy")
"""


def other_program_locks(path, function):
    words = [sys.executable, "-c", TRY_LOCK % function, path]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_locks_hold_between_programs_of_one_mount(place):
    path = place.make("file", b"content")
    for function in ("flock", "lockf"):
        with open(path, "r+b") as file:
            getattr(fcntl, function)(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            assert other_program_locks(path, function) == "busy"
            getattr(fcntl, function)(file, fcntl.LOCK_UN)
            assert other_program_locks(path, function) == "got it"


def test_locks_do_not_reach_other_mounts(site, mount):
    site.put("file", b"content")
    one, two = mount(), mount()
    for function in ("flock", "lockf"):
        with open(one.at("file"), "r+b") as file:
            getattr(fcntl, function)(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            assert other_program_locks(two.at("file"), function) == "got it"


def test_extended_attributes_are_eopnotsupp(place):
    path = place.make("file", b"content")
    assert outcome(os.setxattr, path, "user.name", b"value") == "EOPNOTSUPP"
    assert outcome(os.removexattr, path, "user.name") == "EOPNOTSUPP"
    assert outcome(os.getxattr, path, "user.name") in ("EOPNOTSUPP", "ENODATA")
    assert outcome(os.setxattr, path, "system.posix_acl_access", b"value") == "EOPNOTSUPP"
    assert outcome(os.listxattr, path) in ("", "EOPNOTSUPP")


def test_space_can_not_be_reserved_or_punched(place):
    path = place.make("file", b"content")
    library = ctypes.CDLL(None, use_errno=True)

    def fallocate(mode, offset, length):
        with open(path, "r+b") as file:
            arguments = (ctypes.c_long(offset), ctypes.c_long(length))
            if library.fallocate(file.fileno(), mode, *arguments) != 0:
                raise OSError(ctypes.get_errno(), "")

    assert outcome(fallocate, 0, 0, 10000) == "EOPNOTSUPP"
    assert outcome(fallocate, 3, 0, 4) == "EOPNOTSUPP"
    # The C library's posix_fallocate writes zeros instead.
    with open(path, "r+b") as file:
        os.posix_fallocate(file.fileno(), 0, 1000)
    assert place.site.get("file") == b"content" + b"\0" * 993


def test_files_without_a_name_are_eopnotsupp(place):
    assert outcome(os.open, place.path, os.O_TMPFILE | os.O_RDWR) == "EOPNOTSUPP"
    assert place.site.names() == []


def test_file_flags_and_clones_are_refused(place):
    path = place.make("file", b"content")
    with open(path, "rb") as one, open(place.at("two"), "wb") as two:
        assert outcome(fcntl.ioctl, one, FS_IOC_GETFLAGS, bytearray(8)) == "ENOTTY"
        assert outcome(fcntl.ioctl, two, FICLONE, one.fileno()) == "EOPNOTSUPP"


def test_access_times_are_not_kept(place):
    path = place.make("file", b"content")
    os.utime(path, (1_000_000_000, 1_200_000_000))
    status = os.stat(path)
    assert status.st_atime == status.st_mtime == 1_200_000_000


def test_times_are_whole_seconds(place):
    path = place.make("file", b"content")
    os.utime(path, ns=(0, 1_200_000_000_987_654_321))
    assert os.stat(path).st_mtime_ns == 1_200_000_000_000_000_000
    assert int(os.stat(place.site.path("file")).st_mtime) == 1_200_000_000


def test_the_time_of_a_directory_may_stay_the_servers(place):
    place.mkdir("directory")
    assert outcome(os.utime, place.at("directory"), (1_000_000_000, 1_000_000_000)) == ""


def test_gaps_are_sent_as_zeros_and_take_space(place):
    with open(place.at("file"), "wb", buffering=0) as file:
        file.truncate(1 << 20)
    assert place.site.get("file") == bytes(1 << 20)
    assert os.stat(place.site.path("file")).st_blocks * 512 >= 1 << 20


def test_inotify_tells_of_changes_through_the_same_mount_alone(place):
    library = ctypes.CDLL(None, use_errno=True)
    watch = library.inotify_init()
    assert library.inotify_add_watch(watch, os.fsencode(place.path), 0x100) >= 0
    place.site.put("behind", b"content")
    assert select.select([watch], [], [], 0.2)[0] == []
    place.make("before", b"content")
    assert select.select([watch], [], [], 10)[0] == [watch]
    assert b"before" in os.read(watch, 4096)
    os.close(watch)


def test_a_size_past_16_tib_is_efbig(place):
    path = place.make("file", b"content")
    assert outcome(os.truncate, path, (1 << 44) + 1) == "EFBIG"
    assert place.read("file") == b"content"


def test_the_limit_of_the_shell_holds_too(place):
    path = place.make("file", b"content")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        assert outcome(os.truncate, path, 200) == "EFBIG"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert place.read("file") == b"content"


def test_ownership_of_new_files_is_the_servers_to_give(site, mount):
    mounted = mount(uid=1234, gid=1235)
    with open(mounted.at("file"), "wb") as file:
        file.write(b"content")
    status = os.stat(mounted.at("file"))
    assert (status.st_uid, status.st_gid) == (1234, 1235)
    assert os.stat(site.path("file")).st_uid == os.stat(site.root).st_uid
