# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 of the daemon at random moments of a random workload, with -o writeback, and then a new
mount: everything that was acknowledged is there, exactly once, and nothing else.

FTPSFS_WRITEBACK_KILLS=200 makes it so many kills on each server (tests/soak/run --kills),
FTPSFS_WRITEBACK_SEED=n repeats a run.
"""

import os
import random
import threading
import time

import pytest
from harness import eventually
from test_writeback import kill, remount, settle  # noqa: F401

KILLS = int(os.environ.get("FTPSFS_WRITEBACK_KILLS", "3"))
SEED = os.environ.get("FTPSFS_WRITEBACK_SEED")
DIRECTORIES = ["", "d", "d/e"]


class Workload:
    """Writes, renames and deletes in a tree, remembering what was acknowledged.

    model: path -> content, as acknowledged. pending: what it would be after the operation that the
    kill hit; written: the file that this operation had open, if it had one."""

    def __init__(self, root, seed, model):
        self.root, self.random = root, random.Random(seed)
        self.model = self.pending = dict(model)
        self.written = None
        self.number = seed % 1_000_000 * 1000
        self.done = 0

    def at(self, path):
        return os.path.join(self.root, path)

    def new_path(self):
        self.number += 1
        return os.path.join(self.random.choice(DIRECTORIES), f"f{self.number}")

    def any_path(self):
        return self.random.choice(sorted(self.model)) if self.model else None

    def data(self):
        return self.random.randbytes(self.random.choice([0, 10, 4096, 50_000, 400_000]))

    def put(self, path, data, mode, content):
        def run():
            with open(self.at(path), mode) as file:
                file.write(data)

        self.step({**self.model, path: content}, run, path)

    def write(self):
        path = self.any_path() if self.random.random() < 0.3 else None
        data = self.data()
        self.put(path or self.new_path(), data, "wb", data)

    def append(self):
        path, data = self.any_path(), self.data()
        if path is not None:
            self.put(path, data, "ab", self.model[path] + data)

    def save(self):
        """As editors and rsync do: a new file, renamed over the old one."""
        path, data = self.any_path(), self.data()
        if path is None:
            return
        self.put(path + ".tmp", data, "wb", data)
        self.move(path + ".tmp", path)

    def move(self, path, to):
        after = {**self.model, to: self.model[path]}
        del after[path]
        self.step(after, lambda: os.rename(self.at(path), self.at(to)))

    def rename(self):
        path = self.any_path()
        if path is not None:
            self.move(path, self.new_path())

    def unlink(self):
        path = self.any_path()
        if path is not None:
            after = dict(self.model)
            del after[path]
            self.step(after, lambda: os.unlink(self.at(path)))

    def step(self, after, run, written=None):
        self.pending, self.written = after, written
        run()
        self.model, self.written = after, None
        self.done += 1

    def run(self, stop):
        choices = [self.write] * 2 + [self.append] + [self.save] * 2 + [self.rename, self.unlink]
        try:
            while not stop.is_set():
                self.random.choice(choices)()
        except OSError:
            pass  # the daemon is gone: what was under way is not acknowledged

    def check(self, found, what):
        """`found` is the model, but for the one operation that was not acknowledged."""
        if found in (self.model, self.pending):
            return
        # A file that was opened, and not closed: it may be as before, or not there if it is new.
        lost = {path for path in self.model if found.get(path) != self.model[path]}
        extra = {path for path in found if path not in self.model}
        assert not (lost | extra) - {
            self.written
        }, f"{what}: wrong or missing {sorted(lost)}, there but unknown {sorted(extra)}"
        allowed = (self.model.get(self.written), self.pending.get(self.written))
        assert found.get(self.written) in allowed, f"{what}: {self.written} has other content"


def files_below(root):
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            try:
                with open(path, "rb") as file:
                    found[os.path.relpath(path, root)] = file.read()
            except FileNotFoundError:
                pass  # a temporary that has just got its name
    return found


def one_kill(site, remount, seed, model):  # noqa: F811
    mounted = remount(timeout=10)
    work = Workload(mounted.path, seed, model)
    stop = threading.Event()
    thread = threading.Thread(target=work.run, args=(stop,))
    thread.start()
    time.sleep(work.random.uniform(0.05, 1.0))
    os.kill(mounted.pid, 9)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    kill(mounted)
    again = remount(timeout=10)
    seen = files_below(again.path)
    work.check(seen, f"seed {seed}, in the new mount")
    settle(again)
    assert again.stats()["writeback_conflicts"] == 0, f"seed {seed}: {again.log()}"
    assert again.unmount() == 0
    # A server may be at the last command of the killed mount still.
    try:
        eventually(lambda: files_below(site.root) == seen, 5)
    except AssertionError:
        there = files_below(site.root)
        other = [path for path in {*there, *seen} if there.get(path) != seen.get(path)]
        pytest.fail(f"seed {seed}: the server has other content than the mount showed: {other}")
    return seen, work.done


@pytest.mark.seconds(120 + 10 * KILLS)
def test_killed_at_any_moment_nothing_acknowledged_is_lost(site, remount):  # noqa: F811
    seed = int(SEED) if SEED else random.randrange(1 << 30)
    print(f"seed {seed}, {KILLS} kills")
    for name in DIRECTORIES[1:]:
        site.mkdir(name)
    model, operations = {}, 0
    for i in range(KILLS):
        model, done = one_kill(site, remount, seed + i, model)
        operations += done
        # A tree that grows no further.
        for path in sorted(model)[20:]:
            os.unlink(site.path(path))
            del model[path]
    print(f"{site.name}: {KILLS} kills, {operations} operations acknowledged, none lost or twice")
