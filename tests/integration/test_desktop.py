# SPDX-License-Identifier: GPL-2.0-or-later
"""What a desktop finds: the application entry and what it runs, and mounts of fstab in the side bar."""

import os
import re
import signal
import subprocess

import pytest

from desktop_fixtures import DESKTOP, OPEN
from harness import credentials_file, daemons_of, eventually, is_running
from test_configuration import write_config
from test_fstab import Machine

pytest_plugins = ["desktop_fixtures"]


def test_the_application_entry_is_valid_and_runs_what_is_installed():
    entry = DESKTOP / "ftpsfs.desktop"
    output = subprocess.run(
        ["desktop-file-validate", entry], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert output == ""
    command = re.search(r"^Exec=(\S+) %u$", entry.read_text(encoding="utf-8"), re.M)[1]
    assert command == OPEN.name
    assert os.access(OPEN, os.X_OK)


@pytest.mark.parametrize("server_kind", ["pyftpdlib"])
def test_a_server_is_mounted_and_opened_as_a_folder(site, home, desktop):
    site.put("file", b"content")
    credentials = credentials_file(home, site.server.user, site.server.password)
    write_config(
        home,
        f"[defaults]\ncafile={site.server.cafile}\ncredentials={credentials}\n"
        f"[work]\nsource={site.source}\n",
    )
    desktop.dialog("zenity", 0)
    points = []
    for words, typed in ((["work:"], ""), ([], "work:\n"), ([site.source], "")):
        points.append(desktop(*words, typed=typed))
        assert os.listdir(points[-1]) == ["file"]
    # A mount that is there is opened as it is, and a dead one replaced.
    assert points[0] == points[1] == f"{home}/FTPS/work"
    assert points[2].startswith(f"{home}/FTPS/{site.server.user}@{site.server.host}:")
    assert "/" not in points[2].removeprefix(f"{home}/FTPS/")
    daemons = daemons_of(points[0])
    for pid in daemons:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(map(is_running, daemons)), what="the end of the daemon")
    assert desktop("work:") == points[0]
    assert os.listdir(points[0]) == ["file"]


def test_what_can_not_be_mounted_is_said_and_not_opened(desktop):
    for word, says in (
        ("", "no server was named"),
        ("--help", "is no server"),
        ("://", "starts with ftps://"),
    ):
        assert says in desktop(*[word] if word else [], typed="\n", status=1)
    assert "ftps" in desktop("ftp://localhost/", status=1)


# What gvfs asks of a mount, whether it is to be shown: GLib's view of its line in fstab.
ASK = """
import ctypes, sys
library = ctypes.CDLL("libgio-2.0.so.0")
library.g_unix_mount_point_at.restype = ctypes.c_void_p
library.g_unix_mount_point_get_options.restype = ctypes.c_char_p
point = library.g_unix_mount_point_at(sys.argv[1].encode(), None)
print(library.g_unix_mount_point_get_options(ctypes.c_void_p(point)).decode())
"""


def test_a_line_of_fstab_is_mounted_and_seen_with_its_words_for_gvfs(all_servers, tmp_path):
    machine = Machine(tmp_path, all_servers.get("pyftpdlib"))
    try:
        point = machine.point()
        words = ["x-gvfs-show", "x-gvfs-name=My%20Work", "x-gvfs-icon=folder-remote"]
        options = machine.options("noauto", "user", *words)
        machine.fstab((machine.source(), point, "ftpsfs", options))
        machine.good("mount", point)
        assert machine.mounted(point)[1] == "fuse.ftpsfs"
        seen = machine.good("python3", "-c", ASK, point).strip().split(",")
        assert set(words) <= set(seen)
        machine.good("umount", point)
    finally:
        machine.close()
