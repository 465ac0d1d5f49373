# SPDX-License-Identifier: GPL-2.0-or-later
"""A mixed load on a mount, with every answer checked, and the figures that it gives.

Each Worker is a thread with a directory of its own. It remembers what the mount has acknowledged: the
content of each file whose close() returned 0. An operation that failed puts its names in doubt, and
they are left alone from then on; a rename that failed must still have left the content under one of
the two names. A read that gives anything but the acknowledged content, and a file that the server does
not have at the end although it was acknowledged, are silent losses: the one thing that must not be.
"""

import collections
import os
import random
import threading
import time

FILES_A_WORKER = 12
SIZES = (0, 1, 700, 4096, 20_000, 70_000, 300_000)
BIG = 3_000_000
PIECE = 64 * 1024


class Figures:
    """Counted by all workers."""

    def __init__(self):
        self.lock = threading.Lock()
        self.operations = collections.Counter()
        self.errors = collections.Counter()  # by "operation: error"
        self.losses = []  # what was wrong, in words
        self.slowest = (0.0, "")
        self.bytes_written = self.bytes_read = 0

    def note(self, what, seconds, error=None):
        with self.lock:
            self.operations[what] += 1
            if error is not None:
                self.errors[f"{what}: {os.strerror(error.errno)}"] += 1
            if seconds > self.slowest[0]:
                self.slowest = (seconds, what)

    def lose(self, text):
        with self.lock:
            self.losses.append(text)

    def count(self, written=0, read=0):
        with self.lock:
            self.bytes_written += written
            self.bytes_read += read


class Worker(threading.Thread):
    """Works below `base` of the mount until `stop` is set."""

    def __init__(self, base, figures, stop, seed):
        super().__init__(name=os.path.basename(base), daemon=True)
        self.base, self.figures, self.stop = base, figures, stop
        self.random = random.Random(seed)
        self.files = {}  # name: acknowledged content
        self.doubtful = set()  # names
        self.moved = []  # (names, content): under one of them
        self.numbers = iter(range(10**9))
        self.busy_since = None
        self.crashed = None

    def path(self, name):
        return os.path.join(self.base, name)

    def attempt(self, what, function, *names):
        """Runs it; None when it failed, and then `names` are in doubt."""
        self.busy_since = before = time.monotonic()
        failure = None
        try:
            result = function()
        except OSError as error:
            failure, result = error, None
            for name in names:
                self.files.pop(name, None)
                self.doubtful.add(name)
        self.busy_since = None
        self.figures.note(what, time.monotonic() - before, failure)
        return None if failure else (result, True)

    def run(self):
        try:
            while not self.attempt("mkdir", lambda: os.makedirs(self.base, exist_ok=True)):
                if self.stop.is_set():
                    return
                time.sleep(0.5)
            choices = [self.create] * 4 + [self.check] * 5 + [self.list] * 2
            choices += [self.append, self.overwrite, self.rename, self.replace, self.remove]
            choices += [self.directory]
            while not self.stop.is_set():
                failed_before = sum(self.figures.errors.values())
                self.random.choice(choices)()
                if sum(self.figures.errors.values()) > failed_before:
                    time.sleep(0.05)  # while the server is down, errors come at once
        except Exception as error:  # pylint: disable=broad-except
            self.crashed = error
            raise

    def new_name(self):
        return f"f{next(self.numbers):05}"

    def any_file(self):
        return self.random.choice(sorted(self.files)) if self.files else None

    def content(self):
        size = BIG if self.random.random() < 0.04 else self.random.choice(SIZES)
        return self.random.randbytes(size)

    def store(self, name, data):
        def write():
            descriptor = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            try:
                for start in range(0, len(data), PIECE):
                    block = data[start : start + PIECE]
                    assert os.write(descriptor, block) == len(block)
            except OSError:
                try:
                    os.close(descriptor)
                except OSError:
                    pass  # the first error counts
                raise
            os.close(descriptor)

        if self.attempt("write", write, name):
            self.files[name] = data
            self.figures.count(written=len(data))

    def create(self):
        if len(self.files) >= FILES_A_WORKER:
            self.remove()
        self.store(self.new_name(), self.content())

    def check(self):
        name = self.any_file()
        if name is None:
            return

        def read():
            with open(self.path(name), "rb", buffering=0) as file:
                return file.readall()

        # A read that fails changes nothing.
        found = self.attempt("read", read)
        if found and found[0] != self.files[name]:
            self.figures.lose(
                f"{self.path(name)}: read {len(found[0])} bytes that are not the"
                f" {len(self.files[name])} that were written"
            )
        elif found:
            self.figures.count(read=len(found[0]))

    def list(self):
        found = self.attempt("list", lambda: set(os.listdir(self.base)))
        if not found:
            return
        missing = set(self.files) - found[0]
        unsure = self.doubtful | {name for names, _ in self.moved for name in names} | {"sub"}
        extra = found[0] - set(self.files) - unsure
        if missing or extra:
            self.figures.lose(f"{self.base}: listed without {missing} and with {extra}")

    def append(self):
        name = self.any_file()
        if name is None:
            return
        more = self.random.randbytes(self.random.choice((1, 5000, 100_000)))

        def write():
            with open(self.path(name), "ab", buffering=0) as file:
                assert file.write(more) == len(more)

        old = self.files[name]
        if self.attempt("append", write, name):
            self.files[name] = old + more

    def overwrite(self):
        name = self.any_file()
        if name is None or not self.files[name]:
            return
        old = self.files[name]
        start = self.random.randrange(len(old))
        block = self.random.randbytes(min(1000, len(old) - start))

        def write():
            with open(self.path(name), "r+b", buffering=0) as file:
                assert os.pwrite(file.fileno(), block, start) == len(block)

        if self.attempt("overwrite", write, name):
            self.files[name] = old[:start] + block + old[start + len(block) :]

    def _rename(self, name, other):
        content = self.files[name]
        replaced = self.files.get(other)
        if self.attempt(
            "rename", lambda: os.rename(self.path(name), self.path(other)), name, other
        ):
            del self.files[name]
            self.files[other] = content
        else:
            self.moved.append(((name, other), content))
            if replaced is not None:
                self.moved.append(((other,), (replaced, content)))

    def rename(self):
        name = self.any_file()
        if name is not None:
            self._rename(name, self.new_name())

    def replace(self):
        if len(self.files) >= 2:
            self._rename(*self.random.sample(sorted(self.files), 2))

    def remove(self):
        name = self.any_file()
        if name is not None and self.attempt("unlink", lambda: os.unlink(self.path(name)), name):
            del self.files[name]

    def directory(self):
        sub = self.path("sub")
        # Either may have been done before, by a try whose answer was lost.
        if os.path.isdir(sub):
            self.attempt("rmdir", lambda: os.rmdir(sub))
        else:
            self.attempt("mkdir", lambda: os.mkdir(sub))

    def verify(self, root):
        """Compares what was acknowledged with the directory `root` on the server's disk."""
        for name, content in self.files.items():
            self._compare(root, (name,), (content,))
        for names, content in self.moved:
            self._compare(root, names, content if isinstance(content, tuple) else (content,))

    def _compare(self, root, names, contents):
        for name in names:
            try:
                with open(os.path.join(root, name), "rb") as file:
                    if file.read() in contents:
                        return
            except OSError:
                pass
        self.figures.lose(f"{root}: {' or '.join(names)} is not what was acknowledged")


class Watch(threading.Thread):
    """Samples the daemon's memory and descriptors once a second, and notices operations that hang."""

    def __init__(self, pid, workers, hang_seconds):
        super().__init__(daemon=True)
        self.pid, self.workers, self.hang_seconds = pid, workers, hang_seconds
        self.rss = []
        self.descriptors = []
        self.hung = set()
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(1):
            self.sample()

    def sample(self):
        self.rss.append(resident(self.pid))
        self.descriptors.append(open_descriptors(self.pid))
        now = time.monotonic()
        for worker in self.workers:
            since = worker.busy_since
            if since is not None and now - since > self.hang_seconds:
                self.hung.add((worker.name, since))

    def growth(self):
        """Bytes by which the last quarter's typical size is above the second quarter's."""
        quarter = len(self.rss) // 4
        if quarter < 2:
            return 0
        middle = sorted(self.rss[quarter : 2 * quarter])[quarter // 2]
        last = sorted(self.rss[-quarter:])[quarter // 2]
        return last - middle


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def open_descriptors(pid):
    """Without those of /dev/fuse, of which libfuse has one a thread."""
    count = 0
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(entry.path) != "/dev/fuse"
        except OSError:
            pass  # closed meanwhile
    return count


def established(port):
    """TCP connections that a server has at this port."""
    count = 0
    for name in ("tcp", "tcp6"):
        with open(f"/proc/net/{name}", encoding="ascii") as file:
            for line in file.read().splitlines()[1:]:
                local, _, state = line.split()[1:4]
                count += state == "01" and int(local.rpartition(":")[2], 16) == port
    return count


class Faults(threading.Thread):
    """Does harm to the server now and then: drops its connections, restarts it, freezes it for longer
    than the mount's timeout."""

    def __init__(self, server, every, kinds, freeze_seconds, stop):
        super().__init__(daemon=True)
        self.server, self.every, self.kinds = server, every, kinds
        self.freeze_seconds, self.stop = freeze_seconds, stop
        self.injected = collections.Counter()

    def run(self):
        for i in range(10**9):
            if self.stop.wait(self.every):
                return
            kind = self.kinds[i % len(self.kinds)]
            getattr(self, kind)()
            self.injected[kind] += 1

    def drop(self):
        self.server.drop_connections()

    def restart(self):
        self.server.stop()
        self.stop.wait(1)
        self.server.start()

    def freeze(self):
        self.server.freeze()
        self.stop.wait(self.freeze_seconds)
        self.server.thaw()
