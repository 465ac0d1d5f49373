# SPDX-License-Identifier: GPL-2.0-or-later
"""A terminal for programs that draw on one: a tmux of its own, whose screen tests read."""

import re
import shlex
import subprocess

from harness import COMMAND_SECONDS, environment, eventually


class Terminal:
    """with Terminal(directory, command) as terminal: the command runs at once; the screen stays when
    it ends, and its exit status is in `status()`."""

    def __init__(self, directory, command, columns=100, rows=40, **changes):
        self.socket = f"{directory}/tmux.socket"
        # Without the user's configuration; a terminal that has UTF-8 and colours.
        self.base = ["tmux", "-u", "-f", "/dev/null", "-S", self.socket]
        words = ["new-session", "-d", "-x", str(columns), "-y", str(rows)]
        # ^C is for the command, not for the shell that tells its end.
        line = (
            "trap : INT; "
            + shlex.join(map(str, command))
            + "; code=$?; echo; echo exit status $code; exec sleep inf"
        )
        env = environment(changes.pop("HOME", "/nonexistent"), **changes)
        env.pop("TMUX", None)
        self._run(*words, "sh", "-c", line, env=env)

    def _run(self, *words, **options):
        return subprocess.run(
            [*self.base, *words],
            check=True,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            **options,
        ).stdout

    def screen(self, colours=False):
        """What the terminal shows now; with the sequences for colours and attributes on demand."""
        return self._run("capture-pane", "-p", *(["-e"] if colours else []))

    def press(self, *keys):
        self._run("send-keys", *keys)

    def shows(self, pattern, seconds=20):
        """Waits until the screen has the pattern (lines begin at ^); the screen."""

        def look():
            screen = self.screen()
            return screen if re.search(pattern, screen, re.M) else None

        try:
            return eventually(look, seconds, f"{pattern} on the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.screen()}") from None

    def status(self):
        return int(re.search(r"^exit status (\d+)$", self.shows(r"^exit status \d"), re.M)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([*self.base, "kill-server"], check=False, timeout=COMMAND_SECONDS)
