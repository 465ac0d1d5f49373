# SPDX-License-Identifier: GPL-2.0-or-later
"""Ordinary programs on a mount."""

import os
import sqlite3
import subprocess

import pytest

from harness import assert_database_from_behind, pattern, sha256

LIMIT = 80


def run(*command, cwd=None, **options):
    result = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
        check=False,
        env=dict(os.environ, LC_ALL="C.UTF-8", **options),
    )
    assert result.returncode == 0, f"{command}: {result.returncode} {result.stderr.decode()}"
    return result.stdout.decode()


@pytest.fixture
def local(tmp_path):
    """A small tree of local files of all kinds of sizes and names."""
    root = tmp_path / "local"
    for i, path in enumerate(
        ["a", "b c.txt", "empty", "sub/one", "sub/two words", "sub/deep/er/file", "\u00fc/\u00e4"]
    ):
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pattern(i * 33333, i) if path != "empty" else b"")
    (root / "nothing in here").mkdir()
    (root / "sub" / "one").chmod(0o755)
    return root


def tree_of(root):
    found = {}
    for directory, names, files in os.walk(root):
        for name in names:
            found[os.path.relpath(os.path.join(directory, name), root)] = "directory"
        for name in files:
            path = os.path.join(directory, name)
            found[os.path.relpath(path, root)] = sha256(path)
    return found


def test_cp_r_copies_in_and_out(site, mount, local, tmp_path):
    mounted = mount()
    run("cp", "-r", local, mounted.at("copy"))
    assert tree_of(site.path("copy")) == tree_of(local)
    run("cp", "-r", mounted.at("copy"), tmp_path / "back")
    assert tree_of(tmp_path / "back") == tree_of(local)
    run("diff", "-r", local, mounted.at("copy"))


def test_cp_a_keeps_times_and_modes(site, mount, local):
    os.utime(local / "a", (1_234_567_890, 1_234_567_890))
    mounted = mount()
    run("cp", "-a", "--no-preserve=ownership", local, mounted.at("copy"))
    assert tree_of(site.path("copy")) == tree_of(local)
    assert os.stat(site.path("copy", "a")).st_mtime == 1_234_567_890
    assert os.stat(site.path("copy", "sub", "one")).st_mode & 0o777 == 0o755


def test_rsync_a_copies_once(site, mount, local):
    mounted = mount()
    words = ["rsync", "-a", "--no-owner", "--no-group", "--out-format=%n", f"{local}/"]
    first = run(*words, mounted.at("copy") + "/")
    assert "sub/deep/er/file" in first
    assert tree_of(site.path("copy")) == tree_of(local)
    again = [name for name in run(*words, mounted.at("copy") + "/").split("\n") if name]
    assert [name for name in again if not name.endswith("/")] == []


def test_rsync_a_by_another_mount_moves_nothing_and_asks_in_batches(servers, mount, tmp_path):
    """vsftpd's LIST tells times to the minute: what rsync compares is asked for by MDTM, of many
    files in one exchange."""
    server = servers.make("vsftpd")
    source = tmp_path / "source"
    source.mkdir()
    for i in range(200):
        path = source / f"file-{i}"
        path.write_bytes(b"x" * i)
        os.utime(path, (1_500_000_000 + i, 1_500_000_000 + i))
    words = ["rsync", "-a", "--no-owner", "--no-group", "--out-format=%n", f"{source}/"]
    first = mount(server)
    run(*words, first.path)
    first.unmount()
    before = len(server.log_text())
    second = mount(server)
    moved = run(*words, second.path).splitlines()
    assert [name for name in moved if not name.endswith("/")] == []
    commands = server.log_text()[before:]
    assert commands.count('command: Client "127.0.0.1", "STOR') == 0
    assert commands.count('command: Client "127.0.0.1", "MDTM') <= 220
    stats = second.stats()
    second.unmount()
    assert stats["round_trips"] < 100


def test_rsync_sends_what_has_changed_and_deletes(site, mount, local):
    mounted = mount()
    words = ["rsync", "-a", "--no-owner", "--no-group", "--delete", "--out-format=%n", f"{local}/"]
    run(*words, mounted.at("copy") + "/")
    (local / "a").write_bytes(b"changed")
    (local / "b c.txt").unlink()
    out = run(*words, mounted.at("copy") + "/").split("\n")
    assert "a" in out
    assert "sub/one" not in out
    assert tree_of(site.path("copy")) == tree_of(local)


def test_tar_packs_and_unpacks(site, mount, local, tmp_path):
    mounted = mount()
    run("tar", "-cf", mounted.at("archive.tar"), "-C", local, ".")
    os.mkdir(mounted.at("unpacked"))
    run("tar", "-xf", mounted.at("archive.tar"), "--no-same-owner", "-C", mounted.at("unpacked"))
    assert tree_of(site.path("unpacked")) == tree_of(local)
    run("tar", "-czf", tmp_path / "out.tar.gz", "-C", mounted.at("unpacked"), ".")
    (tmp_path / "out").mkdir()
    run("tar", "-xzf", tmp_path / "out.tar.gz", "-C", tmp_path / "out")
    assert tree_of(tmp_path / "out") == tree_of(local)


def test_git_works_in_a_mounted_repository(site, mount, tmp_path):
    mounted = mount()
    work = mounted.at("repository")
    os.mkdir(work)
    git = [
        "git", "-c", "user.name=Test", "-c", "user.email=test@example.org",
        "-c", "safe.directory=*", "-c", "init.defaultBranch=main", "-c", "gc.auto=0",
    ]  # fmt: skip
    run(*git, "init", "-q", cwd=work)
    for i in range(5):
        with open(os.path.join(work, f"file-{i}"), "w", encoding="utf-8") as file:
            file.write(f"content {i}\n" * 100)
    run(*git, "add", ".", cwd=work)
    run(*git, "commit", "-q", "-m", "first", cwd=work)
    with open(os.path.join(work, "file-1"), "a", encoding="utf-8") as file:
        file.write("more\n")
    run(*git, "commit", "-q", "-a", "-m", "second", cwd=work)
    run(*git, "mv", "file-2", "renamed", cwd=work)
    run(*git, "commit", "-q", "-m", "third", cwd=work)
    run(*git, "checkout", "-q", "-b", "side", "HEAD~1", cwd=work)
    run(*git, "checkout", "-q", "main", cwd=work)
    run(*git, "fsck", "--strict", cwd=work)
    assert run(*git, "status", "--porcelain", cwd=work) == ""
    assert run(*git, "rev-list", "--count", "HEAD", cwd=work).strip() == "3"
    run(*git, "clone", "-q", work, tmp_path / "clone")
    assert (tmp_path / "clone" / "renamed").read_text().startswith("content 2")


def test_sqlite_keeps_a_database(site, mount, tmp_path):
    mounted = mount()
    path = mounted.at("data.db")
    database = sqlite3.connect(path, timeout=30)
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)")
    for step in range(3):
        with database:
            rows = [(f"row {step} {i} " + "x" * 200,) for i in range(200)]
            database.executemany("INSERT INTO t (text) VALUES (?)", rows)
    with database:
        database.execute("DELETE FROM t WHERE id % 3 = 0")
        database.execute("UPDATE t SET text = 'changed' WHERE id % 5 = 0")
    query = "SELECT count(*), sum(text = 'changed') FROM t"
    count = database.execute(query).fetchone()
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    assert_database_from_behind(site, tmp_path, query, count)


def test_an_editors_save_replaces_the_file(site, mount):
    """As vim does it: the old file becomes the backup, the new one is written, the backup goes."""
    site.put("text", b"old\n", mode=0o640)
    mounted = mount()
    path = mounted.at("text")
    for i in range(3):
        flags = os.O_CREAT | os.O_WRONLY | os.O_EXCL | os.O_NOFOLLOW
        os.close(os.open(mounted.at("4913"), flags))
        os.unlink(mounted.at("4913"))
        os.rename(path, path + "~")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
        os.write(descriptor, b"version %d\n" % i)
        os.fsync(descriptor)
        os.close(descriptor)
        os.chmod(path, 0o640)
        os.unlink(path + "~")
        assert site.get("text") == b"version %d\n" % i
        assert site.names() == ["text"]


def test_an_editors_save_by_rename_replaces_the_file(site, mount):
    """As most others do it: a temporary file is renamed over the old one."""
    site.put("text", b"old\n")
    mounted = mount()
    for i in range(3):
        temporary = mounted.at(f".text.{i}.tmp")
        with open(temporary, "xb") as file:
            file.write(b"version %d\n" % i)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, mounted.at("text"))
        with open(mounted.at("text"), "rb") as file:
            assert file.read() == b"version %d\n" % i
        assert site.get("text") == b"version %d\n" % i
        assert site.names() == ["text"]


def test_sed_i_and_sort_o_change_a_file_in_place(site, mount):
    site.put("text", b"".join(b"line %d\n" % (i % 7) for i in range(1000)))
    mounted = mount()
    run("sed", "-i", "s/line/LINE/", mounted.at("text"))
    assert site.get("text").startswith(b"LINE 0\nLINE 1\n")
    run("sort", "-u", "-o", mounted.at("text"), mounted.at("text"))
    assert site.get("text") == b"".join(b"LINE %d\n" % i for i in range(7))
    assert site.names() == ["text"]


def test_mv_moves_folders_in_around_and_out(site, mount, local, tmp_path):
    expected = tree_of(local)
    mounted = mount()
    run("mv", local, mounted.at("in"))
    assert tree_of(site.path("in")) == expected
    os.mkdir(mounted.at("parent"))
    run("mv", mounted.at("in"), mounted.at("parent"))
    assert tree_of(site.path("parent", "in")) == expected
    run("mv", mounted.at("parent", "in"), tmp_path / "out")
    assert tree_of(tmp_path / "out") == expected
    assert site.names("parent") == []


def test_find_du_and_grep_walk_the_tree(site, mount, local):
    mounted = mount()
    run("cp", "-r", local, mounted.at("tree"))
    with open(mounted.at("tree", "sub", "needle"), "w", encoding="utf-8") as file:
        file.write("the word to find\n")
    found = run("find", mounted.at("tree"), "-type", "f", "-printf", "%P %s\n").splitlines()
    assert len(found) == 8
    assert f"b c.txt {33333}" in found
    found = run("find", mounted.at("tree"), "-type", "d", "-empty", "-printf", "%P\n")
    assert found == "nothing in here\n"
    found = run("grep", "-rl", "word to find", mounted.at("tree"))
    assert found.strip() == mounted.at("tree", "sub", "needle")
    assert int(run("du", "-sb", mounted.at("tree")).split()[0]) >= 33333 * 15


def test_rm_rf_removes_all(site, mount, local):
    mounted = mount()
    run("cp", "-r", local, mounted.at("tree"))
    run("rm", "-rf", mounted.at("tree"))
    assert site.names() == []
    assert os.listdir(mounted.path) == []


@pytest.mark.parametrize("block", ["512", "4k", "100000", "1M"])
def test_dd_copies_with_any_block_size(site, mount, tmp_path, block):
    source = tmp_path / "source"
    source.write_bytes(pattern(2_345_678))
    mounted = mount()
    run("dd", f"if={source}", f"of={mounted.at('file')}", f"bs={block}", "status=none")
    assert site.get("file") == source.read_bytes()
    run("dd", f"if={mounted.at('file')}", f"of={tmp_path / 'back'}", f"bs={block}", "status=none")
    assert (tmp_path / "back").read_bytes() == source.read_bytes()


def test_dd_seeks_skips_and_keeps_the_rest(site, mount, tmp_path):
    data = bytearray(pattern(500000))
    site.put("file", data)
    patch = tmp_path / "patch"
    patch.write_bytes(b"P" * 4096)
    mounted = mount()
    words = ["bs=4096", "seek=50", "conv=notrunc,fsync", "status=none"]
    run("dd", f"if={patch}", f"of={mounted.at('file')}", *words)
    data[50 * 4096 : 51 * 4096] = b"P" * 4096
    assert site.get("file") == bytes(data)
    words = ["bs=4096", "skip=50", "count=1", "status=none"]
    run("dd", f"if={mounted.at('file')}", f"of={tmp_path / 'out'}", *words)
    assert (tmp_path / "out").read_bytes() == b"P" * 4096


def test_the_shell_appends_and_reads_lines(site, mount):
    mounted = mount()
    script = (
        'for i in 1 2 3; do echo "line $i" >>log; done; tail -n 1 log; wc -l <log; head -c 6 log'
    )
    assert run("sh", "-c", script, cwd=mounted.path) == "line 3\n3\nline 1"
    assert site.get("log") == b"line 1\nline 2\nline 3\n"


def test_touch_truncate_and_install_work(site, mount, local):
    mounted = mount()
    run("touch", mounted.at("new"))
    assert site.get("new") == b""
    run("touch", "-d", "2001-02-03 04:05:06 UTC", mounted.at("new"))
    assert os.stat(site.path("new")).st_mtime == 981173106
    run("truncate", "-s", "100K", mounted.at("new"))
    assert os.stat(site.path("new")).st_size == 102400
    run("install", "-m", "600", local / "a", mounted.at("installed"))
    assert os.stat(site.path("installed")).st_mode & 0o777 == 0o600
    assert sha256(site.path("installed")) == sha256(local / "a")


def test_ls_l_shows_names_sizes_and_dates(site, mount):
    site.put("file name", b"x" * 1234)
    site.mkdir("directory")
    mounted = mount()
    lines = run("ls", "-la", "--time-style=full-iso", mounted.path).splitlines()
    assert any(line.startswith("-rw") and " 1234 " in line for line in lines)
    assert any(line.startswith("drwx") and line.endswith(" directory") for line in lines)
    assert all("?" not in line for line in lines)


def test_df_shows_the_mount(site, mount):
    mounted = mount()
    line = run("df", "--output=fstype,target", mounted.path).splitlines()[-1]
    assert line.split() == ["fuse.ftpsfs", mounted.path]


def test_a_program_can_be_run_from_the_mount(site, mount):
    mounted = mount()
    run("cp", "/bin/true", mounted.at("program"))
    run("chmod", "755", mounted.at("program"))
    run(mounted.at("program"))
    with open(mounted.at("script"), "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\necho it runs\n")
    os.chmod(mounted.at("script"), 0o755)
    assert run(mounted.at("script")) == "it runs\n"
