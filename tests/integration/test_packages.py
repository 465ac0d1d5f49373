# SPDX-License-Identifier: GPL-2.0-or-later
"""From the source to an installed program: meson dist, meson install, a Debian package."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import (
    BINARY,
    credentials_file,
    environment,
    eventually,
    mountinfo,
    source_for,
)

ROOT = Path(__file__).resolve().parents[2]

# What an installation consists of, below the prefix.
FILES = {
    "bin/ftpsfs",
    "bin/ftpsfs-open",
    "lib/systemd/system/ftpsfs@.service",
    "share/applications/ftpsfs.desktop",
    "share/bash-completion/completions/ftpsfs",
    "share/doc/ftpsfs/examples/srv-data.automount",
    "share/doc/ftpsfs/examples/srv-data.mount",
    "share/fish/vendor_completions.d/ftpsfs.fish",
    "share/man/man1/ftpsfs.1",
    "share/man/man5/ftpsfs.conf.5",
    "share/man/man7/ftpsfs-limits.7",
    "share/man/man7/ftpsfs-migration.7",
    "share/man/man7/ftpsfs-security.7",
    "share/man/man7/ftpsfs-tuning.7",
    "share/man/man8/mount.ftpsfs.8",
    "share/doc/ftpsfs/NEWS",
    "share/zsh/site-functions/_ftpsfs",
}


def command(*words, cwd=None, timeout=80):
    result = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=environment(cwd or "/nonexistent", FTPSFS=BINARY),
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return result.stdout


def installed(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


@pytest.fixture
def clone(tmp_path):
    """A clean repository of what is here now."""
    copy = tmp_path / "clone"
    shutil.copytree(
        ROOT, copy, ignore=shutil.ignore_patterns("build*", ".git", "__pycache__", ".*cache")
    )
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "all")):
        command("git", "-c", "user.name=x", "-c", "user.email=x@localhost", *words, cwd=copy)
    return copy


def test_a_release_is_made_from_a_clean_clone_and_installs(clone, tmp_path):
    command("meson", "setup", "build", cwd=clone)
    command("meson", "dist", "-C", "build", "--no-tests", "--formats", "gztar", cwd=clone)
    (archive,) = (clone / "build" / "meson-dist").glob("ftpsfs-*.tar.gz")
    command("tar", "-xzf", archive, cwd=tmp_path)
    release = tmp_path / archive.name.removesuffix(".tar.gz")
    assert installed(release) == set(command("git", "ls-files", cwd=clone).splitlines())
    for name in installed(release):
        assert (release / name).read_bytes() == (ROOT / name).read_bytes(), name
    command("meson", "setup", "build", "--prefix=/opt/ftpsfs", cwd=release)
    # Of the same files the program under test has been compiled.
    shutil.copy(BINARY, release / "build" / "ftpsfs")
    command(
        "meson", "install", "-C", "build", "--no-rebuild", "--destdir", tmp_path / "to", cwd=release
    )
    assert installed(tmp_path / "to" / "opt" / "ftpsfs") == FILES
    assert os.readlink(tmp_path / "to" / "sbin" / "mount.ftpsfs") == "/opt/ftpsfs/bin/ftpsfs"
    unit = (tmp_path / "to/opt/ftpsfs/lib/systemd/system/ftpsfs@.service").read_text("utf-8")
    assert "/opt/ftpsfs/bin/ftpsfs" in unit
    assert command(tmp_path / "to/opt/ftpsfs/bin/ftpsfs", "--version").startswith("ftpsfs ")


def dpkg_root(tmp_path):
    """A root directory for dpkg in which all packages of this machine are said to be installed."""
    root = tmp_path / "root"
    database = root / "var" / "lib" / "dpkg"
    for name in ("info", "updates", "triggers"):
        (database / name).mkdir(parents=True)
    shutil.copy("/var/lib/dpkg/status", database)
    (root / "sbin").mkdir()
    return root


@pytest.mark.parametrize("server_kind", ["vsftpd"])
def test_a_debian_package_is_installed_mounts_and_goes_without_a_trace(site, home, tmp_path):
    package = command(ROOT / "tests" / "package", tmp_path / "package").strip()
    fields = command("dpkg-deb", "--field", package)
    depends = re.search(r"^Depends: (.*)$", fields, re.M)[1]
    for library in ("libc6", "libfuse3-3", "libglib2.0-0", "libgnutls30", "fuse3"):
        assert re.search(rf"(^|, ){re.escape(library)}\b", depends), depends

    root = dpkg_root(tmp_path)
    before = installed(root)
    dpkg = ["dpkg", f"--root={root}", "--force-script-chrootless"]
    command(*dpkg, "--install", package)
    status = command(*dpkg, "--status", "ftpsfs")
    assert "Status: install ok installed" in status
    command(*dpkg, "--verify", "ftpsfs")
    listed = command(*dpkg, "--listfiles", "ftpsfs").split()
    assert {"/usr/bin/ftpsfs", "/sbin/mount.ftpsfs", "/usr/share/man/man1/ftpsfs.1.gz"} <= set(
        listed
    )

    program = str(root / "usr" / "bin" / "ftpsfs")
    assert f"ftpsfs {re.search(r'^Version: (.*)$', status, re.M)[1]} " in command(program, "-V")
    site.put("file", b"content")
    server, point = site.server, os.path.join(home, "mnt")
    os.mkdir(point)
    options = f"cafile={server.cafile},credentials="
    options += credentials_file(home, server.user, server.password)
    words = [program, source_for(server, site.directory), point, "-f", "-o", options]
    process = subprocess.Popen(words, env=environment(home), start_new_session=True)
    try:
        eventually(lambda: mountinfo(point), what="the mount")
        assert Path(point, "file").read_bytes() == b"content"
        Path(point, "new").write_bytes(b"written")
        assert site.get("new") == b"written"
        command("fusermount3", "-u", point)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()

    command(*dpkg, "--purge", "ftpsfs")
    assert {name for name in installed(root) - before if not name.startswith("var/")} == set()


def test_the_version_names_the_libraries():
    text = command(BINARY, "--version")
    assert re.fullmatch(
        r"ftpsfs \d+\.\d+\.\d+ \(libfuse 3\.\d+\.\d+, GnuTLS 3\.\d+\.\d+, GLib 2\.\d+\.\d+, zlib 1\.[\d.]+\)\n",
        text,
    ), text
