# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that verify what they wrote: fio, sqlite, git, tar, on each server.

FTPSFS_TRANSACTIONS=1000 makes it so many transactions of sqlite, FTPSFS_FIO_MIB=64 a file of so
many MiB for fio.
"""

import os
import sqlite3
import subprocess

import pytest
from harness import assert_database_from_behind, pattern

TRANSACTIONS = int(os.environ.get("FTPSFS_TRANSACTIONS", "40"))
FIO_MIB = int(os.environ.get("FTPSFS_FIO_MIB", "4"))
GIT = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "safe.directory=*"]


def run(*command, cwd=None, limit=80):
    done = subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout.decode()} {done.stderr.decode()}"
    return done.stdout.decode()


@pytest.mark.seconds(90 + 4 * FIO_MIB)
@pytest.mark.parametrize("writeback", [False, True], ids=["synchronous", "writeback"])
def test_fio_finds_the_checksums_of_its_random_writes(
    site, mount, home, monkeypatch, tmp_path, writeback
):
    monkeypatch.setenv("STATE_DIRECTORY", home)
    mounted = mount(cache_size="4M", writeback=writeback)
    words = [
        *("fio", "--name=verified", f"--filename={mounted.at('file')}", f"--size={FIO_MIB}M"),
        *("--rw=randwrite", "--bsrange=512-64k", "--bs_unaligned", "--ioengine=psync"),
        *("--fsync=50", "--verify=crc32c", "--verify_fatal=1", "--allow_file_create=1"),
    ]
    run(*words, cwd=tmp_path, limit=80 + 4 * FIO_MIB)
    assert mounted.unmount() == 0
    # The same from behind: what the server has has the checksums, too.
    words[2] = f"--filename={site.path('file')}"
    run(*words, "--verify_only", cwd=tmp_path, limit=80)
    assert site.names() == ["file"]


@pytest.mark.seconds(90 + TRANSACTIONS)
def test_sqlite_keeps_each_of_many_transactions(site, mount, tmp_path):
    mounted = mount()
    database = sqlite3.connect(mounted.at("data.db"), timeout=30, isolation_level=None)
    assert database.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
    for i in range(TRANSACTIONS):
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO t VALUES (?, ?)", (i, f"row {i} " * (i % 50 + 1)))
        database.execute("UPDATE t SET text = text || '.' WHERE id = ?", (i * 7 % (i + 1),))
        database.execute("ROLLBACK" if i % 10 == 9 else "COMMIT")
    query = "SELECT count(*), sum(length(text)) FROM t"
    wanted = database.execute(query).fetchone()
    assert wanted[0] == TRANSACTIONS - TRANSACTIONS // 10
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    assert_database_from_behind(site, tmp_path, query, wanted)


def test_git_clones_into_the_mount_and_commits_there(site, mount, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    run(*GIT, "init", "-q", "-b", "main", cwd=source)
    for i in range(3):
        for name in ("a", "b"):
            (source / f"{name}-{i}").write_bytes(pattern(5000 * i + 1, i))
        run(*GIT, "add", ".", cwd=source)
        run(*GIT, "commit", "-q", "-m", f"commit {i}", cwd=source)
    mounted = mount()
    clone = mounted.at("clone")
    run(*GIT, "clone", "-q", "--no-local", str(source), clone)
    with open(os.path.join(clone, "a-1"), "ab") as file:
        file.write(b"more\n")
    os.unlink(os.path.join(clone, "b-0"))
    run(*GIT, "commit", "-q", "-a", "-m", "inside", cwd=clone)
    run(*GIT, "repack", "-q", "-a", "-d", cwd=clone)
    run(*GIT, "fsck", "--full", "--strict", cwd=clone)
    assert run(*GIT, "status", "--porcelain", cwd=clone) == ""
    # The repository as the server has it.
    run(*GIT, "fsck", "--full", "--strict", cwd=site.path("clone"))
    assert run(*GIT, "rev-list", "--count", "HEAD", cwd=site.path("clone")).strip() == "4"


def metadata(root):
    """Content, mode and second of the modification of each file below; a directory's mode."""
    found = {}
    for directory, names, files in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            found[os.path.relpath(path, root)] = os.stat(path).st_mode
        for name in files:
            path = os.path.join(directory, name)
            info = os.stat(path)
            with open(path, "rb") as file:
                found[os.path.relpath(path, root)] = info.st_mode, int(info.st_mtime), file.read()
    return found


def test_a_round_trip_of_tar_keeps_content_modes_and_times(site, mount, tmp_path):
    local = tmp_path / "local"
    for i in range(40):
        path = local / f"d{i % 4}" / f"f{i}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pattern(i * 700, i))
        path.chmod([0o644, 0o600, 0o755, 0o444][i % 4])
        os.utime(path, (1_400_000_000 + 61 * i, 1_400_000_000 + 61 * i))
    (local / "d1").chmod(0o750)
    mounted = mount()
    run("tar", "-cf", mounted.at("archive.tar"), "-C", str(local), ".")
    os.mkdir(mounted.at("unpacked"))
    words = ["--no-same-owner", "-p", "-C", mounted.at("unpacked")]
    run("tar", "-xf", mounted.at("archive.tar"), *words)
    assert metadata(mounted.at("unpacked")) == metadata(local)
    assert metadata(site.path("unpacked")) == metadata(local)
    # And out again, through a mount that has to ask the server for all of it.
    mounted.unmount()
    again = mount()
    run("tar", "-cf", str(tmp_path / "out.tar"), "-C", again.at("unpacked"), ".")
    (tmp_path / "out").mkdir()
    run("tar", "-xpf", str(tmp_path / "out.tar"), "-C", str(tmp_path / "out"))
    assert metadata(tmp_path / "out") == metadata(local)
