# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's autofs, by which systemd's x-systemd.automount and automount(8) work: the first who
comes by waits until ftpsfs has mounted, and ftpsfs must not wait for itself."""

import os
import subprocess
import sys

import pytest

from harness import BINARY, credentials_file, source_for

AUTOMOUNTER = os.path.join(os.path.dirname(__file__), "automounter.py")


@pytest.mark.parametrize("name", [False, True], ids=["address", "name"])
@pytest.mark.parametrize("words", [[], ["-o", "setuid=games"]], ids=["root", "setuid"])
def test_the_first_access_to_an_automount_point_mounts(servers, tmp_path, home, words, name):
    server = servers.get("pyftpdlib")
    path = server.path(f"{name}-{len(words)}")
    with open(path, "wb") as file:
        file.write(b"content")
    server.adopt(path)
    point = tmp_path / "mnt"
    point.mkdir()
    source = source_for(server).replace(server.host, "localhost") if name else source_for(server)
    credentials = credentials_file(home, server.user, server.password)
    options = f"allow_other,cafile={server.cafile},credentials={credentials}"
    if words:  # who is to read the password
        os.chmod(credentials, 0o600)
    command = [BINARY, source, point, "-o", options, *words]
    result = subprocess.run(
        ["unshare", "--mount", sys.executable, AUTOMOUNTER, point, point / os.path.basename(path)]
        + command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "content"), result.stderr
