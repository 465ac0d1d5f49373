# SPDX-License-Identifier: GPL-2.0-or-later
"""Mounts for the tests: starting ftpsfs, looking into it, ending it and judging how it ended."""

import glob
import grp
import hashlib
import itertools
import json
import os
import pwd
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REPOSITORY = os.path.dirname(TESTS)
sys.path[:0] = [os.path.join(TESTS, "servers"), TESTS]

from watchdog import abort_connection  # noqa: E402

BINARY = os.path.abspath(os.environ.get("FTPSFS", os.path.join(REPOSITORY, "build", "ftpsfs")))
SANITIZED = bool(os.environ.get("FTPSFS_SANITIZED"))

# What a sanitizer writes to stderr, wherever its reports are told to go.
SANITIZER_WORDS = (
    "runtime error: ",
    "ERROR: AddressSanitizer",
    "ERROR: LeakSanitizer",
    "WARNING: ThreadSanitizer",
)

MOUNT_SECONDS = 30
EXIT_SECONDS = 30
COMMAND_SECONDS = 60

# A user who is neither root nor the server's account: nobody. fusermount3 wants a name for it.
OTHER_UID = 65534


class MountError(Exception):
    """ftpsfs ended instead of mounting. Has its exit status and its words."""

    def __init__(self, status, text):
        super().__init__(f"exit status {status}: {text}")
        self.status, self.text = status, text


def code(function, *arguments):
    """The errno that the call fails with, 0 when it doesn't."""
    try:
        function(*arguments)
        return 0
    except OSError as error:
        return error.errno


def eventually(condition, seconds=10, what="the condition"):
    """Waits until condition() is true and gives its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come true in {seconds} s"
        time.sleep(0.02)


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def pattern(length, seed=1):
    """Bytes that tell where they stand: never the same at two offsets modulo small numbers."""
    block = b"".join(
        hashlib.sha256(f"{seed}:{i}".encode()).digest()
        for i in range(min(length, 1 << 20) // 32 + 1)
    )
    return (block * (length // len(block) + 1))[:length]


def name_of_no_account():
    """One that neither a user nor a group of this machine has."""
    taken = {user.pw_name for user in pwd.getpwall()} | {group.gr_name for group in grp.getgrall()}
    return next(name for name in map("ftpsfs-{}".format, itertools.count()) if name not in taken)


def mountinfo(path):
    """The fields of the mount at `path` in /proc/self/mountinfo, or None: number of the FUSE
    connection, type, source, options."""
    path = os.fsencode(path)
    with open("/proc/self/mountinfo", "rb") as file:
        lines = file.read().splitlines()
    for line in lines:
        left, _, right = line.partition(b" - ")
        fields = left.split()
        point = fields[4].replace(b"\\040", b" ").replace(b"\\134", b"\\")
        if point == path:
            kind, source, options = right.split(b" ")[:3]
            return {
                "number": int(fields[2].split(b":")[1]),
                "type": kind.decode(),
                "source": source.decode(),
                "options": fields[5].decode().split(",") + options.decode().split(","),
            }
    return None


def release_elsewhere(path, number):
    """Unmounts what is left of a mount in other mount namespaces. One that was made while it was
    there has a copy of it, which keeps the file system, and with it the daemon, alive."""
    seen = {os.readlink("/proc/self/ns/mnt")}
    for entry in glob.glob("/proc/[0-9]*"):
        try:
            namespace = os.readlink(f"{entry}/ns/mnt")
            if namespace in seen:
                continue
            seen.add(namespace)
            with open(f"{entry}/mountinfo", encoding="utf-8", errors="replace") as file:
                copied = any(line.split()[2].endswith(f":{number}") for line in file)
        except OSError:
            continue  # ended meanwhile
        if copied:
            command = ["nsenter", f"--mount={entry}/ns/mnt", "umount", "-l", path]
            subprocess.run(command, check=False, capture_output=True, timeout=COMMAND_SECONDS)


def credentials_file(directory, user, password, name="credentials", mode=0o600):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"username={user}\npassword={password}\n")
    os.chmod(path, mode)
    return path


def option_words(options):
    """{"connections": 2, "ro": True} as the words of -o. A comma in a value is escaped."""
    words = []
    for name, value in options.items():
        if value is True:
            words.append(name)
        elif value is not None and value is not False:
            text = str(value).replace("\\", "\\\\").replace(",", "\\,")
            words.append(f"{name}={text}")
    return words


def source_for(server, directory=""):
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"ftps://{server.user}@{host}:{server.port}/{directory}"


def reached(server):
    """The words of -o by which a server is reached and believed."""
    return f"cafile={server.cafile},explicit" if server.explicit else f"cafile={server.cafile}"


def environment(home, **changes):
    """For ftpsfs: no ~/.netrc of whoever runs the tests, no other language."""
    result = dict(os.environ, HOME=str(home), LC_ALL="C.UTF-8")
    result.pop("NETRC", None)
    result.update(changes)
    return result


def run_ftpsfs(*words, home="/nonexistent", stdin=b"", timeout=MOUNT_SECONDS, **changes):
    """Runs ftpsfs until it exits or has gone to the background. Its output as text."""
    # The background process must not keep our pipes: output goes to files.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.run(
            [BINARY, *map(str, words)],
            input=stdin,
            stdout=out,
            stderr=err,
            env=environment(home, **changes),
            timeout=timeout,
            start_new_session=True,
            check=False,
        )
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    return subprocess.CompletedProcess(process.args, process.returncode, *texts)


def daemons_of(mountpoint):
    """Processes that have the mountpoint among their arguments: the daemon of a background mount."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if os.fsencode(mountpoint) in words and words[0] == os.fsencode(BINARY):
            found.append(int(path.split("/")[2]))
    return found


def is_running(pid):
    """Whether there is such a process: one that has ended, and waits for init to notice, is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def sockets_of(pid):
    """The numbers of the sockets that a process has open."""
    inodes = set()
    for path in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            inodes |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(path)))
        except OSError:
            continue
    return inodes


def connections_to(server, pid):
    """The control connections that a process has open, by the kernel's account."""
    inodes = sockets_of(pid)
    count = 0
    for table in ("tcp", "tcp6"):
        with open(f"/proc/{pid}/net/{table}", encoding="ascii") as file:
            for line in file.readlines()[1:]:
                words = line.split()
                port = int(words[2].rpartition(":")[2], 16)
                count += words[9] in inodes and port == server.port and words[3] == "01"
    return count


def unmount_and_wait(point, command=("fusermount3", "-u")):
    """Unmounts a mount in the background and waits for the end of its daemon."""
    daemons = daemons_of(point)
    subprocess.run([*command, point], check=True, timeout=COMMAND_SECONDS)
    assert mountinfo(point) is None
    eventually(lambda: not any(map(is_running, daemons)), EXIT_SECONDS, "the daemon's end")


def assert_one_line(text, *wanted):
    """One clear line: starts with the program's name, holds the `wanted` words, no more lines."""
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) == 1, f"not one line on stderr: {text!r}"
    assert lines[0].startswith("ftpsfs: "), lines[0]
    for word in wanted:
        assert word.lower() in lines[0].lower(), f"{word!r} is not in {lines[0]!r}"
    return lines[0]


class Mount:
    """One mount in the foreground (-f), whose exit status is checked at the end.

    path: the mountpoint. pid: of ftpsfs. log(): what it wrote to stderr."""

    def __init__(self, source, directory, options, watchdog, words=(), home=None, stdin=None):
        self.source = source
        self.directory = directory
        self.path = os.path.join(directory, "mnt")
        os.mkdir(self.path)
        if "setuid" in options:  # root mounts for USER upon what is USER's own
            user = pwd.getpwnam(options["setuid"])
            os.chown(self.path, user.pw_uid, user.pw_gid)
        self.stats_path = os.path.join(directory, "stats.json")
        self.log_path = os.path.join(directory, "stderr.log")
        # Another user could not write it there.
        counters = {} if options.get("setuid") else {"stats": self.stats_path}
        self.options = {**counters, **options}
        self.watchdog = watchdog
        self.expect_failure = False
        self.status = None
        self.number = None
        command = [BINARY, source, self.path, "-f", *words]
        command += ["-o", ",".join(option_words(self.options))]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(home or directory),
                start_new_session=True,
            )
        if stdin:
            self.process.stdin.write(stdin)
            self.process.stdin.close()
        self.pid = self.process.pid
        self._wait_until_mounted()

    def _wait_until_mounted(self):
        deadline = time.monotonic() + MOUNT_SECONDS
        while True:
            info = mountinfo(self.path)
            if info:
                break
            status = self.process.poll()
            if status is not None:
                self.status = status
                raise MountError(status, self.log())
            if time.monotonic() > deadline:
                self.process.kill()
                self.status = self.process.wait()
                raise MountError("none, it hangs", self.log())
            time.sleep(0.01)
        self.number = info["number"]
        self.watchdog.watch(self.number)

    def at(self, *parts):
        return os.path.join(self.path, *parts)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stats(self):
        """The counters as they are now: ftpsfs writes them over what is in the file."""
        os.truncate(self.stats_path, 0)
        os.kill(self.pid, signal.SIGUSR2)
        return eventually(self._read_stats, what="the stats file")

    def _read_stats(self):
        try:
            with open(self.stats_path, encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError):
            return None

    def wait(self, seconds=EXIT_SECONDS):
        """Until ftpsfs has ended by itself; its exit status."""
        if self.status is None:
            self.status = self.process.wait(seconds)
            self.watchdog.forget(self.number)
        return self.status

    def unmount(self):
        """fusermount3 -u, the end awaited. Gives the exit status of ftpsfs."""
        subprocess.run(["fusermount3", "-u", self.path], check=True, timeout=COMMAND_SECONDS)
        release_elsewhere(self.path, self.number)
        return self.wait()

    def close(self):
        """Takes it down whatever its state is, then fails if it did not end as it should."""
        trouble = []
        if self.status is None:
            try:
                self._take_down(trouble)
            finally:
                self.watchdog.forget(self.number)
        if mountinfo(self.path):
            subprocess.run(["fusermount3", "-uz", self.path], check=False, timeout=COMMAND_SECONDS)
            trouble.append("the mount was still there")
        if self.status != 0 and not self.expect_failure:
            trouble.append(f"ftpsfs ended with exit status {self.status}")
        if any(word in self.log() for word in SANITIZER_WORDS):
            trouble.append("a sanitizer has something to report")
        assert not trouble, f"{'; '.join(trouble)}. Its log:\n{self.log()[-8000:]}"

    def _take_down(self, trouble):
        if self.process.poll() is None:
            ended = subprocess.run(
                ["fusermount3", "-u", self.path],
                capture_output=True,
                text=True,
                check=False,
                timeout=COMMAND_SECONDS,
            )
            if ended.returncode != 0:
                trouble.append(f"fusermount3 -u: {ended.stderr.strip()}")
                subprocess.run(["fusermount3", "-uz", self.path], check=False)
        release_elsewhere(self.path, self.number)
        try:
            self.status = self.process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            trouble.append(f"ftpsfs did not end within {EXIT_SECONDS} s of the unmount")
            abort_connection(self.number)
            try:
                self.status = self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.status = self.process.wait()


class Site:
    """A fresh directory of a server, for one test: what a mount of it shows, seen from behind."""

    def __init__(self, server, directory):
        self.server = server
        self.directory = directory
        self.root = os.path.join(server.root, directory)
        os.mkdir(self.root)
        server.adopt(self.root)

    @property
    def name(self):
        return self.server.name

    @property
    def source(self):
        return source_for(self.server, self.directory)

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def put(self, name, data=b"", mode=0o644):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        self.server.adopt(path)
        return path

    def get(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def mkdir(self, name, mode=0o755):
        path = self.path(name)
        os.mkdir(path)
        os.chmod(path, mode)
        self.server.adopt(path)
        return path

    def exists(self, name):
        return os.path.lexists(self.path(name))

    def names(self, name=""):
        return sorted(os.listdir(self.path(name)))


class Cost:
    """with Cost(mount) as cost: ... then cost["round_trips"] is what it took."""

    def __init__(self, mount):
        self.mount = mount

    def __enter__(self):
        self.before = self.mount.stats()
        return self

    def __exit__(self, *_):
        after = self.mount.stats()
        self.spent = {name: after[name] - self.before[name] for name in after}

    def __getitem__(self, name):
        return self.spent[name]


def assert_database_from_behind(site, directory, query, wanted):
    """data.db as the server has it is whole, without a rollback journal, and answers `query` so.
    directory: a local one for a copy."""
    copy = os.path.join(directory, "copy.db")
    with open(copy, "wb") as file:
        file.write(site.get("data.db"))
    database = sqlite3.connect(copy)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert database.execute(query).fetchone() == wanted
    database.close()
    assert site.names() == ["data.db"]
