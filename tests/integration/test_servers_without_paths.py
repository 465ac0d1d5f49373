# SPDX-License-Identifier: GPL-2.0-or-later
"""Mounts of servers whose names have no slashes: VMS and MVS. Directories are entered one by one,
files are named barely."""

import errno
import os
import stat
import subprocess
import time

import pytest
from scripted_mount import OPTIONS, outcome, read, write
from scripted_names import Guardian, Mvs, NamesServer, Vms

from harness import pattern

pytest_plugins = ["scripted_fixtures"]

NOW = int(time.time())
RECENT = NOW - 40 * 86400 - NOW % 60 + 37
LONG = "A-NAME-THAT-FILLS-ITS-COLUMN.TXT"


@pytest.fixture(params=["brackets and bare", "brackets", "bare"])
def vms(request, scripted):
    words = request.param.split()
    server = scripted(NamesServer, system=Vms("brackets" in words, "bare" in words))
    server.tree.put("/REPORT.TXT", pattern(100_000), mtime=RECENT)
    server.tree.put(f"/{LONG}", b"long", mtime=RECENT)
    server.tree.put("/SRC/LIB/INNER.C", b"inner", mtime=RECENT)
    server.tree.put("/SRC/MAIN.C", b"main", mtime=RECENT)
    return server


@pytest.fixture
def plain(scripted):
    return scripted(NamesServer)


@pytest.fixture
def mvs(scripted):
    server = scripted(NamesServer, system=Mvs())
    server.tree.put("/REPORT.TEXT", pattern(100_000), mtime=RECENT)
    server.tree.put("/SOURCE.COBOL/PAYROLL", b"payroll", mtime=RECENT)
    return server


def no_paths(server):
    """Nothing with a slash was sent since it was forgotten."""
    with server.lock:
        return [c for c in server.commands if "/" in c.argument] == []


def test_vms_is_listed(vms, mount):
    mounted = mount(vms)
    assert sorted(os.listdir(mounted.path)) == [LONG, "REPORT.TXT", "SRC"]
    status = os.stat(mounted.at("REPORT.TXT"))
    assert stat.S_ISREG(status.st_mode)
    assert (status.st_size, status.st_mtime) == (100_000, RECENT)
    assert stat.S_ISDIR(os.stat(mounted.at("SRC")).st_mode)
    assert sorted(os.listdir(mounted.at("SRC"))) == ["LIB", "MAIN.C"]
    assert os.stat(mounted.at("SRC", "LIB", "INNER.C")).st_size == 5
    assert no_paths(vms)


def test_vms_files_are_read_and_written(vms, mount):
    mounted = mount(vms, **OPTIONS)
    assert read(mounted.at("REPORT.TXT")) == pattern(100_000)
    assert read(mounted.at("SRC", "LIB", "INNER.C")) == b"inner"
    assert read(mounted.at(LONG)) == b"long"
    write(mounted.at("SRC", "NEW.DAT"), pattern(50_000, 2))
    assert vms.tree.get("/SRC/NEW.DAT") == pattern(50_000, 2)
    with open(mounted.at("SRC", "NEW.DAT"), "ab") as file:
        file.write(b"more")
    assert read(mounted.at("SRC", "NEW.DAT")) == pattern(50_000, 2) + b"more"
    write(mounted.at("SRC", "NEW.DAT"), b"short")
    assert vms.tree.get("/SRC/NEW.DAT") == b"short"
    assert no_paths(vms)


def test_vms_names_are_renamed_removed_and_made(vms, mount):
    mounted = mount(vms, **OPTIONS)
    os.rename(mounted.at("SRC", "MAIN.C"), mounted.at("SRC", "FIRST.C"))
    assert vms.tree.names("/SRC") == ["FIRST.C", "LIB"]
    os.rename(mounted.at("SRC", "LIB"), mounted.at("SRC", "BOOKS"))
    assert vms.tree.names("/SRC") == ["BOOKS", "FIRST.C"]
    assert read(mounted.at("SRC", "BOOKS", "INNER.C")) == b"inner"
    os.mkdir(mounted.at("SRC", "BOOKS", "MADE"))
    write(mounted.at("SRC", "BOOKS", "MADE", "F.TXT"), b"x")
    assert vms.tree.get("/SRC/BOOKS/MADE/F.TXT") == b"x"
    assert outcome(os.rmdir, mounted.at("SRC", "BOOKS", "MADE")) == errno.ENOTEMPTY
    os.unlink(mounted.at("SRC", "BOOKS", "MADE", "F.TXT"))
    os.rmdir(mounted.at("SRC", "BOOKS", "MADE"))
    assert vms.tree.names("/SRC/BOOKS") == ["INNER.C"]
    assert outcome(os.stat, mounted.at("SRC", "GONE.C")) == errno.ENOENT
    assert no_paths(vms)


def test_a_file_is_moved_to_another_directory_by_copying(plain, mount):
    plain.tree.put("/A/FILE.DAT", pattern(30_000), mtime=RECENT)
    plain.tree.makedirs("/B")
    mounted = mount(plain, **OPTIONS)
    source, target = mounted.at("A", "FILE.DAT"), mounted.at("B", "FILE.DAT")
    assert outcome(os.rename, source, target) == errno.EXDEV
    assert plain.count("RNFR", "RNTO") == 0
    subprocess.run(["mv", source, target], check=True)
    assert plain.tree.get("/B/FILE.DAT") == pattern(30_000)
    assert not plain.tree.exists("/A/FILE.DAT")


def test_neighbours_are_reached_without_entering_anew(plain, mount):
    for number in range(20):
        plain.tree.put(f"/A/B/FILE{number}.DAT", b"content", mtime=RECENT)
    mounted = mount(plain, connections=1)
    assert len(os.listdir(mounted.at("A", "B"))) == 20
    plain.forget()
    for number in range(20):
        assert read(mounted.at("A", "B", f"FILE{number}.DAT")) == b"content"
    assert plain.count("RETR") == 20
    assert plain.count("CWD", "CDUP") == 0


def test_a_directory_in_place_of_one_that_was_renamed_is_another(plain, mount):
    plain.tree.put("/A/OLD.DAT", b"old", mtime=RECENT)
    mounted = mount(plain, **OPTIONS)
    assert read(mounted.at("A", "OLD.DAT")) == b"old"
    os.rename(mounted.at("A"), mounted.at("Z"))
    os.mkdir(mounted.at("A"))
    write(mounted.at("A", "NEW.DAT"), b"new")
    assert plain.tree.names("/A") == ["NEW.DAT"]
    assert plain.tree.names("/Z") == ["OLD.DAT"]


def test_a_new_connection_begins_at_the_login_directory(plain, mount):
    plain.tree.put("/A/B/FILE.DAT", b"content", mtime=RECENT)
    mounted = mount(plain, **OPTIONS)
    assert os.listdir(mounted.at("A", "B")) == ["FILE.DAT"]
    plain.drop_connections()
    assert read(mounted.at("A", "B", "FILE.DAT")) == b"content"
    plain.drop_connections()
    write(mounted.at("A", "B", "FILE.DAT"), b"other")
    assert plain.tree.get("/A/B/FILE.DAT") == b"other"


def test_commands_of_the_users_may_go_elsewhere(plain, mount):
    plain.tree.put("/A/FILE.DAT", b"content", mtime=RECENT)
    plain.tree.makedirs("/B")
    mounted = mount(plain, ftp_init="CWD B", **OPTIONS)
    assert read(mounted.at("A", "FILE.DAT")) == b"content"


@pytest.mark.parametrize("directory", ["A/B", "/DISK$USER:[SMITH.A]/B"])
def test_a_directory_is_mounted(plain, mount, directory):
    plain.tree.put("/A/B/C/FILE.DAT", b"content", mtime=RECENT)
    mounted = mount(plain, directory=directory, **OPTIONS)
    assert os.listdir(mounted.path) == ["C"]
    assert read(mounted.at("C", "FILE.DAT")) == b"content"


@pytest.mark.parametrize("name", ["[OTHER]X.TXT", "X.TXT;1", "*.TXT", "X:Y", "A%.TXT"])
def test_a_name_that_vms_would_take_for_another_is_refused(plain, mount, name):
    mounted = mount(plain, **OPTIONS)
    assert outcome(write, mounted.at(name), b"x") == errno.EINVAL
    assert outcome(os.mkdir, mounted.at(name)) == errno.EINVAL
    assert plain.tree.names() == []


def test_mvs_is_listed_and_read(mvs, mount):
    mounted = mount(mvs)
    assert sorted(os.listdir(mounted.path)) == ["REPORT.TEXT", "SOURCE.COBOL"]
    assert stat.S_ISDIR(os.stat(mounted.at("SOURCE.COBOL")).st_mode)
    assert os.listdir(mounted.at("SOURCE.COBOL")) == ["PAYROLL"]
    assert os.stat(mounted.at("SOURCE.COBOL", "PAYROLL")).st_mtime == RECENT - 37
    assert read(mounted.at("REPORT.TEXT")) == pattern(100_000)
    assert read(mounted.at("SOURCE.COBOL", "PAYROLL")) == b"payroll"
    assert no_paths(mvs)


@pytest.mark.parametrize("options", [{}, {"writeback": True}])
def test_mvs_is_not_written_to(mvs, mount, options, tmp_path):
    mounted = mount(mvs, **options, **OPTIONS)
    path, member = mounted.at("REPORT.TEXT"), mounted.at("SOURCE.COBOL", "PAYROLL")
    refused = (errno.EROFS, errno.EACCES)
    assert outcome(write, path, b"x") in refused
    assert outcome(write, mounted.at("NEW"), b"x") in refused
    assert outcome(os.truncate, path, 0) in refused
    assert outcome(os.chmod, path, 0o600) in refused
    assert outcome(os.utime, path, (1, 1)) in refused
    assert outcome(os.unlink, member) in refused
    assert outcome(os.rename, path, mounted.at("NEW")) in refused
    assert outcome(os.mkdir, mounted.at("NEW")) in refused
    assert outcome(os.rmdir, mounted.at("SOURCE.COBOL")) in refused
    assert outcome(os.symlink, "x", mounted.at("NEW")) in refused
    writing = mvs.count("STOR", "APPE", "DELE", "RNFR", "RNTO", "MKD", "RMD", "SITE CHMOD", "MFMT")
    assert writing == 0
    assert read(path) == pattern(100_000)
    assert "can read only" in mounted.log()


def test_the_unix_files_of_mvs_are_mounted_by_an_absolute_path(scripted, mount):
    server = scripted(NamesServer, system=Mvs(unix=True))
    server.tree.put("/u/smith/dir/file", b"content", mtime=RECENT)
    mounted = mount(server, directory="/u/smith", **OPTIONS)
    assert read(mounted.at("dir", "file")) == b"content"
    write(mounted.at("dir", "new"), b"new")
    os.rename(mounted.at("dir", "new"), mounted.at("moved"))
    assert server.tree.get("/u/smith/moved") == b"new"


def test_sizes_that_vms_does_not_tell_are_those_of_the_content(scripted, mount):
    server = scripted(NamesServer, system=Vms(exact=False))
    server.tree.put("/A/REPORT.TXT", pattern(100_000), mtime=RECENT)
    mounted = mount(server, server_tz="UTC")
    assert os.listdir(mounted.at("A")) == ["REPORT.TXT"]
    assert read(mounted.at("A", "REPORT.TXT")) == pattern(100_000)
    write(mounted.at("A", "NEW.TXT"), pattern(5000))
    assert read(mounted.at("A", "NEW.TXT")) == server.tree.get("/A/NEW.TXT") == pattern(5000)
    assert outcome(read, mounted.at("A", "GONE.TXT")) == errno.ENOENT


def test_guardian_is_listed_read_and_written(scripted, mount):
    server = scripted(NamesServer, system=Guardian())
    server.tree.put("/REPORT", pattern(100_000), mtime=RECENT)
    mounted = mount(server, server_tz="UTC", **OPTIONS)
    assert os.listdir(mounted.path) == ["REPORT"]
    status = os.stat(mounted.at("REPORT"))
    assert (status.st_size, status.st_mtime) == (100_000, RECENT)
    assert read(mounted.at("REPORT")) == pattern(100_000)
    write(mounted.at("NEW"), b"new")
    os.rename(mounted.at("NEW"), mounted.at("OTHER"))
    assert server.tree.names() == ["OTHER", "REPORT"]
    os.unlink(mounted.at("OTHER"))
    assert server.tree.names() == ["REPORT"]
    assert no_paths(server)
