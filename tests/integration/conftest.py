# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the integration tests.

servers    makes real FTP servers: servers.get("vsftpd") is one for the whole run, with other
           options for a test of its own: servers.make("vsftpd", tls12=True)
site       a fresh directory on a server; the test runs once for each of the three servers, and in the
           core suites (below) for three more
mount      makes a mount: mount() of the site, mount(server=..., connections=1) of any server
point      a mountpoint for tests that run ftpsfs by hand; taken down at the end, the daemon awaited
open_tmp   the test's directory, opened to other users
home       an empty directory with a credentials file, for tests that run ftpsfs by hand
"""

import contextlib
import faulthandler
import itertools
import os
import re
import signal
import threading

import pytest

import harness
from harness import Mount, Site, credentials_file, mountinfo, source_for, unmount_and_wait
from watchdog import Watchdog

import certificates
from serve import server_class

SERVERS = ["vsftpd", "proftpd", "pyftpdlib"]
# ProFTPD without its modules and without MLSD, and Pure-FTPd, which has explicit TLS alone. The
# suites of what a mount is for run on these as well, the others with FTPSFS_ALL_SERVERS=1.
MORE_SERVERS = ["proftpd-bare", "proftpd-list", "pureftpd"]
CORE = re.compile(
    "test_(reading|writing|directories|names|attributes|rename|tools|servers|posix_[a-z_]+)$"
)
TEST_SECONDS = 180 if harness.SANITIZED else 90

_numbers = itertools.count(1)


def pytest_configure(config):
    if not os.access(harness.BINARY, os.X_OK):
        raise pytest.UsageError(f"{harness.BINARY} is not there: build it, or set FTPSFS")
    config.addinivalue_line("markers", "seconds(n): the time that the test may take")
    heed_signals()
    separate_sanitizer_logs(os.environ.get("PYTEST_XDIST_WORKER"))


def heed_signals():
    """A shell without job control starts what is in its background with these ignored, which all that
    the tests start would inherit."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGQUIT) == signal.SIG_IGN:
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def separate_sanitizer_logs(worker):
    """Each of several workers gets its own reports, so that they fail the right test."""
    prefix = os.environ.get("FTPSFS_SANITIZER_LOG")
    if not prefix or not worker:
        return
    own = f"{prefix}-{worker}"
    os.environ["FTPSFS_SANITIZER_LOG"] = own
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        os.environ[name] = os.environ.get(name, "").replace(f"log_path={prefix}", f"log_path={own}")


class Servers:
    """The servers of a test run: one CA, one long-lived server a kind, others on demand."""

    def __init__(self, directory):
        self.authority = certificates.Authority(directory)
        self._kept = {}
        self._made = []

    def _new(self, kind, options):
        options.setdefault("authority", self.authority)
        return server_class(kind)(**options).start()

    def get(self, kind):
        """The long-lived one. Tests must not stop it."""
        if kind not in self._kept:
            self._kept[kind] = self._new(kind, {})
        return self._kept[kind]

    def make(self, kind, **options):
        """One for this test alone."""
        server = self._new(kind, options)
        self._made.append(server)
        return server

    def close_made(self):
        while self._made:
            self._made.pop().close()

    def close(self):
        self.close_made()
        for server in self._kept.values():
            server.close()


@pytest.fixture(scope="session")
def watchdog():
    dog = Watchdog()
    yield dog
    dog.close()


def _alarm(*_):
    raise TimeoutError("the test takes too long")


@contextlib.contextmanager
def alarmed(seconds):
    """What hangs ends with an error of the test."""
    before = signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def ended(seconds):
    """The same of a worker of pytest-xdist that does not run its tests in the main thread, which some
    do by chance: there is no signal for them, and what hangs ends the worker."""
    faulthandler.dump_traceback_later(seconds, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def deadline(request, watchdog):
    """Every test ends: mounts are aborted at its deadline, and then what else hangs."""
    marker = request.node.get_closest_marker("seconds")
    seconds = marker.args[0] if marker else TEST_SECONDS
    watchdog.arm(seconds)
    in_main = threading.current_thread() is threading.main_thread()
    with (alarmed if in_main else ended)(seconds + 5):
        yield
    watchdog.disarm()


@pytest.fixture(autouse=True)
def no_sanitizer_report():
    """A sanitizer's report fails the test that brought it on. tests/run sets where they go."""
    prefix = os.environ.get("FTPSFS_SANITIZER_LOG")
    before = _reports(prefix)
    yield
    new = _reports(prefix) - before
    texts = []
    for path in sorted(new):
        with open(path, encoding="utf-8", errors="replace") as file:
            texts.append(file.read())
    assert not texts, "\n".join(texts)


def _reports(prefix):
    if not prefix:
        return set()
    directory = os.path.dirname(prefix)
    return {entry.path for entry in os.scandir(directory) if entry.path.startswith(prefix)}


@pytest.fixture(scope="session")
def all_servers(tmp_path_factory):
    servers = Servers(tmp_path_factory.mktemp("ca"))
    yield servers
    servers.close()


@pytest.fixture
def servers(all_servers, deadline):
    yield all_servers
    all_servers.close_made()


def kinds_for(module):
    """The servers that the tests of a module run on."""
    if os.environ.get("FTPSFS_ALL_SERVERS"):
        return SERVERS + MORE_SERVERS
    # The sanitizers look at the program, which is the same on all of them.
    core = CORE.search(module.__name__) and not harness.SANITIZED
    return SERVERS + MORE_SERVERS if core else SERVERS


def pytest_generate_tests(metafunc):
    given = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    for name in ("server_kind", "shared_mount"):
        if name in metafunc.fixturenames and name not in given:
            scope = "module" if name == "shared_mount" else None
            metafunc.parametrize(name, kinds_for(metafunc.module), indirect=True, scope=scope)


@pytest.fixture
def server_kind(request):
    return request.param


@pytest.fixture
def site(servers, server_kind):
    # Not deleted after the test: a mount may still show it, and the server's root goes at the end.
    return Site(servers.get(server_kind), f"test-{next(_numbers)}")


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    path.mkdir()
    return str(path)


@pytest.fixture
def open_tmp(tmp_path):
    """pytest's temporary directories are closed to other users."""
    for path in (tmp_path, *tmp_path.parents):
        path.chmod(path.stat().st_mode | 0o055)
        if path.name.startswith("pytest-of-"):
            break
    return tmp_path


@pytest.fixture
def point(tmp_path):
    path = tmp_path / "mnt"
    path.mkdir()
    yield str(path)
    if mountinfo(str(path)):
        unmount_and_wait(str(path), ("umount",))


@pytest.fixture
def mount(request, tmp_path, watchdog, servers):
    """mount(server=None, directory=None, words=(), **options) -> Mount. Without a server it mounts
    the test's site. Options are those of -o; what is needed to log in is added."""
    mounts = []
    places = itertools.count()

    def make(server=None, directory=None, words=(), source=None, **options):
        if server is None:
            site = request.getfixturevalue("site")
            server = site.server
            directory = site.directory if directory is None else directory
        place = tmp_path / f"mount-{next(places)}"
        place.mkdir()
        options.setdefault("cafile", server.cafile)
        options.setdefault("explicit", server.explicit)
        if "credentials" not in options:
            options["credentials"] = credentials_file(str(place), server.user, server.password)
        made = Mount(
            source or source_for(server, directory or ""), str(place), options, watchdog, words
        )
        mounts.append(made)
        return made

    yield make
    troubles = []
    for made in reversed(mounts):
        try:
            made.close()
        except AssertionError as error:
            troubles.append(str(error))
    assert not troubles, "\n".join(troubles)
