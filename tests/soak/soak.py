# SPDX-License-Identifier: GPL-2.0-or-later
"""One soak of one server: load, harm, and the account of it."""

import os
import threading
import time

from load import Faults, Figures, Watch, Worker, established, open_descriptors
from programs import RUN_SECONDS, Program

MIB = 1 << 20


class Soak:
    """soak = Soak(mounted, server); soak.run(64, 600); soak.lines() or soak.broken().

    `mounted` is a harness.Mount of the server's root."""

    def __init__(self, mounted, server, timeout, cache_bytes, faults=(), every=10, seed=1):
        self.mounted, self.server = mounted, server
        self.timeout, self.seed = timeout, seed
        self.kinds, self.every = list(faults), every
        # What the daemon may take: the content cache, a stack and buffers a session, and itself.
        self.memory_bound = cache_bytes + 96 * MIB
        self.figures = Figures()
        self.workers = []
        self.programs = []
        self.injected = {}
        self.leaked = None
        self.sessions = None  # on the server, after the unmount
        self.seconds = 0
        # A try, the wait for a session, another try; the largest file at its slowest.
        self.hang_seconds = 6 * timeout + 10
        self.stop, self.calm = threading.Event(), threading.Event()

    def add_program(self, name, local):
        """One of programs.NAMES, to run beside the threads; it keeps its own things in `local`."""
        self.programs.append(Program(name, self.mounted.path, local, self.stop))

    def run(self, threads, seconds):
        self._warm_up()
        before = open_descriptors(self.mounted.pid)
        for i in range(threads):
            base = os.path.join(self.mounted.path, f"w{i:02}")
            self.workers.append(Worker(base, self.figures, self.stop, self.seed * 1000 + i))
        self.watch = Watch(self.mounted.pid, self.workers, self.hang_seconds)
        faults = Faults(self.server, self.every, self.kinds, self.timeout + 1, self.calm)
        begin = time.monotonic()
        for worker in self.workers + self.programs:
            worker.start()
        self.watch.start()
        if self.kinds:
            faults.start()
        while time.monotonic() - begin < seconds:
            time.sleep(min(0.5, seconds))
        # The harm ends first, so that what is under way can end well.
        self.calm.set()
        if self.kinds:
            faults.join(60)
        self.stop.set()
        for worker in self.workers:
            worker.join(self.hang_seconds)
        for program in self.programs:
            program.join(RUN_SECONDS)
        self.seconds = time.monotonic() - begin
        self.watch.sample()
        self.watch.ended.set()
        self.watch.join()
        self.injected = dict(faults.injected)
        self.leaked = self._leaked(before)

    def _warm_up(self):
        """A first operation, after which what the daemon keeps open for good is open."""
        path = os.path.join(self.mounted.path, "warm-up")
        with open(path, "wb") as file:
            file.write(b"x")
        os.unlink(path)

    def _leaked(self, before):
        """Descriptors beyond those of the sessions: a control connection each, and a data connection
        that is prepared. Files being written hold theirs for as long as that takes."""
        allowed = before + 2 * int(self.mounted.options.get("connections", 8))
        deadline = time.monotonic() + 20
        while True:
            now = open_descriptors(self.mounted.pid)
            if self.figures.errors:  # an upload that failed keeps its spool for the next try
                now -= len(self._spool_files())
            if now <= allowed or time.monotonic() > deadline:
                return max(0, now - allowed)
            time.sleep(0.2)

    def spool_files(self):
        """What is left of the spool, once the kernel has had time to release what was closed."""
        deadline = time.monotonic() + 10
        while True:
            found = self._spool_files()
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    def _spool_files(self):
        """Descriptors of the daemon that lead to spool files, which are deleted from the start."""
        found = []
        for entry in os.scandir(f"/proc/{self.mounted.pid}/fd"):
            try:
                target = os.readlink(entry.path)
            except OSError:
                continue
            if target.endswith(" (deleted)") and "/memfd:" not in target:
                found.append(target)
        return found

    def verify(self):
        """After the unmount: every acknowledged file as the server has it, and no session left there."""
        deadline = time.monotonic() + 20
        while established(self.server.port) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.sessions = established(self.server.port)
        for i, worker in enumerate(self.workers):
            worker.verify(os.path.join(self.server.root, f"w{i:02}"))

    def files(self):
        return sum(len(worker.files) for worker in self.workers)

    def stuck(self):
        return [worker.name for worker in self.workers if worker.is_alive()]

    def broken(self):
        """The promises that were not kept, in words."""
        found = []
        figures = self.figures
        if figures.losses:
            found.append(f"{len(figures.losses)} silent losses: {figures.losses[:5]}")
        if self.watch.hung or self.stuck():
            found.append(f"operations hang: {sorted(self.watch.hung)}, {self.stuck()}")
        if figures.errors and not self.kinds:
            found.append(f"errors although nothing was wrong: {dict(figures.errors)}")
        if max(self.watch.rss) > self.memory_bound:
            found.append(f"memory: {max(self.watch.rss) // MIB} MiB")
        if self.seconds > 120 and self.watch.growth() > 24 * MIB:
            found.append(f"memory grows: {self.watch.growth() // MIB} MiB")
        if self.leaked:
            found.append(f"{self.leaked} descriptors leaked")
        if self.sessions:
            found.append(f"{self.sessions} sessions left on the server")
        failures = [text for program in self.programs for text in program.failures]
        if failures and not self.kinds:
            found.append(f"{len(failures)} runs of programs failed: {failures[:3]}")
        if not figures.operations:
            found.append("nothing was done")
        crashed = [worker.crashed for worker in self.workers if worker.crashed]
        if crashed:
            found.append(f"the load itself failed: {crashed[:3]}")
        return found

    def lines(self):
        figures, watch = self.figures, self.watch
        total = sum(figures.operations.values())
        errors = sum(figures.errors.values())
        harm = ", ".join(f"{n} {kind}" for kind, n in self.injected.items()) or "none"
        yield f"operations          {total} in {self.seconds:.0f} s, {len(self.workers)} threads"
        yield f"bytes               {figures.bytes_written} written, {figures.bytes_read} read"
        for program in self.programs:
            yield f"{program.name:<19} {program.runs} runs, {len(program.failures)} failed"
        yield f"faults injected     {harm}"
        yield f"errors reported     {errors}  {dict(figures.errors) if errors else ''}".rstrip()
        yield f"silent losses       {len(figures.losses)} of {self.files()} files at the end"
        yield f"hangs               {len(watch.hung) + len(self.stuck())}"
        yield f"slowest operation   {figures.slowest[0]:.2f} s ({figures.slowest[1]})"
        yield f"resident memory     {max(watch.rss) // MIB} MiB at most, bound {self.memory_bound // MIB}"
        yield f"memory growth       {watch.growth() // 1024} KiB from the second quarter to the last"
        yield f"descriptors         {max(watch.descriptors)} at most, {self.leaked} leaked"
        yield f"sessions left       {self.sessions}"
