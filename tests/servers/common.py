# SPDX-License-Identifier: GPL-2.0-or-later
"""What the test servers have in common: ports, directories, start and stop.

A Server is a real FTP server program on loopback, with a root directory on the local disk that
tests look into from behind. Implicit TLS unless explicit=True. Several may run at once, of the
same kind too.

The files belong to the account `daemon` on the server's side (SERVER_UID), so that permissions
mean something although the tests run as root: make files with put() and makedirs(), or give away
what was made otherwise with adopt().
"""

import atexit
import ctypes
import glob
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import certificates

SERVERS_DIRECTORY = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(SERVERS_DIRECTORY))
UNPACKED = os.environ.get("FTPSFS_SERVERS", os.path.join(REPOSITORY, "build", "servers"))

# vsftpd wants an account with a home directory that exists: `nobody` has none.
SERVER_ACCOUNT = "daemon"
SERVER_UID = pwd.getpwnam(SERVER_ACCOUNT).pw_uid
SERVER_GID = pwd.getpwnam(SERVER_ACCOUNT).pw_gid

# One block of ports a server: its first is the control port, the rest are for passive data
# connections. Below the kernel's ephemeral ports (32768 and up), so that no client's own port
# is in the way.
PORT_BLOCK = 200
PORT_FIRST = 10000
PORT_LAST = 32000

# What an administrator does to forbid TLS 1.3 where the server has no option for it.
OPENSSL_TLS12 = """\
openssl_conf = start
[start]
ssl_conf = ssl
[ssl]
system_default = versions
[versions]
MaxProtocol = TLSv1.2
"""

START_SECONDS = 20
STOP_SECONDS = 5


def _open_files(pids):
    """What the descriptors of the processes are links to."""
    found = set()
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/fd/*"):
            try:
                found.add(os.readlink(path))
            except OSError:
                pass
    return found


class ServerError(Exception):
    """A server could not be started. The text has what it said."""


def unpacked(path):
    """The path of a file of the unpacked server packages; they are fetched when missing."""
    if not os.path.exists(os.path.join(UNPACKED, ".complete")):
        subprocess.run(
            ["/bin/bash", os.path.join(REPOSITORY, "tests", "setup.sh"), "servers"],
            check=True,
            stdout=sys.stderr,
        )
    found = os.path.join(UNPACKED, path)
    if not os.path.exists(found):
        raise ServerError(f"{found} is not there: remove {UNPACKED} and run tests/setup.sh servers")
    return found


def _library_directories():
    return [
        found
        for base in ("usr/lib", "lib")
        for found in glob.glob(os.path.join(UNPACKED, base, "*-linux-gnu*"))
    ]


def library_path():
    """LD_LIBRARY_PATH for the unpacked programs."""
    return ":".join(_library_directories())


def unpacked_library(name):
    unpacked("")
    for directory in _library_directories():
        if os.path.exists(os.path.join(directory, name)):
            return os.path.join(directory, name)
    raise ServerError(f"{name} is not in {UNPACKED}: remove that and run tests/setup.sh servers")


def crypted(password):
    """For password files, as crypt(3) reads it."""
    # Python's own module is gone since 3.13. On stdin, since arguments can be seen.
    words = ["openssl", "passwd", "-6", "-stdin"]
    done = subprocess.run(words, input=password, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def die_with_parent():
    """In the child before exec, and after it has changed its user, which undoes it: gets SIGKILL when the thread that started it is gone, so that a
    killed test run leaves no server behind."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)


def _reserve_block(port):
    """The right to the ports from `port` on, against other servers of tests on this machine: a
    socket to keep as long as it is needed, or None. The kernel frees it with its holder."""
    holder = socket.socket(socket.AF_UNIX)
    try:
        holder.bind(f"\0ftpsfs-tests-{port}")
        return holder
    except OSError:
        holder.close()
        return None


def _port_is_free(bind, port):
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError:
            return False
    return True


def _parents():
    """Parent and session of every process that is no zombie, from /proc."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in ("Z", "X"):
            found[int(entry)] = int(fields[1]), int(fields[3])
    return found


def descendants(pid):
    """The process and all that came of it: its children and theirs, and those that lost their
    parents but are still in a session of one of them (vsftpd makes a session a connection)."""
    parents = _parents()
    family = {pid}
    while True:
        more = {
            other
            for other, (parent, session) in parents.items()
            if other not in family and (parent in family or session in family)
        }
        if not more:
            return sorted(family & parents.keys())
        family |= more


def _kill(pid, number):
    """Whether there was such a process of ours: not a zombie, no other program with its number."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            if file.read().rpartition(")")[2].split()[0] in ("Z", "X"):
                return False
        os.kill(pid, number)
        return True
    except (OSError, IndexError):
        return False


class Server:
    """One server. Subclasses write its configuration and give its command line.

    Attributes: name, host, port, root, user, password, cafile, log_path, directory (its private
    files), passive (first and last data port)."""

    name = "server"  # of the program and its configuration
    program = ""  # without the latter, for those of which there are several
    can_symlink = False  # over FTP
    can_mlsd = False
    can_hash = False
    chmod_needs_read = False  # it opens the file for it, as the files' owner
    keeps_sessions = True  # of TLS 1.3
    logs_commands = True
    survives_aborts = True  # a session goes on after a transfer that was broken off
    restarts_in_place = True  # REST before STOR keeps what follows
    requires_session_reuse = False
    can_choose_tls = True  # by its own configuration

    def __init__(
        self,
        root=None,
        port=None,
        bind="127.0.0.1",
        certificate="good",
        authority=None,
        tls12=False,
        explicit=False,
        max_clients=0,
        max_rate=0,
        user="tester",
        password="secret-word",
        store_restart=True,
        client_ca=None,
    ):
        """root: directory to serve, made when None. port: chosen free when None; the ports above it
        are the data ports. certificate: good, wrong-name, expired, not-yet-valid. authority: the
        CA, a new one when None. tls12: no TLS 1.3. explicit: AUTH TLS instead of implicit TLS; in
        clear, nothing is allowed. max_clients: control connections at once, 0 unlimited. max_rate:
        bytes a second and data connection, 0 unlimited. store_restart: REST before STOR is
        allowed. client_ca: clients must show a certificate by one of the CAs in this file; vsftpd
        and ProFTPD alone."""
        self.directory = tempfile.mkdtemp(prefix=f"ftpsfs-{self.name}-")
        os.chmod(self.directory, 0o755)
        atexit.register(self.close)
        self.root = root or os.path.join(self.directory, "root")
        if not os.path.isdir(self.root):
            os.makedirs(self.root)
            self.adopt(self.root)
        self.bind = bind
        self.host = bind
        self.fixed_port = port
        self.port = port
        self.passive = None
        self.data_ports = PORT_BLOCK - 1  # may be made less before the start
        self.authority = authority or certificates.Authority(os.path.join(self.directory, "ca"))
        self.certificate = self._certificate(certificate)
        self.cafile = self.authority.cafile
        self.tls12 = tls12
        self.explicit = explicit
        self.max_clients = max_clients
        self.max_rate = max_rate
        self.user = user
        self.password = password
        self.store_restart = store_restart
        self.client_ca = client_ca
        self.log_path = os.path.join(self.directory, "server.log")
        self.output_path = os.path.join(self.directory, "output.log")
        self.process = None
        self._block = None

    def _certificate(self, kind):
        if kind == "good":
            extra = () if self.bind in certificates.LOOPBACK_NAMES else (self.bind,)
            return self.authority.good(extra)
        makers = {
            "wrong-name": self.authority.wrong_name,
            "expired": self.authority.expired,
            "not-yet-valid": self.authority.not_yet_valid,
        }
        return makers[kind]()

    # What a subclass gives

    def configure(self):
        """Writes the configuration for self.port and self.passive."""
        raise NotImplementedError

    def command(self):
        """The command line; it must stay in the foreground."""
        raise NotImplementedError

    def environment(self):
        environment = dict(os.environ, LD_LIBRARY_PATH=library_path(), LC_ALL="C.UTF-8")
        if self.tls12 and not self.can_choose_tls:
            path = os.path.join(self.directory, "openssl.cnf")
            with open(path, "w", encoding="ascii") as file:
                file.write(OPENSSL_TLS12)
            environment["OPENSSL_CONF"] = path
        return environment

    def unconfigure(self):
        """Takes away what configure() has put outside of self.directory."""

    def carries(self, name):
        """Whether a file can have this name through it: some put other characters for some."""
        return True

    # Start and stop

    def start(self):
        """Starts it and returns when it accepts connections. Starts it again on the same port
        after a stop()."""
        if self.port is not None:
            self._start_on(self.port)
            return self
        for _ in range(50):
            port = random.randrange(PORT_FIRST, PORT_LAST, PORT_BLOCK)
            self._block = _reserve_block(port)
            if self._block is None:
                continue
            try:
                if _port_is_free(self.bind, port):
                    self._start_on(port)
                    return self
            except ServerError:
                # A program that is no server of ours may have taken the port meanwhile.
                if _port_is_free(self.bind, port):
                    raise
            self._release_block()
        raise ServerError(f"no free port for {self.name} from {PORT_FIRST} to {PORT_LAST}")

    def _release_block(self):
        self.port = self.fixed_port
        if self._block is not None:
            self._block.close()
            self._block = None

    def _start_on(self, port):
        if not _port_is_free(self.bind, port):
            raise ServerError(f"{self.name}: port {port} on {self.bind} is taken")
        self.port, self.passive = port, (port + 1, port + self.data_ports)
        self.configure()
        with open(self.output_path, "ab") as output:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment(),
                cwd="/",
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._accepts():
            status = self.process.poll()
            if status is None and time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            self.stop()
            what = "took too long" if status is None else f"ended with status {status}"
            raise ServerError(f"{self.name} on port {port} {what}: {self.output_text()}")

    def _accepts(self):
        """Whether the server listens, without connecting: a connection would be in its log. It must
        be the server itself, not another one on its port."""
        table = "/proc/net/tcp6" if ":" in self.bind else "/proc/net/tcp"
        with open(table, encoding="ascii") as file:
            lines = [line.split() for line in file.read().splitlines()[1:]]
        listening = {
            f"socket:[{fields[9]}]"
            for fields in lines
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == self.port
        }
        return bool(listening) and not listening.isdisjoint(_open_files(self.processes()))

    def processes(self):
        """All its processes: the listener and one or more a connection."""
        return descendants(self.process.pid) if self.process else []

    def stop(self):
        """Ends it with all its connections at once, as when the machine loses its power."""
        if self.process is None:
            return
        # Children that are gone from the tree by their parent's death are known from before.
        known = set()
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            known.update(self.processes())
            alive = [pid for pid in known if _kill(pid, signal.SIGKILL)]
            if self.process.poll() is not None and not alive:
                break
            time.sleep(0.01)
        self.process.wait(STOP_SECONDS)
        self.process = None
        self.unconfigure()

    def drop_connections(self):
        """Ends the connections but not the server, as a restart of its machine's network would."""
        for pid in self.processes():
            if pid != self.process.pid:
                _kill(pid, signal.SIGKILL)

    def freeze(self):
        """Makes it hang: connections stay, nothing answers."""
        for pid in self.processes():
            _kill(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.processes():
            _kill(pid, signal.SIGCONT)

    def close(self):
        """Stops it and deletes its files. A root that the caller gave stays."""
        atexit.unregister(self.close)
        self.stop()
        self._release_block()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    # What it says

    def log_text(self):
        """What the server logged: commands, replies, errors. It only grows."""
        return self._read(self.log_path)

    def output_text(self):
        return self._read(self.output_path)

    @staticmethod
    def _read(path):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    # Its files from behind

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def adopt(self, path):
        """Gives a file, or a directory with all in it, to the server's account."""
        if os.geteuid() != 0:
            return
        os.chown(path, SERVER_UID, SERVER_GID, follow_symlinks=False)
        if os.path.isdir(path) and not os.path.islink(path):
            for entry in os.scandir(path):
                self.adopt(entry.path)

    def describe(self):
        """For other programs, as JSON can hold it."""
        return {
            "name": self.name,
            "host": self.host,
            "port": self.port,
            "explicit": self.explicit,
            "user": self.user,
            "password": self.password,
            "root": self.root,
            "cafile": self.cafile,
            "log": self.log_path,
            "passive": list(self.passive),
            "pid": self.process.pid,
        }
