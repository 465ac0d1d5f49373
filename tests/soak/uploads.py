# SPDX-License-Identifier: GPL-2.0-or-later
"""Uploads to a real server, each harmed at a random moment: whatever close() and fsync() say 0 to is
on the server's disk at that moment, byte for byte.

The harms (KINDS):

control    the control connections of the mount are cut, by FIN or RST
data       its data connections are cut, by FIN or RST
restart    the server with all its connections is killed, and started again
full       the server's disk is full (ENOSPC of a real file system of its own)
452, 552, 550
           that is the reply to the end of the upload, where the server said 226: once or several times
"""

import collections
import contextlib
import ctypes
import glob
import mmap
import os
import random
import socket
import subprocess
import threading
import time

from harness import eventually

MIB = 1 << 20
DISK_MIB = 48
# After a harm; twice the longest pause before an upload of the queue is tried again.
END_SECONDS = 120
REPLIES = {
    "452": "452 Insufficient storage space.",
    "552": "552 Quota exceeded.",
    "550": "550 The upload was refused by a filter.",
}
KINDS = ("control", "data", "restart", "full", *REPLIES)

_libc = ctypes.CDLL(None, use_errno=True)
PIDFD_GETFD = 438


def build_shim(directory):
    """replies.c as a library."""
    path = os.path.join(directory, "replies.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "replies.c")
    words = ["-O2", "-Wall", "-Wextra", "-Wno-pedantic", "-shared", "-fPIC"]
    subprocess.run(["gcc", *words, "-o", path, source, "-ldl"], check=True)
    os.chmod(path, 0o755)
    return path


class Replies:
    """The page that replies.c reads. Preloads it into a server that has not been started yet."""

    def __init__(self, server, shim):
        path = os.path.join(server.directory, "replies")
        with open(path, "wb") as file:
            file.truncate(mmap.PAGESIZE)
        os.chmod(path, 0o666)
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        plain = server.environment
        server.environment = lambda: dict(plain(), LD_PRELOAD=shim, FTPSFS_TEST_REPLIES=path)

    def arm(self, text, count):
        words = text.encode() + b"\r\n\0"
        self.page[4 : 4 + len(words)] = words
        self.page[:4] = count.to_bytes(4, "little")

    def left(self):
        return int.from_bytes(self.page[:4], "little")


class Disk:
    """A small file system of its own for the server's files."""

    def __init__(self, path):
        self.path = path
        options = f"size={DISK_MIB}m,mode=755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "ftpsfs-soak", path], check=True)
        self.fill_path = os.path.join(path, ".fill")

    def fill(self, leave):
        """Takes all of the room but `leave` bytes."""
        room = os.statvfs(self.path)
        size = max(0, room.f_bavail * room.f_frsize - leave)
        with open(self.fill_path, "wb") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, size or 1)
            except OSError:
                pass  # an upload was quicker: it is full all the same

    def empty(self):
        if os.path.exists(self.fill_path):
            os.unlink(self.fill_path)

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=False)


@contextlib.contextmanager
def server_to_harm(server_class, authority):
    """A started server with a disk of its own: (server, replies, disk)."""
    server = server_class(authority=authority)
    disk = Disk(server.root)
    try:
        server.adopt(server.root)
        replies = Replies(server, build_shim(server.directory))
        yield server.start(), replies, disk
    finally:
        server.stop()
        disk.close()
        server.close()


def connections(pid, server):
    """Descriptors of the process that are TCP connections to the server: {number: its port}."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        lines = [line.split() for line in file.read().splitlines()[1:]]
    ports = {f"socket:[{line[9]}]": int(line[2].rpartition(":")[2], 16) for line in lines}
    found = {}
    for path in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            port = ports.get(os.readlink(path))
        except OSError:
            continue
        if port == server.port or (port and server.passive[0] <= port <= server.passive[1]):
            found[int(os.path.basename(path))] = port
    return found


def cut(pid, descriptor, reset):
    """Ends a TCP connection of another process, whatever is under way on it."""
    process = os.pidfd_open(pid)
    try:
        copied = _libc.syscall(PIDFD_GETFD, process, descriptor, 0)
        if copied < 0:
            return False
        try:
            stolen = socket.socket(fileno=copied)
        except OSError:
            os.close(copied)
            return False  # the number is another file's meanwhile
        with stolen:
            if stolen.family != socket.AF_INET:
                return False
            if reset:
                nobody = (ctypes.c_uint16 * 8)(0)  # AF_UNSPEC
                return _libc.connect(stolen.fileno(), nobody, ctypes.sizeof(nobody)) == 0
            try:
                stolen.shutdown(socket.SHUT_RDWR)
            except OSError:
                return False
            return True
    finally:
        os.close(process)


class Writer(threading.Thread):
    """One upload: of a new file, over an old one, appended, or a change in the middle."""

    def __init__(self, path, old, rng):
        super().__init__(daemon=True)
        self.path, self.error = path, None
        self.seconds = 0
        self.pause = rng.choice([0, 0, 0.001, 0.004])
        self.block = rng.choice([64 * 1024, 256 * 1024, MIB])
        self.fsync = rng.random() < 0.5
        new = rng.randbytes(rng.choice([4096, 300_000, 2 * MIB, 5 * MIB]))
        hows = ["over"] if len(old or b"") > 6 * MIB else ["over", "append", "middle"]
        self.how = rng.choice(hows) if old else "new"
        if self.how in ("new", "over"):
            self.flags, self.at, self.data, self.content = os.O_CREAT | os.O_TRUNC, 0, new, new
        elif self.how == "append":
            self.flags, self.at, self.data = os.O_APPEND, len(old), new
            self.content = old + new
        else:
            self.flags, self.at = 0, rng.randrange(len(old))
            self.data = new[: len(old) - self.at]
            self.content = old[: self.at] + self.data + old[self.at + len(self.data) :]

    def run(self):
        begin = time.monotonic()
        self.upload()
        self.seconds = time.monotonic() - begin

    def upload(self):
        try:
            descriptor = os.open(self.path, os.O_WRONLY | self.flags, 0o644)
        except OSError as error:
            self.error = error
            return
        try:
            for start in range(0, len(self.data), self.block):
                piece = self.data[start : start + self.block]
                assert os.pwrite(descriptor, piece, self.at + start) == len(piece)
                time.sleep(self.pause)
            if self.fsync:
                os.fsync(descriptor)
        except OSError as error:
            self.error = error
        try:
            os.close(descriptor)
        except OSError as error:
            self.error = self.error or error


class Uploads:
    """uploads = Uploads(mounted, server, replies, disk, seed); uploads.run(kind, 200)

    writeback: what is acknowledged may come to the server later, but for what was synced."""

    def __init__(self, mounted, server, replies, disk, seed, writeback=False):
        self.mounted, self.server = mounted, server
        self.replies, self.disk = replies, disk
        self.random = random.Random(seed)
        self.writeback = writeback
        self.old = {}  # name: content that was acknowledged
        self.typical = 0.1
        self.armed = 0
        self.losses = []
        self.errors = collections.Counter()
        self.hits = self.runs = 0

    def run(self, kind, count):
        """So many uploads that the harm met."""
        self.errors.clear()
        self.runs = self.hits = 0
        while self.hits < count:
            if self.runs > 10 * count + 20:
                raise RuntimeError(f"{kind}: only {self.hits} of {self.runs} uploads were met")
            self.one(kind)
            self.runs += 1

    def one(self, kind):
        """An upload with a harm, and when it failed another one without."""
        name = f"f{self.random.randrange(4)}"
        writer = Writer(self.mounted.at(name), self.old.get(name), self.random)
        writer.start()
        time.sleep(self.random.uniform(0, self.typical))
        busy = writer.is_alive()
        harmed = self.harm(kind)
        writer.join(90)
        if writer.is_alive():
            raise RuntimeError(f"{kind}: an upload hangs")
        self.aim(busy, writer.seconds)
        if kind in REPLIES:
            harmed = self.replies.left() < self.armed
        self.hits += bool(harmed and (busy or self.writeback))
        if writer.error is not None:
            self.errors[os.strerror(writer.error.errno)] += 1
        elif not self.writeback or writer.fsync:
            self.check(kind, name, writer)
        self.heal(kind)
        if writer.error is not None:
            self.again(name, writer.content)
        if self.writeback:
            eventually(
                lambda: self.mounted.stats()["writeback_pending"] == 0,
                END_SECONDS,
                "the queue's end",
            )
        self.check(f"{kind}, in the end", name, writer)

    def aim(self, busy, seconds):
        """Learns how long an upload takes from those that were over when the harm came, since the
        others take as long as the harm does. When they are met, later moments are tried as well."""
        wanted = self.typical * 1.2 if busy else 0.5 * (self.typical + seconds)
        self.typical = min(1, max(0.002, wanted))

    def check(self, kind, name, writer):
        """What was acknowledged is there now."""
        self.old[name] = writer.content
        found = self.behind(name)
        if found == writer.content:
            return
        size = "nothing" if found is None else f"{len(found)} bytes"
        self.losses.append(
            f"{kind}, {writer.how}, run {self.runs}: {size} of {len(writer.content)} and no error"
        )

    def behind(self, name):
        try:
            with open(self.server.path(name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def again(self, name, content):
        """Once the harm is over an upload that failed can be made anew."""

        def write():
            try:
                with open(self.mounted.at(name), "wb") as file:
                    file.write(content)
                return True
            except OSError:
                return False

        eventually(write, END_SECONDS, f"another upload of {name}")

    def line(self, kind):
        """Figures of the last run() in words."""
        errors = f"{sum(self.errors.values())} errors reported of {self.runs} uploads"
        lost = sum(text.startswith(kind) for text in self.losses)
        return f"{self.hits} uploads harmed, {errors} {dict(self.errors)}, silent losses {lost}"

    def left_over(self):
        """Names that nobody has given."""
        return sorted(set(os.listdir(self.server.root)) - set(self.old))

    # Harm

    def harm(self, kind):
        """Whether it was done."""
        if kind in REPLIES:
            self.armed = self.random.choice([1, 1, 2, 9])
            self.replies.arm(REPLIES[kind], self.armed)
            return True
        return getattr(self, "harm_" + kind)()

    def heal(self, kind):
        if kind in REPLIES:
            self.replies.arm("", 0)
        elif kind == "full":
            self.disk.empty()

    def _cut(self, wanted):
        done = False
        for descriptor, port in connections(self.mounted.pid, self.server).items():
            if (port == self.server.port) == wanted:
                done |= cut(self.mounted.pid, descriptor, self.random.random() < 0.5)
        return done

    def harm_control(self):
        return self._cut(True)

    def harm_data(self):
        return self._cut(False)

    def harm_restart(self):
        self.server.stop()
        time.sleep(self.random.uniform(0, 0.3))
        self.server.start()
        return True

    def harm_full(self):
        self.disk.fill(self.random.choice([0, 8192, 100_000]))
        return True
