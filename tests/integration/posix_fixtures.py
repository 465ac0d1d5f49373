# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures for the tests of what POSIX says of each call: pytest_plugins = ["posix_fixtures"].

place      a fresh directory of a mount that the tests of a module share; the test runs once for
           each of the servers of the core suites, see conftest.py
outcome    outcome(call, ...): "" when the call succeeds, else the name of its errno, "ENOENT"

The mount lets other users in, so that as_other() meets the kernel's checks of modes. What a test
makes behind the mount it makes first: afterwards the mount believes what it has seen.
"""

import errno
import itertools
import os
import shutil
import traceback

import pytest

from harness import OTHER_UID, Mount, Site, credentials_file, source_for

_numbers = itertools.count(1)

# More than the tests of a module. They are there before the mount is, which so has not missed them.
DIRECTORIES = 40


def name_of(error):
    # Of the two names that Linux has for one number POSIX uses this one here.
    return errno.errorcode[error.errno].replace("ENOTSUP", "EOPNOTSUPP")


def outcome(call, *arguments, **options):
    """The name of the errno that the call fails with, "" when it does not fail."""
    try:
        call(*arguments, **options)
    except OSError as error:
        return name_of(error)
    return ""


def opens(path, flags, mode=0o644):
    """The outcome of open(2)."""
    try:
        os.close(os.open(path, flags, mode))
    except OSError as error:
        return name_of(error)
    return ""


def as_other(place, call):
    """What call() gives when another user without any privileges calls it, as text. Names are
    relative to the place, since the directories that lead there are closed to others."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.chdir(place.path)
            os.setgroups([])
            os.setgid(OTHER_UID)
            os.setuid(OTHER_UID)
            os.write(writer, str(call()).encode())
        except BaseException:
            os.write(writer, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    return text


class Place:
    """A directory in the mount, and the same seen from behind the server."""

    def __init__(self, mount, site):
        self.mount, self.site = mount, site
        self.path = mount.at(site.directory.split("/", 1)[1])

    @property
    def server(self):
        return self.site.server

    def at(self, *parts):
        return os.path.join(self.path, *parts)

    def make(self, name, data=b""):
        """A file made through the mount; its path."""
        with open(self.at(name), "wb") as file:
            file.write(data)
        return self.at(name)

    def read(self, name):
        with open(self.at(name), "rb") as file:
            return file.read()

    def mkdir(self, name):
        os.mkdir(self.at(name))
        return self.at(name)


@pytest.fixture(scope="module")  # parametrized by conftest.py
def shared_mount(request, all_servers, watchdog, tmp_path_factory):
    """(mount, directories on the server) for the tests of a module."""
    server = all_servers.get(request.param)
    directory = f"posix-{next(_numbers)}-{os.getpid()}"
    site = Site(server, directory)
    directories = [Site(server, f"{directory}/{i}") for i in range(DIRECTORIES)]
    place = tmp_path_factory.mktemp("posix")
    options = {
        "cafile": server.cafile,
        "explicit": server.explicit,
        "credentials": credentials_file(str(place), server.user, server.password),
        "allow_other": True,
    }
    mounted = Mount(source_for(server, directory), str(place), options, watchdog)
    yield mounted, iter(directories)
    mounted.close()
    shutil.rmtree(site.root)


@pytest.fixture
def place(shared_mount, deadline):
    mounted, directories = shared_mount
    return Place(mounted, next(directories))
