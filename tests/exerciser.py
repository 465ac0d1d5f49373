#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random operations on one file in a directory, each compared with a model in memory.

The file is read, written, appended to, truncated, mapped, renamed, unlinked while open, replaced,
by one or two handles. After each fsync, and whenever no handle is open, what the server has is
compared too when --behind tells where it keeps the directory; with --writeback after fsync alone, as
files may be closed before they are there. The seed is printed: the same seed
makes the same operations.
"""

import argparse
import mmap
import os
import random
import sys


class Mismatch(Exception):
    """What was read is not what was written."""


def describe(got, wanted):
    if len(got) != len(wanted):
        return f"{len(got)} bytes where there should be {len(wanted)}"
    at = next(i for i, (a, b) in enumerate(zip(got, wanted)) if a != b)
    bad = sum(a != b for a, b in zip(got, wanted))
    return f"{bad} of {len(got)} bytes differ, the first at {at}: {got[at]:#x}, not {wanted[at]:#x}"


class Exerciser:
    """directory: in the mount. behind: the same directory as the server has it, or None.
    writeback: what is closed need not be there at once."""

    def __init__(
        self, directory, behind=None, seed=None, max_size=400_000, log=None, writeback=False
    ):
        self.seed = random.randrange(1 << 32) if seed is None else seed
        self.random = random.Random(self.seed)
        self.directory, self.behind = directory, behind
        self.max_size, self.log = max_size, log
        self.writeback = writeback
        self.model = bytearray()
        self.name = None  # None: unlinked, or never made
        self.handles = []
        self.number = 0
        self.done = 0
        self.history = []
        self.operations = [
            (12, self.read),
            (14, self.write),
            (6, self.write_on),
            (4, self.append),
            (4, self.truncate_down),
            (3, self.truncate_up),
            (1, self.truncate_to_nothing),
            (5, self.map_read),
            (5, self.map_write),
            (3, self.fsync),
            (4, self.drop_caches),
            (4, self.open_another),
            (5, self.close_one),
            (2, self.close_all),
            (2, self.open_truncating),
            (3, self.rename),
            (1, self.replace),
            (1, self.unlink),
            (2, self.check_size),
        ]

    def run(self, count):
        weights = [weight for weight, _ in self.operations]
        functions = [function for _, function in self.operations]
        try:
            while self.done < count:
                self.done += 1
                self.random.choices(functions, weights)[0]()
            self.close_all()
            self.check_all()
        except Exception as error:
            last = "\n".join(self.history[-40:])
            raise type(error)(
                f"seed {self.seed}, operation {self.done}: {error}\n{last}"
            ) from error
        finally:
            for handle in self.handles:
                os.close(handle)
            self.handles = []

    # ---- helpers ----

    def note(self, text):
        self.history.append(f"{self.done}: {text}")
        del self.history[:-60]
        if self.log:
            print(self.history[-1], file=self.log, flush=True)

    def path(self, name=None):
        return os.path.join(self.directory, name or self.name)

    def compare(self, got, wanted, what):
        if bytes(got) != bytes(wanted):
            raise Mismatch(f"{what}: {describe(bytes(got), bytes(wanted))}")

    def handle(self):
        if not self.handles:
            self.open()
        return self.random.choice(self.handles)

    def open(self, flags=os.O_RDWR):
        """Opens the file, made anew if there is none."""
        if self.name is None:
            self.number += 1
            self.name = f"file-{self.number}"
            self.model = bytearray()
            flags |= os.O_CREAT | self.random.choice([0, os.O_EXCL])
        self.note(f"open {self.name} {flags:#o}")
        self.handles.append(os.open(self.path(), flags))

    def offset(self):
        return self.random.randrange(len(self.model) + 1)

    def length(self):
        return min(
            self.random.choice([1, 7, 100, 4095, 4096, 10_000, 70_000, 140_000]), self.max_size
        )

    def data(self, length):
        return self.random.randbytes(length)

    def place(self, data, offset):
        if offset > len(self.model):
            self.model.extend(bytes(offset - len(self.model)))
        self.model[offset : offset + len(data)] = data

    def check_behind(self, what):
        if self.behind is None or self.name is None:
            return
        with open(os.path.join(self.behind, self.name), "rb") as file:
            self.compare(file.read(), self.model, f"on the server after {what}")

    def check_all(self):
        if self.name is None:
            return
        with open(self.path(), "rb") as file:
            self.compare(file.read(), self.model, "the whole file")
        if not self.writeback:
            self.check_behind("close")

    # ---- operations ----

    def read(self):
        handle, offset, length = self.handle(), self.offset(), self.length()
        self.note(f"read {length} at {offset}")
        got = os.pread(handle, length, offset)
        self.compare(got, self.model[offset : offset + length], f"read {length} at {offset}")

    def write(self):
        handle, offset = self.handle(), self.offset()
        if self.random.random() < 0.15:
            offset += self.random.choice([1, 5000, 100_000])
        offset = min(offset, self.max_size)
        data = self.data(self.length())
        self.note(f"write {len(data)} at {offset}")
        if os.pwrite(handle, data, offset) != len(data):
            raise Mismatch("a short write")
        self.place(data, offset)

    def write_on(self):
        """In sequence from the end, as cp does."""
        handle = self.handle()
        for _ in range(self.random.randrange(1, 6)):
            if len(self.model) >= self.max_size:
                return
            data, offset = self.data(self.length()), len(self.model)
            self.note(f"write on {len(data)} at {offset}")
            os.pwrite(handle, data, offset)
            self.place(data, offset)

    def append(self):
        if self.name is None or len(self.model) >= self.max_size:
            return
        handle = os.open(self.path(), os.O_WRONLY | os.O_APPEND)
        data = self.data(self.length())
        self.note(f"append {len(data)}")
        try:
            os.write(handle, data)
            self.place(data, len(self.model))
        finally:
            os.close(handle)
        if not self.writeback:
            self.check_behind("closing the appending handle")

    def truncate(self, size):
        if self.handles and self.random.random() < 0.7 or self.name is None:
            self.note(f"ftruncate {size}")
            os.ftruncate(self.handle(), size)
        else:
            self.note(f"truncate {size}")
            os.truncate(self.path(), size)
        if size < len(self.model):
            del self.model[size:]
        else:
            self.model.extend(bytes(size - len(self.model)))

    def truncate_down(self):
        self.handle()
        self.truncate(self.offset())

    def truncate_up(self):
        self.handle()
        self.truncate(min(len(self.model) + self.length(), self.max_size))

    def truncate_to_nothing(self):
        self.handle()
        self.truncate(0)

    def map_range(self):
        start = self.offset() // mmap.PAGESIZE * mmap.PAGESIZE
        return start, min(self.length(), len(self.model) - start)

    def map_read(self):
        handle = self.handle()
        start, length = self.map_range()
        if length <= 0:
            return
        self.note(f"map and read {length} at {start}")
        with mmap.mmap(handle, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=start) as area:
            self.compare(area[:], self.model[start : start + length], f"mapped at {start}")

    def map_write(self):
        handle = self.handle()
        start, length = self.map_range()
        if length <= 0:
            return
        sync = self.random.random() < 0.3
        self.note(f"map and write {length} at {start}{', msync' if sync else ''}")
        with mmap.mmap(handle, length, mmap.MAP_SHARED, offset=start) as area:
            first = self.random.randrange(length)
            data = self.data(self.random.randrange(1, length - first + 1))
            area[first : first + len(data)] = data
            self.place(data, start + first)
            if sync:
                area.flush()
        if sync:
            self.check_behind("msync")

    def fsync(self):
        if not self.handles:
            return
        self.note("fsync")
        os.fsync(self.random.choice(self.handles))
        self.check_behind("fsync")

    def drop_caches(self):
        self.note("drop caches")
        os.posix_fadvise(self.handle(), 0, 0, os.POSIX_FADV_DONTNEED)

    def open_another(self):
        if len(self.handles) < 3 and (self.name is not None or not self.handles):
            self.open()

    def open_truncating(self):
        if self.name is None:
            return
        self.open(os.O_RDWR | os.O_TRUNC)
        self.model = bytearray()

    def close_one(self):
        if not self.handles:
            return
        self.note("close")
        os.close(self.handles.pop(self.random.randrange(len(self.handles))))
        if not self.handles:
            self.check_all()

    def close_all(self):
        while self.handles:
            self.note("close")
            os.close(self.handles.pop())
        self.check_all()

    def rename(self):
        if self.name is None:
            return
        self.number += 1
        name = f"file-{self.number}"
        self.note(f"rename {self.name} {name}")
        os.rename(self.path(), self.path(name))
        self.name = name

    def replace(self):
        """Another file is renamed over this one: handles keep the old content."""
        if self.name is None:
            return
        data = self.data(self.length())
        self.note(f"replace by {len(data)} bytes, {len(self.handles)} open")
        with open(self.path("new"), "wb") as file:
            file.write(data)
        os.rename(self.path("new"), self.path())
        for handle in self.handles:
            self.compare(os.pread(handle, 1 << 22, 0), self.model, "a replaced file that is open")
            os.close(handle)
        self.handles = []
        self.model = bytearray(data)
        self.check_all()

    def unlink(self):
        if self.name is None:
            return
        self.note(f"unlink {self.name}, {len(self.handles)} open")
        os.unlink(self.path())
        self.name = None
        if not self.handles:
            return
        for _ in range(self.random.randrange(5)):
            self.random.choice(
                [self.read, self.write, self.map_write, self.truncate_down, self.fsync]
            )()
        for handle in self.handles:
            self.compare(os.pread(handle, 1 << 22, 0), self.model, "an unlinked file that is open")
            os.close(handle)
        self.handles = []

    def check_size(self):
        if self.name is None:
            return
        size = os.stat(self.path()).st_size
        self.note(f"stat: {size}")
        if size != len(self.model):
            raise Mismatch(f"stat shows {size} bytes of {len(self.model)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", help="an empty directory in the mount")
    parser.add_argument("--behind", help="the same directory as the server has it")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--max-size", type=int, default=400_000)
    parser.add_argument("--writeback", action="store_true", help="the mount has -o writeback")
    parser.add_argument("--verbose", action="store_true")
    words = parser.parse_args()
    exerciser = Exerciser(
        words.directory,
        words.behind,
        words.seed,
        words.max_size,
        sys.stderr if words.verbose else None,
        words.writeback,
    )
    print(f"seed {exerciser.seed}", flush=True)
    exerciser.run(words.operations)
    print(f"{exerciser.done} operations, no mismatch")


if __name__ == "__main__":
    main()
