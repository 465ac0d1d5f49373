# SPDX-License-Identifier: GPL-2.0-or-later
"""systemd: the unit files, readiness, credentials."""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from harness import BINARY, EXIT_SECONDS, environment, eventually, mountinfo, run_ftpsfs, source_for

UNITS = Path(__file__).resolve().parents[2] / "src" / "systemd"


@pytest.fixture
def units(tmp_path):
    """The unit files as meson installs them, with this build's program in them."""
    directory = tmp_path / "units"
    directory.mkdir()
    for path in UNITS.iterdir():
        text = path.read_text(encoding="utf-8").replace("@bindir@", os.path.dirname(BINARY))
        (directory / path.name.removesuffix(".in")).write_text(text, encoding="utf-8")
    return directory


def analyze(units, *words):
    if shutil.which("systemd-analyze") is None:
        pytest.fail("systemd-analyze is missing: apt install systemd")
    return subprocess.run(
        ["systemd-analyze", *map(str, words)],
        env=dict(os.environ, SYSTEMD_UNIT_PATH=f"{units}:/usr/lib/systemd/system", LC_ALL="C"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("unit", ["ftpsfs@name.service", "srv-data.mount", "srv-data.automount"])
def test_systemd_analyze_verifies_the_unit(units, unit):
    result = analyze(units, "verify", "--man=no", units / unit)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_the_service_is_hardened(units):
    result = analyze(units, "security", "--offline=yes", "--no-pager", units / "ftpsfs@.service")
    found = re.search(r"Overall exposure level for .*: ([0-9.]+)", result.stdout)
    assert found, result.stdout + result.stderr
    assert float(found[1]) <= 4.6
    page = (UNITS.parents[1] / "man" / "mount.ftpsfs.8").read_text(encoding="utf-8")
    assert f"exposure level {found[1]}" in page, "the manual page tells another figure"


def test_the_automount_unit_unmounts_when_idle():
    text = (UNITS / "srv-data.automount").read_text(encoding="utf-8")
    assert "TimeoutIdleSec=10min" in text


GENERATOR = "/usr/lib/systemd/system-generators/systemd-fstab-generator"


def test_an_fstab_line_becomes_an_automount_unit_with_its_idle_time(tmp_path):
    """What systemd makes of the line is what it then mounts; see test_automount.py for that."""
    fstab = tmp_path / "fstab"
    fstab.write_text(
        "ftps://user@files.example/in /mnt/in ftpsfs "
        "_netdev,nofail,x-systemd.automount,x-systemd.idle-timeout=90,credentials=/etc/files 0 0\n",
        encoding="utf-8",
    )
    made = [tmp_path / name for name in ("normal", "early", "late")]
    for directory in made:
        directory.mkdir()
    subprocess.run(
        [GENERATOR, *map(str, made)], env=dict(os.environ, SYSTEMD_FSTAB=str(fstab)), check=True
    )
    automount = (made[0] / "mnt-in.automount").read_text(encoding="utf-8")
    assert "Where=/mnt/in\n" in automount
    assert "TimeoutIdleSec=1min 30s\n" in automount
    mounted = (made[0] / "mnt-in.mount").read_text(encoding="utf-8")
    assert "What=ftps://user@files.example/in\n" in mounted
    assert "Type=ftpsfs\n" in mounted
    # After the network, and not in the way of the boot.
    assert (made[0] / "remote-fs.target.wants" / "mnt-in.automount").is_symlink()
    result = analyze(made[0], "verify", "--man=no", made[0] / "mnt-in.automount")
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


class Manager:
    """A service manager's socket, and a service that it runs."""

    def __init__(self, address, words, home, **changes):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(20)
        name = "@" + address[1:] if address.startswith("\0") else address
        self.process = subprocess.Popen(
            [BINARY, *map(str, words)],
            env=environment(home, NOTIFY_SOCKET=name, **changes),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def hears(self):
        return self.socket.recv(4096).decode().splitlines()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(EXIT_SECONDS)
        self.socket.close()
        return status


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_the_service_says_that_it_is_ready_when_it_has_mounted(servers, tmp_path, home, abstract):
    server = servers.get("pyftpdlib")
    point = tmp_path / "mnt"
    point.mkdir()
    Path(home, "ftpsfs.password").write_text(server.password + "\n", encoding="utf-8")
    address = f"\0ftpsfs-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    words = ["-f", source_for(server), point, "-o", f"cafile={server.cafile}"]
    manager = Manager(address, words, home, CREDENTIALS_DIRECTORY=home)
    try:
        assert "READY=1" in manager.hears()
        assert mountinfo(str(point)) is not None
        manager.process.send_signal(signal.SIGTERM)
        assert "STOPPING=1" in manager.hears()
    finally:
        assert manager.close() == 0
    assert mountinfo(str(point)) is None


def test_a_service_that_can_not_mount_is_never_ready(servers, tmp_path, home):
    server = servers.get("pyftpdlib")
    point = tmp_path / "mnt"
    point.mkdir()
    Path(home, "ftpsfs.password").write_text("wrong", encoding="utf-8")
    words = ["-f", source_for(server), point, "-o", f"cafile={server.cafile}"]
    manager = Manager(str(tmp_path / "notify"), words, home, CREDENTIALS_DIRECTORY=home)
    assert manager.process.wait(EXIT_SECONDS) == 1
    manager.socket.settimeout(0.2)
    with pytest.raises(socket.timeout):
        manager.hears()
    manager.close()


def test_systemds_credentials_log_in(servers, tmp_path, home):
    """User and password from $CREDENTIALS_DIRECTORY, whatever its modes are."""
    server = servers.get("pyftpdlib")
    point = tmp_path / "mnt"
    point.mkdir()
    for name, text in (("password", server.password), ("username", server.user)):
        path = Path(home, f"ftpsfs.{name}")
        path.write_text(text + "\n", encoding="utf-8")
        path.chmod(0o440)
    source = f"ftps://{server.host}:{server.port}/"
    result = run_ftpsfs(
        source, point, "-o", f"cafile={server.cafile}", home=home, CREDENTIALS_DIRECTORY=home
    )
    assert result.returncode == 0, result.stderr
    os.listdir(point)
    subprocess.run(["umount", point], check=True, timeout=60)
    eventually(lambda: mountinfo(str(point)) is None)


def test_the_state_directory_of_the_service_is_used(servers, tmp_path, home):
    server = servers.get("pyftpdlib")
    point, state = tmp_path / "mnt", tmp_path / "state"
    point.mkdir()
    state.mkdir()
    Path(home, "ftpsfs.password").write_text(server.password, encoding="utf-8")
    words = ["-f", source_for(server), point, "-o", "tls_verify=tofu"]
    manager = Manager(
        str(tmp_path / "notify"),
        words,
        home,
        CREDENTIALS_DIRECTORY=home,
        STATE_DIRECTORY=str(state),
    )
    try:
        assert "READY=1" in manager.hears()
        assert "127.0.0.1" in (state / "known_hosts").read_text(encoding="utf-8")
    finally:
        assert manager.close() == 0
