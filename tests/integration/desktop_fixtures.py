# SPDX-License-Identifier: GPL-2.0-or-later
"""ftpsfs-open on a desktop of its own: pytest_plugins = ["desktop_fixtures"].

desktop    a Desktop
"""

import os
import subprocess
from pathlib import Path

import pytest

from harness import BINARY, COMMAND_SECONDS, environment, mountinfo, unmount_and_wait
from test_login import Terminal

DESKTOP = Path(__file__).resolve().parents[2] / "src" / "desktop"
OPEN = DESKTOP / "ftpsfs-open"


class Desktop:
    """Runs ftpsfs-open, with a file manager that notes what it is given and, where a test installs
    one, a program for dialogs that gives one answer. Mounts below ~/FTPS are ended at the end."""

    def __init__(self, directory, home):
        self.directory, self.home = directory, home
        self.programs = directory / "bin"
        self.programs.mkdir()
        (self.programs / "ftpsfs").symlink_to(BINARY)
        self.install("xdg-open", f'echo "$1" >{directory}/opened')
        # No one else's dialogs on this display, whatever is installed here.
        self.changes = {"PATH": f"{self.programs}:{os.environ['PATH']}", "DISPLAY": ""}
        self.changes |= {"WAYLAND_DISPLAY": "", "XDG_CURRENT_DESKTOP": ""}

    def install(self, name, line):
        (self.programs / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (self.programs / name).chmod(0o755)

    def dialog(self, name, status):
        """Installs a program that notes its words, one a line, and ends with `status`."""
        self.install(name, f"printf '%s\\n' \"$@\" >>{self.directory}/asked\nexit {status}")
        self.changes["DISPLAY"] = ":99"

    def asked(self):
        """The words that programs for dialogs were given."""
        path = self.directory / "asked"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def __call__(self, *words, typed="", status=0, **changes):
        """What was opened; with another `status`, what was said."""
        (self.directory / "opened").write_text("", encoding="utf-8")
        # A mount in the background must not keep pipes of ours.
        with open(self.directory / "messages", "w+", encoding="utf-8") as messages:
            result = subprocess.run(
                [OPEN, *words],
                input=typed,
                text=True,
                stdout=messages,
                stderr=messages,
                timeout=COMMAND_SECONDS,
                check=False,
                start_new_session=True,
                env=environment(self.home, **self.changes, **changes),
            )
            messages.seek(0)
            text = messages.read()
        assert result.returncode == status, text
        opened = (self.directory / "opened").read_text(encoding="utf-8").rstrip("\n")
        assert bool(opened) == (status == 0)
        return opened if status == 0 else text

    def on_terminal(self, *words):
        return Terminal(list(words), self.home, program=str(OPEN), **self.changes)

    def points(self):
        """The directories below ~/FTPS."""
        folder = Path(self.home) / "FTPS"
        return sorted(map(str, folder.iterdir())) if folder.exists() else []

    def close(self):
        for point in self.points():
            if mountinfo(point):
                unmount_and_wait(point)


@pytest.fixture
def desktop(tmp_path, home):
    made = Desktop(tmp_path, home)
    yield made
    made.close()
