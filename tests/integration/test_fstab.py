# SPDX-License-Identifier: GPL-2.0-or-later
"""mount(8) with real fstab lines: in a mount namespace that has its own /etc/fstab, its own
mount.ftpsfs, ftpsfs in its PATH, and /dev/fuse open to all as udev makes it; as root and as an
ordinary user."""

import os
import pwd
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from harness import BINARY, credentials_file, eventually

# mount(8) wants the name of who may unmount: an account that every Debian has.
USER = pwd.getpwnam("games")

SETUP = """
mount --make-rprivate / &&
mount --bind "$1/fstab" /etc/fstab &&
mount --bind "$1/sbin" /usr/sbin &&
mount --bind "$1/bin" /usr/local/bin &&
mknod -m 666 "$1/fuse" c 10 229 && mount --bind "$1/fuse" /dev/fuse &&
echo ready && exec sleep infinity
"""


class Machine:
    """A mount namespace; `run` runs in it."""

    def __init__(self, directory, server):
        self.directory, self.server = directory, server
        for name in ("sbin", "bin"):
            (directory / name).mkdir()
        for helper in ("mount.fuse3", "mount.fuse"):
            shutil.copy(f"/usr/sbin/{helper}", directory / "sbin", follow_symlinks=True)
        shutil.copy(BINARY, directory / "bin" / "ftpsfs")
        os.symlink("/usr/local/bin/ftpsfs", directory / "sbin" / "mount.ftpsfs")
        shutil.copy(server.cafile, directory / "ca.pem")
        (directory / "ca.pem").chmod(0o644)
        (directory / "fstab").write_text("", encoding="utf-8")
        self.points = []
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", SETUP, "sh", str(directory)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.holder.stdout.readline() == "ready\n"

    def point(self, owner=None):
        path = self.directory / f"mnt{len(self.points)}"
        path.mkdir()
        if owner:
            os.chown(path, owner.pw_uid, owner.pw_gid)
        self.points.append(str(path))
        return str(path)

    def credentials(self, owner=None):
        name = f"credentials-{owner.pw_name if owner else 'root'}"
        path = credentials_file(
            str(self.directory), self.server.user, self.server.password, name=name
        )
        if owner:
            os.chown(path, owner.pw_uid, owner.pw_gid)
        return path

    def options(self, *more, owner=None):
        first = [f"cafile={self.directory}/ca.pem", f"credentials={self.credentials(owner)}"]
        return ",".join([*more, *first])

    def source(self, directory=""):
        return f"ftps://{self.server.user}@{self.server.host}:{self.server.port}/{directory}"

    def fstab(self, *lines):
        # The file is a mount of its own: it must stay the same one.
        with open(self.directory / "fstab", "w", encoding="utf-8") as file:
            file.writelines(
                f"{source} {point} {kind} {options} 0 0\n" for source, point, kind, options in lines
            )

    def run(self, *command, user=None):
        words = ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt"]
        if user:
            words += [
                "setpriv",
                f"--reuid={user.pw_uid}",
                f"--regid={user.pw_gid}",
                "--clear-groups",
            ]
        return subprocess.run(
            [*words, *map(str, command)], capture_output=True, text=True, timeout=60, check=False
        )

    def good(self, *command, user=None):
        result = self.run(*command, user=user)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def names(self, point, user=None):
        return sorted(self.good("ls", point, user=user).split())

    def mounted(self, point):
        return self.run(
            "findmnt", "--noheadings", "--output", "SOURCE,FSTYPE", point
        ).stdout.split()

    def close(self):
        for point in self.points:
            if self.mounted(point):
                self.run("umount", "--lazy", point)
        self.holder.send_signal(signal.SIGKILL)
        self.holder.wait()
        eventually(lambda: not self._left(), 40, "the end of the daemons")

    def _left(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            places = [*self.points, f"{self.directory}/auto/data"]
            found += [pid for place in places if place.encode() in words]
        return found


@pytest.fixture
def machine(servers, tmp_path):
    path = tmp_path
    while path.name.startswith(("pytest-", "popen-", "test_", "test-")) or path == tmp_path:
        path.chmod(0o755)
        path = path.parent
    server = servers.make("pyftpdlib")
    with open(server.path("file"), "wb") as file:
        file.write(b"content")
    server.adopt(server.root)
    made = Machine(tmp_path, server)
    yield made
    made.close()


@pytest.mark.parametrize("kind", ["ftpsfs", "fuse.ftpsfs"])
def test_root_mounts_a_line_of_fstab_by_its_mountpoint(machine, kind):
    point = machine.point()
    machine.fstab((machine.source(), point, kind, machine.options("noauto,_netdev,nofail")))
    machine.good("mount", point)
    assert machine.names(point) == ["file"]
    machine.good("umount", point)
    assert machine.mounted(point) == []


GENERIC = (
    "ro,noexec,nosuid,nodev,noauto,_netdev,nofail,noatime,x-systemd.automount,"
    "x-systemd.idle-timeout=60,x-gvfs-show,comment=mine"
)


@pytest.mark.parametrize("kind", ["ftpsfs", "fuse.ftpsfs"])
def test_the_generic_options_are_understood(machine, kind):
    point = machine.point()
    machine.fstab((machine.source(), point, kind, machine.options(GENERIC)))
    machine.good("mount", point)
    shown = machine.good("findmnt", "--noheadings", "--output", "OPTIONS", point).strip().split(",")
    assert {"ro", "noexec", "nosuid", "nodev", "noatime"} <= set(shown)
    assert machine.run("touch", f"{point}/new").returncode != 0


@pytest.mark.parametrize("kind", ["ftpsfs", "fuse.ftpsfs"])
def test_mount_a_mounts_all_lines_once(machine, kind):
    points = [machine.point(), machine.point()]
    os.mkdir(machine.server.path("below"))
    machine.server.adopt(machine.server.root)
    machine.fstab(
        (machine.source(), points[0], kind, machine.options("_netdev")),
        (machine.source("below"), points[1], kind, machine.options("_netdev")),
    )
    machine.good("mount", "-a")
    assert [machine.names(point) for point in points] == [["below", "file"], []]
    machine.good("mount", "-a")
    for point in points:
        assert len(machine.mounted(point)) == 2, "it was mounted a second time"


def test_mount_takes_another_fstab(machine):
    point = machine.point()
    other = machine.directory / "other-fstab"
    other.write_text(f"{machine.source()} {point} ftpsfs {machine.options()} 0 0\n")
    machine.good("mount", "--fstab", other, "-a")
    assert machine.names(point) == ["file"]


def test_findmnt_and_the_mount_table_show_the_source_without_secrets(machine):
    point = machine.point()
    machine.fstab((machine.source(), point, "ftpsfs", machine.options()))
    machine.good("mount", point)
    assert machine.mounted(point) == [machine.source(), "fuse.ftpsfs"]
    table = machine.good("cat", "/proc/mounts") + machine.good("findmnt", "--all")
    assert machine.server.password not in table
    assert "credentials" not in "".join(line for line in table.splitlines() if point in line)


def test_the_sshfs_spelling_is_shown_as_a_url(machine):
    point = machine.point()
    server = machine.server
    source = f"ftpsfs#{server.user}@{server.host}:{server.port}/"
    machine.fstab((source, point, "ftpsfs", machine.options()))
    machine.good("mount", point)
    assert machine.mounted(point)[0] == machine.source()


def test_type_fuse_takes_a_source_with_the_programs_name(machine):
    point = machine.point()
    server = machine.server
    source = f"ftpsfs#{server.user}@{server.host}:/"
    options = machine.options(f"port={server.port}")
    machine.good("mount", "-t", "fuse", source, point, "-o", options)
    assert machine.names(point) == ["file"]


@pytest.mark.parametrize("words", [["-v"], ["-n"], ["-n", "-v"], ["-r"], ["-w"]], ids="".join)
def test_the_flags_of_mount_are_understood(machine, words):
    point = machine.point()
    machine.fstab((machine.source(), point, "ftpsfs", machine.options()))
    machine.good("mount", *words, point)
    assert machine.names(point) == ["file"]


def test_a_fake_mount_mounts_nothing(machine):
    point = machine.point()
    machine.fstab((machine.source(), point, "ftpsfs", machine.options()))
    machine.good("mount", "-f", point)
    assert machine.mounted(point) == []


def test_a_sloppy_mount_passes_over_unknown_options(machine):
    point = machine.point()
    machine.fstab((machine.source(), point, "ftpsfs", machine.options("no-such-option=1")))
    refused = machine.run("mount", point)
    assert refused.returncode != 0
    assert "no-such-option" in refused.stderr
    machine.good("mount", "-s", point)
    assert machine.names(point) == ["file"]


def test_a_mount_that_fails_has_mounts_exit_status(machine):
    point = machine.point()
    machine.fstab((machine.source("missing"), point, "ftpsfs", machine.options()))
    result = machine.run("mount", point)
    assert result.returncode == 32
    assert "missing" in result.stderr


def test_a_remount_is_refused_with_what_to_do(machine):
    point = machine.point()
    machine.fstab((machine.source(), point, "ftpsfs", machine.options()))
    machine.good("mount", point)
    result = machine.run("mount", "-o", "remount,ro", point)
    assert result.returncode != 0
    assert machine.names(point) == ["file"]


@pytest.mark.parametrize("kind", ["ftpsfs", "fuse.ftpsfs"])
@pytest.mark.parametrize("word", ["user", "users"])
def test_an_ordinary_user_mounts_and_unmounts_a_line_with_user(machine, kind, word):
    point = machine.point(USER)
    machine.fstab((machine.source(), point, kind, machine.options(f"{word},noauto", owner=USER)))
    machine.good("mount", point, user=USER)
    assert machine.names(point, user=USER) == ["file"]
    assert machine.run("ls", point).returncode != 0, "root looks in without allow_root"
    machine.good("umount", point, user=USER)
    assert machine.mounted(point) == []


def test_the_helper_of_mount_is_installed(tmp_path):
    """/sbin/mount.ftpsfs, whatever the prefix is, and its manual page."""
    build = os.path.dirname(BINARY)
    subprocess.run(
        ["meson", "install", "-C", build, "--no-rebuild", "--destdir", tmp_path],
        check=True,
        capture_output=True,
        timeout=60,
    )
    target = os.readlink(tmp_path / "sbin" / "mount.ftpsfs")
    assert os.access(f"{tmp_path}{target}", os.X_OK)
    assert list(tmp_path.glob("**/man8/mount.ftpsfs.8*"))


def test_root_mounts_for_a_user(machine):
    """allow_other, uid= and gid=: the daemon stays root's, the files are the user's."""
    point = machine.point()
    options = machine.options(f"allow_other,uid={USER.pw_name},gid={USER.pw_gid},umask=077")
    machine.fstab((machine.source(), point, "ftpsfs", options))
    machine.good("mount", point)
    assert machine.good("stat", "-c", "%u %g %a", f"{point}/file", user=USER).split() == [
        str(USER.pw_uid),
        str(USER.pw_gid),
        "600",
    ]
    machine.good("cp", "/etc/hostname", f"{point}/new", user=USER)
    nobody = pwd.getpwnam("nobody")
    assert machine.run("cat", f"{point}/file", user=nobody).returncode != 0


def test_setuid_becomes_the_user_and_the_mount_is_the_users(machine):
    point = machine.point(USER)
    machine.fstab((machine.source(), point, "ftpsfs", machine.options(f"setuid={USER.pw_name}")))
    machine.good("mount", point)
    pid = next(iter(machine._left()))
    assert os.stat(f"/proc/{pid}").st_uid in (0, USER.pw_uid)  # root's, as it can't be dumped
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    assert set(status["Uid"].split()) == {str(USER.pw_uid)}
    assert set(status["Gid"].split()) == {str(USER.pw_gid)}
    assert machine.names(point, user=USER) == ["file"]
    assert machine.good("stat", "-c", "%U", f"{point}/file", user=USER).strip() == USER.pw_name
    machine.good("umount", point)
    assert machine.mounted(point) == []
    eventually(lambda: not machine._left(), 20)


# automount(8)


@pytest.fixture
def automount(machine):
    """Starts automount(8) with a map for one directory, whose path it gives; and its output."""
    started = []

    def start(entry):
        base = machine.directory / "auto"
        base.mkdir()
        shutil.copy("/usr/sbin/automount", machine.directory / "sbin")
        (machine.directory / "map").write_text(entry, encoding="utf-8")
        master = machine.directory / "master"
        master.write_text(f"{base} file:{machine.directory}/map --timeout=1\n", encoding="utf-8")
        machine.good("mount", "-t", "tmpfs", "tmpfs", "/run")
        log = machine.directory / "automount.log"
        words = ["nsenter", f"--mount=/proc/{machine.holder.pid}/ns/mnt", "automount", "-f", "-v"]
        words += ["--pid-file", machine.directory / "pid", master]
        with open(log, "wb") as output:
            started.append(
                subprocess.Popen(
                    list(map(str, words)), start_new_session=True, stdout=output, stderr=output
                )
            )
        eventually(lambda: "mounted indirect on" in log.read_text(), what="the start of automount")
        return base, log

    yield start
    for process in started:
        process.terminate()
        assert process.wait(30) == 0


def test_an_autofs_map_mounts_at_the_first_access_and_expires(machine, automount):
    """The map of the manual page, for this server."""
    page = (Path(__file__).resolve().parents[2] / "man" / "mount.ftpsfs.8").read_text(
        encoding="utf-8"
    )
    entry = re.search(r"^(data  -fstype=ftpsfs,.*)$", page, re.M)[1].replace("\\e", "\\")
    server = machine.server
    entry = entry.replace(
        "//ann@ftp.example.org/data", f"//{server.user}@{server.host}\\:{server.port}/"
    )
    entry = entry.replace("uid=ann", f"uid={USER.pw_name},cafile={machine.directory}/ca.pem")
    entry = entry.replace("/etc/ftpsfs.credentials", machine.credentials())
    base, log = automount(entry + "\n")
    assert machine.good("cat", f"{base}/data/file") == "content"
    assert f"mounted {base}/data" in log.read_text()
    # Looking at the mount would keep it in use.
    eventually(lambda: f"expired {base}/data" in log.read_text(), 30, "the end of the idle mount")
    eventually(lambda: not machine._left(), 20)
    assert machine.good("cat", f"{base}/data/file") == "content"
