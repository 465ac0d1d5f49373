# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that work on the mount beside the workers, each in a directory of its own and over and over:
rsync there and back, fio with checksums, stress-ng's file stressors."""

import os
import shutil
import subprocess
import threading

NAMES = ("rsync", "fio", "stress-ng")
RUN_SECONDS = 300  # after which a run counts as failed


class Program(threading.Thread):
    """runs, failures (in words) are valid once the thread has ended."""

    def __init__(self, name, mountpoint, local, stop):
        super().__init__(name=name, daemon=True)
        self.base = os.path.join(mountpoint, f"{name}.d")
        self.local = os.path.join(local, name)
        self.stop = stop
        self.runs, self.failures = 0, []

    def run(self):
        os.makedirs(self.local)
        os.makedirs(self.base, exist_ok=True)
        prepare = {"rsync": self.make_tree}.get(self.name)
        if prepare:
            prepare()
        once = {"rsync": self.rsync, "fio": self.fio, "stress-ng": self.stress}[self.name]
        while not self.stop.is_set():
            once()
            self.runs += 1
            self.stop.wait(1)

    def command(self, *words):
        """Whether it succeeded."""
        try:
            ended = subprocess.run(
                words,
                cwd=self.local,
                capture_output=True,
                text=True,
                timeout=RUN_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            self.failures.append(f"{words[0]} hangs")
            return False
        if ended.returncode:
            text = (ended.stdout + ended.stderr)[-600:]
            self.failures.append(f"{' '.join(words)}: exit status {ended.returncode}: {text}")
        return ended.returncode == 0

    def make_tree(self):
        for i in range(120):
            place = os.path.join(self.local, "tree", f"d{i % 6}")
            os.makedirs(place, exist_ok=True)
            with open(os.path.join(place, f"f{i}"), "wb") as file:
                file.write(os.urandom((i * 997) % 60_000))

    def rsync(self):
        back = os.path.join(self.local, "back")
        shutil.rmtree(back, ignore_errors=True)
        there = os.path.join(self.base, "tree")
        if not self.command("rsync", "-a", "tree/", there):
            return
        if self.command("rsync", "-a", f"{there}/", "back"):
            self.command("diff", "-r", "tree", "back")
        # Each other time rsync finds what it wrote before.
        if self.runs % 2:
            self.command("rm", "-r", there)

    def fio(self):
        options = [
            "--name=soak",
            f"--directory={self.base}",
            "--size=6M",
            "--bs=64k",
            "--numjobs=2",
        ]
        options += ["--ioengine=sync", "--fallocate=none", "--end_fsync=1", "--verify=crc32c"]
        rw = ("write", "randwrite", "readwrite")[self.runs % 3]
        self.command("fio", *options, f"--rw={rw}", "--verify_fatal=1", "--unlink=1")

    def stress(self):
        stressors = [
            "--hdd",
            "1",
            "--hdd-bytes",
            "4M",
            "--rename",
            "1",
            "--dir",
            "1",
            "--seek",
            "1",
        ]
        stressors += ["--dir-dirs", "64", "--seek-size", "2M"]
        self.command("stress-ng", *stressors, "--temp-path", self.base, "--timeout", "20")
