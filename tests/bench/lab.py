# SPDX-License-Identifier: GPL-2.0-or-later
"""The bench's laboratory: private namespaces, the line between two of them, servers, their files.

enter_sandbox() moves the bench into its own mount and PID namespaces. All that it mounts and starts
from then on ends with it, even when it is killed: the kernel ends every process of the PID
namespace, and the last one takes the mounts, the network namespaces and the files in memory along.

A Lab has two network namespaces, `server` and `client`. On a line with a round-trip time, servers
run in the one and clients in the other, joined by wan.c; without one both use the loopback device
of `server`.
"""

import contextlib
import ctypes
import json
import mmap
import os
import shutil
import signal
import subprocess
import sys
import tempfile

BENCH = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(BENCH)
REPOSITORY = os.path.dirname(TESTS)

CLIENT_ADDRESS = "10.213.0.1"
SERVER_ADDRESS = "10.213.0.2"

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18
PR_SET_PDEATHSIG = 1
# What a full run has in memory at most: sources, the server's files, copies and caches of clients.
MEMORY_NEEDED = 10 << 30

_libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """The laboratory could not be set up. The text says what to do."""


def _call(what, result):
    if result != 0:
        raise LabError(f"{what}: {os.strerror(ctypes.get_errno())} (the bench must run as root)")


def _mount(source, target, kind, flags=0, options=None):
    encoded = [text and text.encode() for text in (source, target, kind)]
    result = _libc.mount(*encoded, flags, options and options.encode())
    _call(f"mount {target}", result)


def _stay_and_wait(child):
    """The outer process: passes signals on and ends as the bench does."""

    def forward(number, _):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM if number == signal.SIGHUP else number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _interrupt(*_):
    # A second signal shall not disturb the taking down.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def enter_sandbox():
    """Returns in a child process that is alone in new mount and PID namespaces. SIGINT, SIGTERM and
    SIGHUP raise KeyboardInterrupt there."""
    _call("new namespaces", _libc.unshare(CLONE_NEWNS | CLONE_NEWPID))
    child = os.fork()
    if child:
        _stay_and_wait(child)
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("proc", "/proc", "proc")


def memory_available():
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


def warm_memory(size):
    """Takes so many bytes of memory, or half of what is free, and gives them back. The host of a
    virtual machine takes what is free away after a while, and the first use of it is then ten times
    as slow: who writes a file would be measured by that."""
    size = min(size, memory_available() // 2)
    if size >= mmap.PAGESIZE:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
        mmap.mmap(-1, size, flags=flags).close()


def stop(process, seconds=10):
    """Ends a process that the bench started: its standard input closed, SIGTERM, SIGKILL."""
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


class Lab:
    """work: the directory for everything temporary. namespaces: {"server": path, "client": path}.
    rtt: of the line now, milliseconds, None on loopback. line: what was measured of it."""

    def __init__(self, out, on_disk=None, say=print):
        """out: directory that stays. on_disk: directory on whose disk to work, None for memory."""
        self.say = say
        self._stack = contextlib.ExitStack()
        self.work = self._make_work(out, on_disk)
        self.root = self.path("root")
        for name in ("root", "tmp", "home", "state", "source", "mounts"):
            os.mkdir(self.path(name))
        os.chmod(self.work, 0o755)
        os.chmod(self.path("tmp"), 0o1777)
        # Whatever account the servers' users have, it may write here.
        os.chmod(self.root, 0o777)
        self.environment = dict(
            os.environ,
            TMPDIR=self.path("tmp"),
            HOME=self.path("home"),
            XDG_STATE_HOME=self.path("state"),
            XDG_CACHE_HOME=self.path("home", "cache"),
            LC_ALL="C.UTF-8",
        )
        # tests/servers/vsftpd.py puts a file there while its server runs.
        shutil.copytree("/etc/pam.d", self.path("pam.d"))
        _mount(self.path("pam.d"), "/etc/pam.d", None, MS_BIND)
        self._wan_program = self._compile_wan()
        self.namespaces = {name: self._make_namespace(name) for name in ("server", "client")}
        self.rtt = None
        self.line = {}
        self._wan = None
        self._servers = {}

    def _make_work(self, out, on_disk):
        if on_disk is None and memory_available() >= MEMORY_NEEDED:
            work = tempfile.mkdtemp(prefix="work-", dir=out)
            _mount("tmpfs", work, "tmpfs", 0, "size=90%")
            self._stack.callback(os.rmdir, work)
            self._stack.callback(_libc.umount2, work.encode(), 2)
            return work
        if on_disk is None:
            self.say("less than 10 GiB of free memory: working on disk")
        work = tempfile.mkdtemp(prefix="ftpsfs-bench-", dir=on_disk or out)
        self._stack.callback(shutil.rmtree, work, ignore_errors=True)
        return work

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def _compile_wan(self):
        program = self.path("wan")
        source = os.path.join(BENCH, "wan.c")
        compiler = os.environ.get("CC", "cc")
        command = [compiler, "-O2", "-std=c17", "-D_GNU_SOURCE", source, "-o", program, "-pthread"]
        if subprocess.run(command, check=False).returncode != 0:
            raise LabError(f"cannot compile {source}")
        return program

    def _make_namespace(self, name):
        """A network namespace with its loopback device up, held by a file."""
        path = self.path(f"netns-{name}")
        open(path, "w", encoding="ascii").close()
        command = ["unshare", f"--net={path}", "true"]
        subprocess.run(command, check=True)
        self._stack.callback(_libc.umount2, path.encode(), 2)
        up = (
            "import fcntl,socket,struct;"
            "fcntl.ioctl(socket.socket(),0x8914,struct.pack('16sh14x',b'lo',1))"
        )
        subprocess.run(["nsenter", f"--net={path}", "/usr/bin/python3", "-c", up], check=True)
        return path

    # The line

    @property
    def client_namespace(self):
        return self.namespaces["server" if self.rtt is None else "client"]

    @property
    def server_address(self):
        return "127.0.0.1" if self.rtt is None else SERVER_ADDRESS

    def in_client(self, command):
        """The command line that runs command where the clients are."""
        return ["nsenter", f"--net={self.client_namespace}", "--", *command]

    def set_line(self, rtt, seconds):
        """Ends all servers and the line, makes a line with rtt milliseconds (None: loopback), and
        measures for some seconds what it carries."""
        self._stop_servers()
        self._stop_wan()
        self.rtt = rtt
        if rtt is not None:
            # Waking up and the hop themselves take their time, other on each machine: the line is
            # made as much shorter, so that what a client sees is the round trip that the row names.
            self._start_wan(rtt)
            excess = max(self._measure_line(0.1)["rtt_measured_ms"] - rtt, 0)
            self._stop_wan()
            self._start_wan(rtt - excess)
        self.line = self._measure_line(seconds)

    def _start_wan(self, rtt):
        # The real-time priority of its threads keeps the delay even while clients compute.
        self._wan = subprocess.Popen(
            [
                self._wan_program,
                *("--a", self.namespaces["client"], "--b", self.namespaces["server"]),
                *("--rtt", f"{rtt:.3f}"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if not self._wan.stdout.readline():
            raise LabError(f"the line did not start: {self._wan.stderr.read().strip()}")

    def _measure_line(self, seconds):
        program = ["/usr/bin/python3", os.path.join(BENCH, "linespeed.py")]
        inside = ["nsenter", f"--net={self.namespaces['server']}", "--"]
        server = subprocess.Popen(
            [*inside, *program, "serve", self.server_address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            port = server.stdout.readline().decode().strip()
            command = [*program, "measure", self.server_address, port, str(seconds)]
            done = subprocess.run(self.in_client(command), check=True, capture_output=True)
        finally:
            stop(server)
        return json.loads(done.stdout)

    def _stop_wan(self):
        if self._wan:
            stop(self._wan)
            self._wan = None

    # Servers

    def server(self, kind, max_rate=0):
        """A running server of that kind on the line as it is now, as tests/servers/serve.py
        describes it: host, port, user, password, cafile, root."""
        key = (kind, max_rate)
        if key not in self._servers:
            self._servers[key] = self._start_server(kind, max_rate)
        return self._servers[key][1]

    def _start_server(self, kind, max_rate):
        command = [
            *("nsenter", f"--net={self.namespaces['server']}", "--", "/usr/bin/python3"),
            *(os.path.join(TESTS, "servers", "serve.py"), kind),
            *("--root", self.root, "--bind", self.server_address),
        ]
        if max_rate:
            command += ["--max-rate", str(max_rate)]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
        )
        line = process.stdout.readline()
        if not line:
            words = process.stderr.read().strip()
            stop(process)
            raise LabError(f"{kind} did not start: {words}")
        return process, json.loads(line)

    def _stop_servers(self):
        for process, _ in self._servers.values():
            stop(process)
        self._servers = {}

    def close(self):
        self._stop_servers()
        self._stop_wan()
        self._stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Files:
    """The files that are read and sent, made when first asked for. Content is random, so that
    nothing on the way can compress or guess it."""

    SMALL = 4096

    def __init__(self, lab, sizes):
        self.lab = lab
        self.sizes = sizes
        self._made = set()
        self._targets = 0

    def _once(self, name):
        if name in self._made:
            return False
        self._made.add(name)
        return True

    @staticmethod
    def _fill(path, size):
        with open(path, "wb") as file:
            while size > 0:
                file.write(os.urandom(min(size, 1 << 20)))
                size -= 1 << 20

    def small(self, base=None):
        """A directory of small files below the server's root (or base): its name."""
        base = base or self.lab.root
        if self._once(f"{base}/small"):
            os.mkdir(os.path.join(base, "small"))
            for number in range(self.sizes["small_files"]):
                self._fill(os.path.join(base, "small", f"f{number:04d}"), self.SMALL)
        return "small"

    def big(self, which, base=None):
        """A large file of sizes[which] bytes: its name."""
        base = base or self.lab.root
        if self._once(f"{base}/{which}"):
            self._fill(os.path.join(base, which), self.sizes[which])
        return which

    def tree(self):
        """Directories in two levels, two small files in each: name, number of directories."""
        outer = max(self.sizes["directories"] // 100, 2)
        inner = self.sizes["directories"] // outer - 1
        if self._once("tree"):
            for i in range(outer):
                for inside in ["", *(f"/d{k:03d}" for k in range(inner))]:
                    path = os.path.join(self.lab.root, f"tree/t{i:02d}{inside}")
                    os.makedirs(path)
                    for name in ("one", "two"):
                        self._fill(os.path.join(path, name), 16)
        return "tree", outer * (inner + 1)

    def many(self):
        """A directory of many empty files: its name."""
        if self._once("many"):
            os.mkdir(os.path.join(self.lab.root, "many"))
            for number in range(self.sizes["entries"]):
                path = os.path.join(self.lab.root, "many", f"entry-{number:06d}.dat")
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
        return "many"

    @contextlib.contextmanager
    def target(self):
        """A new directory below the root that the servers may write to: its name. Removed
        with its content at the end."""
        self._targets += 1
        name = f"in-{self._targets}"
        path = os.path.join(self.lab.root, name)
        os.mkdir(path)
        os.chmod(path, 0o777)
        try:
            yield name
        finally:
            shutil.rmtree(path, ignore_errors=True)


def fail(message):
    print(f"{os.path.basename(sys.argv[0])}: {message}", file=sys.stderr)
    sys.exit(1)
