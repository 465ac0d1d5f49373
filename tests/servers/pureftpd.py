# SPDX-License-Identifier: GPL-2.0-or-later
"""Pure-FTPd. It has no implicit TLS: for `-o explicit`, with clear connections refused (TLS 2 for
the control connection, 3 for both)."""

import os
import subprocess

from common import SERVER_GID, SERVER_UID, Server, ServerError, crypted, library_path, unpacked


class Pureftpd(Server):
    name = "pureftpd"
    can_mlsd = True
    can_choose_tls = False
    chmod_needs_read = True
    keeps_sessions = False
    logs_commands = False
    survives_aborts = False
    restarts_in_place = False

    def __init__(self, **options):
        options["explicit"] = True
        super().__init__(**options)

    def carries(self, name):
        # It puts "_" for control characters and for a space at the end, refuses backslashes, and
        # leaves names with control characters out of listings.
        return name[-1] != " " and not any(c < " " or c in "\x7f\\" for c in name)

    def configure(self):
        base = os.path.join(self.directory, "pure.")
        with open(base + "pem", "wb") as pem:
            for part in (self.certificate.keyfile, self.certificate.certfile):
                with open(part, "rb") as file:
                    pem.write(file.read())
        os.chmod(base + "pem", 0o600)
        # pure-pw's own hash of a password takes most of a second of each login.
        ids = f"{SERVER_UID}:{SERVER_GID}"
        with open(base + "passwd", "w", encoding="utf-8") as file:
            file.write(f"{self.user}:{crypted(self.password)}:{ids}::{self.root}/./::::::::::::\n")
        os.chmod(base + "passwd", 0o600)
        made = subprocess.run(
            [unpacked("usr/bin/pure-pw"), "mkdb", base + "pdb", "-f", base + "passwd"],
            env=dict(os.environ, LD_LIBRARY_PATH=library_path()),
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise ServerError(f"pure-pw: {made.stdout}{made.stderr}")

    def command(self):
        base = os.path.join(self.directory, "pure.")
        command = [
            unpacked("usr/sbin/pure-ftpd"),
            f"--bind={self.bind},{self.port}",
            "--login=puredb:" + base + "pdb",
            "--tls=3",
            "--certfile=" + base + "pem",
            "--chrooteveryone",
            "--noanonymous",
            "--dontresolve",
            "--minuid=1",
            "--umask=022:022",
            "--displaydotfiles",
            f"--passiveportrange={self.passive[0]}:{self.passive[1]}",
            f"--maxclientsnumber={self.max_clients or 100}",
            f"--maxclientsperip={self.max_clients or 100}",
            "--altlog=clf:" + self.log_path,
            "--pidfile=" + base + "pid",
        ]
        if self.max_rate:
            command.append(f"--userbandwidth={max(1, self.max_rate // 1024)}")
        return command
