# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs under comparison. A Peer makes Sessions with a server; a Session has one method an
operation and returns an Outcome.

Two kinds: mounts (ftpsfs, rclone mount), on which ordinary programs work, and tools (lftp, curl),
whose own commands do the same work. The time of a mount's operation is that of the program on a
fresh mount that is ready; the time of a tool's is that of the whole process, its login included, as
that is what its user waits for.
"""

import contextlib
import dataclasses
import filecmp
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

import lab as laboratory

FIO_SEED = 20240229
MOUNT_SECONDS = 60
SETTLE_SECONDS = 120


class PeerError(Exception):
    """The peer failed at the operation; the text has its words."""


class Unsupported(Exception):
    """The peer has no such operation; the text says why in a few words."""


@dataclasses.dataclass
class Outcome:
    seconds: float
    units: int  # files, directories or reads; 0 where only bytes or the whole count
    settled: float = None  # writes: seconds until the server had everything


def last_words(lab, text):
    """The last line of what a program said, without what is no news: times, temporary paths."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "no message"
    words = re.sub(r"^(bash: line \d+: |[0-9/]+ [0-9:]+ [A-Z]+ *: |\* )", "", lines[-1])
    return words.replace(lab.work + "/", "")[:300]


class Session:
    """What peers have in common. Operations that a peer lacks stay as they are here."""

    def __init__(self, lab, server, limit):
        """limit: seconds an operation may take."""
        self.lab = lab
        self.server = server
        self.limit = limit
        self.url = f"ftps://{server['host']}:{server['port']}"

    def run(self, command):
        """Runs it to its end: (seconds, standard output)."""
        started = time.monotonic()
        # In a session of its own, so that a time-out ends a whole pipeline.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=self.lab.environment,
            start_new_session=True,
        )
        try:
            output, errors = process.communicate(timeout=self.limit)
        except subprocess.TimeoutExpired:
            raise PeerError(f"not done after {self.limit} s") from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
        seconds = time.monotonic() - started
        if process.returncode != 0:
            raise PeerError(last_words(self.lab, errors or output))
        return seconds, output

    def counters(self):
        """The peer's own counters so far; empty where it has none."""
        return {}

    def memory(self):
        """Most bytes that its daemon has had resident, or None."""
        return None

    def small(self, name, count):
        """Reads the first count files of directory name."""
        raise Unsupported("cannot")

    def big(self, name, size):
        """Reads a file from one end to the other."""
        raise Unsupported("cannot")

    def random(self, name, size, count):
        """Reads count blocks of 4 KiB of a file."""
        raise Unsupported("reads whole files only")

    def find(self, name, directories):
        """Lists a tree."""
        raise Unsupported("lists no trees")

    def entries(self, name, count):
        """Lists one large directory with all attributes."""
        raise Unsupported("cannot")

    def put_small(self, source, target, count):
        """Sends the first count files of the local directory source into target."""
        raise Unsupported("cannot")

    def put_big(self, source, target):
        """Sends one large file."""
        raise Unsupported("cannot")

    def copy(self, name, target):
        """Copies a file of the server on the server."""
        raise Unsupported("has no server-side copy")

    def expect(self, what, got, wanted):
        if got != wanted:
            raise PeerError(f"{what}: {got}, {wanted} expected")

    def settle(self, started, source, target, names):
        """Waits until the server's files in target equal the local ones: seconds since started."""
        target = os.path.join(self.lab.root, target)
        waiting = list(names)
        deadline = time.monotonic() + SETTLE_SECONDS
        while waiting:
            now = time.monotonic()
            waiting = [name for name in waiting if not _same_size(source, target, name)]
            if now > deadline:
                raise PeerError(f"{len(waiting)} files not on the server after {SETTLE_SECONDS} s")
            if waiting:
                time.sleep(0.005)
        seconds = time.monotonic() - started
        for name in names:
            local, remote = os.path.join(source, name), os.path.join(target, name)
            if not filecmp.cmp(local, remote, shallow=False):
                raise PeerError(f"{name} has other content on the server")
        return seconds


def _same_size(source, target, name):
    try:
        there = os.stat(os.path.join(target, name)).st_size
    except FileNotFoundError:
        return False
    return there == os.stat(os.path.join(source, name)).st_size


class MountSession(Session):
    """A mount and the programs that work on it. process: the daemon, in the foreground."""

    def __init__(self, lab, server, limit, mountpoint, process):
        super().__init__(lab, server, limit)
        self.mountpoint = mountpoint
        self.process = process

    def path(self, *parts):
        return os.path.join(self.mountpoint, *parts)

    def memory(self):
        try:
            with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
                lines = [line.split() for line in file if line.startswith("VmHWM:")]
        except OSError:
            return None
        return int(lines[0][1]) * 1024 if lines else None

    def small(self, name, count):
        script = (
            "set -eo pipefail; shopt -s failglob; "
            'cd -- "$1"; files=(*); cat -- "${files[@]:0:$2}" | wc -c'
        )
        seconds, text = self.run(["bash", "-c", script, "bash", self.path(name), str(count)])
        self.expect("bytes read", int(text), count * laboratory.Files.SMALL)
        return Outcome(seconds, count)

    def big(self, name, size):
        command = ["dd", f"if={self.path(name)}", "of=/dev/null", "bs=1M"]
        seconds, _ = self.run(["bash", "-c", shlex.join(command) + " 2>&1 | grep -q ^" + str(size)])
        return Outcome(seconds, 0)

    def random(self, name, size, count):
        command = [
            *("fio", "--name=random", f"--filename={self.path(name)}", "--readonly"),
            *("--rw=randread", "--bs=4k", f"--size={size}", f"--number_ios={count}"),
            *("--ioengine=psync", "--invalidate=0", f"--randseed={FIO_SEED}"),
            *("--allow_file_create=0", "--output-format=json"),
        ]
        _, text = self.run(command)
        # With a file whose reads fail fio may say so before its JSON.
        reads = json.loads(text[text.index("{") :])["jobs"][0]["read"]
        self.expect("reads", reads["total_ios"], count)
        return Outcome(reads["clat_ns"]["mean"] * count / 1e9, count)

    def find(self, name, directories):
        seconds, text = self.run(["find", self.path(name), "-type", "d"])
        self.expect("directories found", len(text.splitlines()), directories + 1)
        return Outcome(seconds, directories)

    def entries(self, name, count):
        command = "ls -l " + shlex.quote(self.path(name)) + " | wc -l"
        seconds, text = self.run(["bash", "-o", "pipefail", "-c", command])
        self.expect("lines", int(text), count + 1)
        return Outcome(seconds, 0)

    def put_small(self, source, target, count):
        names = sorted(os.listdir(source))[:count]
        files = [os.path.join(source, name) for name in names]
        started = time.monotonic()
        seconds, _ = self.run(["cp", "--", *files, self.path(target)])
        return Outcome(seconds, count, self.settle(started, source, target, names))

    def put_big(self, source, target):
        started = time.monotonic()
        seconds, _ = self.run(["cp", "--", source, self.path(target)])
        directory, name = os.path.split(source)
        return Outcome(seconds, 0, self.settle(started, directory, target, [name]))

    def copy(self, name, target):
        directory = os.path.join(self.lab.root, target)
        os.mkdir(os.path.join(directory, "to"))
        os.chmod(os.path.join(directory, "to"), 0o777)
        os.link(os.path.join(self.lab.root, name), os.path.join(directory, name))
        started = time.monotonic()
        seconds, _ = self.run(["cp", "--", self.path(target, name), self.path(target, "to", name)])
        return Outcome(seconds, 0, self.settle(started, directory, f"{target}/to", [name]))


class FtpsfsSession(MountSession):
    """ftpsfs writes its counters at SIGUSR2 to the file that -o stats= names."""

    stats = None

    def counters(self):
        if not self.stats:
            return {}
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.stats)
        self.process.send_signal(signal.SIGUSR2)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError):
                with open(self.stats, encoding="ascii") as file:
                    return json.load(file)
            time.sleep(0.01)
        return {}


def is_mounted(path):
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return any(line.split()[4] == path for line in file)


@contextlib.contextmanager
def mounted(lab, command, environment, password=None):
    """Runs a mount program on a new mountpoint until the block ends: (mountpoint, process). The
    command's word MOUNTPOINT stands for where."""
    mountpoint = tempfile.mkdtemp(dir=lab.path("mounts"))
    words = [mountpoint if word == "MOUNTPOINT" else word for word in command]
    with open(mountpoint + ".log", "w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(
            lab.in_client(words),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment,
        )

        def words_of_log():
            log.seek(0)
            return last_words(lab, log.read())

        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(f"{password}\n".encode() if password else b"")
                process.stdin.close()
            deadline = time.monotonic() + MOUNT_SECONDS
            while not is_mounted(mountpoint):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise PeerError("no mount")
                time.sleep(0.01)
            yield mountpoint, process
        except PeerError as error:
            ended = process.poll() is not None and is_mounted(mountpoint)
            what = "the daemon ended" if ended else str(error)
            raise PeerError(f"{what} ({words_of_log()})") from error
        finally:
            unmount(mountpoint, process)


def unmount(mountpoint, process):
    """Unmounts in order if the daemon answers, else by force. Pending uploads get a minute."""
    if is_mounted(mountpoint):
        with contextlib.suppress(subprocess.TimeoutExpired):
            command = ["umount", mountpoint]
            subprocess.run(command, stderr=subprocess.DEVNULL, timeout=20, check=False)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.1 if is_mounted(mountpoint) else 60)
    laboratory.stop(process)
    if is_mounted(mountpoint):
        subprocess.run(["umount", "--lazy", mountpoint], check=False)
    with contextlib.suppress(OSError):
        os.rmdir(mountpoint)
        os.unlink(mountpoint + ".log")


class Ftpsfs:
    packages = ()

    def __init__(self, name, program, options=()):
        self.name = name
        self.program = program
        self.options = options

    def version(self):
        return _first_line([self.program, "-V"])

    @contextlib.contextmanager
    def session(self, lab, server, limit):
        if not os.access(self.program, os.X_OK):
            raise PeerError(f"not built: {os.path.basename(self.program)} is not there")
        stats = tempfile.mktemp(prefix="stats-", dir=lab.path("tmp"))
        options = [
            *("password_stdin", f"cafile={server['cafile']}", f"stats={stats}"),
            # So that a second pass always comes within it.
            "dir_cache_timeout=600",
            *self.options,
        ]
        source = f"ftps://{server['user']}@{server['host']}:{server['port']}/"
        command = [self.program, "-f", source, "MOUNTPOINT", "-o", ",".join(options)]
        with mounted(lab, command, lab.environment, server["password"]) as (mountpoint, process):
            session = FtpsfsSession(lab, server, limit, mountpoint, process)
            session.stats = stats
            yield session


class Rclone:
    packages = ("rclone", "fuse3")

    def __init__(self, name, cache_mode):
        self.name = name
        self.cache_mode = cache_mode

    def version(self):
        return _first_line(["rclone", "version"])

    @contextlib.contextmanager
    def session(self, lab, server, limit):
        command = ["rclone", "obscure", server["password"]]
        obscured = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        cache = tempfile.mkdtemp(dir=lab.path("tmp"))
        environment = dict(
            lab.environment,
            SSL_CERT_FILE=server["cafile"],
            RCLONE_CONFIG="/dev/null",
            RCLONE_CACHE_DIR=cache,
            RCLONE_FTP_HOST=server["host"],
            RCLONE_FTP_PORT=str(server["port"]),
            RCLONE_FTP_USER=server["user"],
            RCLONE_FTP_PASS=obscured.strip(),
            RCLONE_FTP_TLS="true",
        )
        # It would wait 5 s before it begins to send what was written.
        options = ["--vfs-cache-mode", self.cache_mode, "--vfs-write-back", "0"]
        command = ["rclone", "mount", ":ftp:", "MOUNTPOINT", *options]
        try:
            with mounted(lab, command, environment) as (mountpoint, process):
                yield MountSession(lab, server, limit, mountpoint, process)
        finally:
            shutil.rmtree(cache, ignore_errors=True)


class LftpSession(Session):
    lister = "ls"

    def script(self, *commands):
        setup = [
            f"set ssl:ca-file {self.server['cafile']}",
            "set cmd:fail-exit yes",
            "set net:max-retries 2",
            "set net:timeout 30",
            f"open -u {self.server['user']},{self.server['password']} {self.url}",
        ]
        return self.run(self.lab.in_client(["lftp", "-c", "; ".join([*setup, *commands])]))

    @contextlib.contextmanager
    def copies(self):
        directory = tempfile.mkdtemp(dir=self.lab.path("tmp"))
        try:
            yield directory
        finally:
            shutil.rmtree(directory)

    def small(self, name, count):
        with self.copies() as copies:
            seconds, _ = self.script(f"mirror -P 8 {name} {copies}/all")
            self.expect("files", len(os.listdir(f"{copies}/all")), count)
        return Outcome(seconds, count)

    def big(self, name, size):
        seconds, _ = self.script(f"cat {name} > /dev/null")
        return Outcome(seconds, 0)

    def find(self, name, directories):
        seconds, text = self.script(f"find {name}")
        found = sum(line.endswith("/") for line in text.splitlines())
        self.expect("directories found", found, directories + 1)
        return Outcome(seconds, directories)

    def entries(self, name, count):
        seconds, text = self.script(f"{self.lister} {name} | grep -c entry-")
        self.expect("lines", int(text), count)
        return Outcome(seconds, 0)

    def put_small(self, source, target, count):
        started = time.monotonic()
        seconds, _ = self.script(f"mirror -R -P 8 {source} {target}")
        names = sorted(os.listdir(source))
        return Outcome(seconds, len(names), self.settle(started, source, target, names))

    def put_big(self, source, target):
        directory, name = os.path.split(source)
        started = time.monotonic()
        seconds, _ = self.script(f"put {source} -o {target}/{name}")
        return Outcome(seconds, 0, self.settle(started, directory, target, [name]))


class PgetSession(LftpSession):
    """lftp's segmented download, to a file in memory as it needs one."""

    def big(self, name, size):
        with self.copies() as copies:
            seconds, _ = self.script(f"pget -n 8 {name} -o {copies}/file")
            self.expect("bytes", os.path.getsize(f"{copies}/file"), size)
        return Outcome(seconds, 0)


class ClsSession(LftpSession):
    """lftp's own `ls -l`. Its plain ls shows the text of LIST as it comes; this one has the listing
    that ftpsfs has, by MLSD where there is one, and puts it in order."""

    lister = "cls -l"


class CurlSession(Session):
    def curl(self, *arguments):
        """Standard output: a line for each file with the bytes that went in and out."""
        with tempfile.NamedTemporaryFile("w", dir=self.lab.path("tmp")) as config:
            config.write(f'user = "{self.server["user"]}:{self.server["password"]}"\n')
            config.flush()
            return self.run(
                self.lab.in_client(
                    [
                        *("curl", "--silent", "--show-error", "--fail-early"),
                        *("--config", config.name, "--cacert", self.server["cafile"]),
                        *arguments,
                    ]
                )
            )

    def download(self, path, *arguments):
        written = "%{size_download}\\n"
        seconds, text = self.curl(
            f"{self.url}/{path}", "--output", "/dev/null", "--write-out", written, *arguments
        )
        return seconds, sum(int(line) for line in text.splitlines())

    def small(self, name, count):
        seconds, got = self.download(f"{name}/f[0000-{count - 1:04d}]")
        self.expect("bytes read", got, count * laboratory.Files.SMALL)
        return Outcome(seconds, count)

    def big(self, name, size):
        seconds, got = self.download(name)
        self.expect("bytes read", got, size)
        return Outcome(seconds, 0)

    def entries(self, name, count):
        seconds, text = self.curl(f"{self.url}/{name}/")
        self.expect("lines", text.count("entry-"), count)
        return Outcome(seconds, 0)

    def put_small(self, source, target, count):
        names = sorted(os.listdir(source))[:count]
        started = time.monotonic()
        files = f"{source}/f[0000-{count - 1:04d}]"
        # With TLS 1.3 curl 7.88 fails to resume the session from the second upload on, and servers
        # that insist on it refuse.
        options = ("--tls-max", "1.2")
        seconds, _ = self.curl(*options, "--upload-file", files, f"{self.url}/{target}/")
        return Outcome(seconds, count, self.settle(started, source, target, names))

    def put_big(self, source, target):
        directory, name = os.path.split(source)
        started = time.monotonic()
        seconds, _ = self.curl("--upload-file", source, f"{self.url}/{target}/")
        return Outcome(seconds, 0, self.settle(started, directory, target, [name]))


class Tool:
    def __init__(self, name, package, session_class):
        self.name = name
        self.packages = (package,)
        self.session_class = session_class

    def version(self):
        return _first_line([self.packages[0], "--version"])

    @contextlib.contextmanager
    def session(self, lab, server, limit):
        yield self.session_class(lab, server, limit)


def _first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return None
    return (done.stdout or done.stderr).strip().partition("\n")[0]


def all_peers(program):
    """Every peer by name. program: the ftpsfs to measure."""
    return {
        peer.name: peer
        for peer in (
            Ftpsfs("ftpsfs", program),
            Ftpsfs("ftpsfs-serial", program, ("connections=1",)),
            Ftpsfs("ftpsfs-no-prefetch", program, ("no_prefetch",)),
            Ftpsfs("ftpsfs-writeback", program, ("writeback",)),
            Rclone("rclone", "off"),
            Rclone("rclone-writes", "writes"),
            Tool("lftp", "lftp", LftpSession),
            Tool("lftp-pget", "lftp", PgetSession),
            Tool("lftp-cls", "lftp", ClsSession),
            Tool("curl", "curl", CurlSession),
        )
    }
