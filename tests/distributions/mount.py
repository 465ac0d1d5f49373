# SPDX-License-Identifier: GPL-2.0-or-later
"""Mounts a server of pyftpdlib, writes and reads a file through it, and ends the mount:
`mount.py FTPSFS`. Uses nothing that is not in the packages that tests/distributions/run installs."""

import os
import subprocess
import sys
import tempfile

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "servers"))

from serve import server_class  # noqa: E402

DATA = os.urandom(3 << 20)


def run(*words):
    subprocess.run(words, check=True, timeout=60)


def use(point, root):
    with open(f"{point}/file", "wb") as file:
        file.write(DATA)
    os.rename(f"{point}/file", f"{point}/other")
    with open(f"{root}/other", "rb") as file:
        assert file.read() == DATA, "the server has something else"
    with open(f"{point}/theirs", "rb") as file:
        assert file.read() == DATA[::-1], "the mount shows something else"
    assert sorted(os.listdir(point)) == ["other", "theirs"]


def main(program):
    with tempfile.TemporaryDirectory() as directory:
        server = server_class("pyftpdlib")().start()
        point, credentials = f"{directory}/point", f"{directory}/credentials"
        os.mkdir(point)
        with open(f"{server.root}/theirs", "wb") as file:
            file.write(DATA[::-1])
        with open(credentials, "w", encoding="utf-8", opener=private) as file:
            file.write(f"username={server.user}\npassword={server.password}\n")
        source = f"ftps://{server.host}:{server.port}/"
        run(program, source, point, "-o", f"credentials={credentials},cafile={server.cafile}")
        try:
            use(point, server.root)
        finally:
            run("fusermount3", "-u", point)
            server.close()
    print("mounted, written, read, unmounted")


def private(path, flags):
    return os.open(path, flags, 0o600)


if __name__ == "__main__":
    main(sys.argv[1])
