# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of the bench, how one is measured, and the bars that ftpsfs has to pass.

A result is a dictionary: row, server, peer, unit ("file", "directory", "read", "bytes", "whole"),
units, bytes, and lists with one entry a run: cold, second (seconds), settled (seconds until the
server had all), counters, second_counters (what the operation added to ftpsfs's own counters),
memory (bytes). Or it has an error instead, or says in unsupported why the peer has no such thing.
"""

import contextlib
import dataclasses
import statistics

from lab import LabError, warm_memory
from peers import PeerError, Unsupported

MIB = 1 << 20
GIB = 1 << 30
RATE_LIMIT = 5_000_000
MEMORY_LIMIT = 400 * MIB
WARM_MEMORY = 512 * MIB  # before each run, and four times what it copies

FULL = {
    "small_files": 500,
    "huge": GIB,
    "large": 200 * MIB,
    "directories": 1000,
    "entries": 100_000,
    "reads": 200,
    "sample": 100,
}
QUICK = {
    "small_files": 100,
    "huge": 192 * MIB,
    "large": 48 * MIB,
    "directories": 100,
    "entries": 10_000,
    "reads": 40,
    "sample": 20,
}

READERS = ("ftpsfs", "rclone", "lftp", "curl")
SMALL_READERS = ("ftpsfs", "ftpsfs-no-prefetch", "ftpsfs-serial", "rclone", "lftp", "curl")
SEGMENT_READERS = ("ftpsfs", "rclone", "lftp", "lftp-pget", "curl")
WRITERS = ("ftpsfs", "ftpsfs-writeback", "rclone", "rclone-writes", "lftp", "curl")
# Peers that need many round trips a file get fewer files; figures are a file, so they compare.
SAMPLED = ("rclone", "rclone-writes", "curl")


def size_text(size):
    return f"{size // GIB} GiB" if size % GIB == 0 else f"{size // MIB} MiB"


@dataclasses.dataclass
class Row:
    name: str
    title: str  # {small_files} and the like stand for sizes
    rtt: int  # ms, None: loopback
    unit: str
    peers: tuple
    operation: callable  # (session, files, count, target) -> Outcome
    needs: callable = None  # (files): makes the files, before anything is mounted
    size: str = None  # which size is its bytes
    count: str = None  # which size is its number of units
    writes: bool = False
    max_rate: int = 0
    servers: tuple = None
    sampled: bool = False

    def text(self, sizes):
        words = {
            key: size_text(value) if key in ("huge", "large") else f"{value:,}"
            for key, value in sizes.items()
        }
        where = "loopback" if self.rtt is None else f"{self.rtt} ms RTT"
        return f"{self.title.format(**words)}, {where}"


def _small(session, files, count, _):
    return session.small(files.small(), count)


def _big(which):
    return lambda session, files, *_: session.big(files.big(which), files.sizes[which])


def _random(session, files, count, _):
    return session.random(files.big("huge"), files.sizes["huge"], count)


def _find(session, files, *_):
    return session.find(*files.tree())


def _entries(session, files, count, _):
    return session.entries(files.many(), count)


def _put_small(session, files, count, target):
    source = files.lab.path("source", files.small(files.lab.path("source")))
    return session.put_small(source, target, count)


def _put_big(session, files, _, target):
    source = files.lab.path("source", files.big("huge", files.lab.path("source")))
    return session.put_big(source, target)


def _copy(session, files, _, target):
    return session.copy(files.big("huge"), target)


def _small_row(rtt):
    return Row(
        name=f"small-{_where(rtt)}",
        title="cat of {small_files} files of 4 KiB",
        rtt=rtt,
        unit="file",
        peers=SMALL_READERS if rtt else READERS,
        operation=_small,
        needs=lambda files: files.small(),
        count="small_files",
        sampled=rtt is not None,
    )


def _big_row(name, which, rtt, peers, **more):
    return Row(
        name=f"{name}-{_where(rtt)}",
        title=f"reading one file of {{{which}}}" + (" at 5 MB/s a connection" if more else ""),
        rtt=rtt,
        unit="bytes",
        peers=peers,
        operation=_big(which),
        needs=lambda files: files.big(which),
        size=which,
        **more,
    )


def _put_rows(rtt):
    local = "source"
    return [
        Row(
            name=f"put-small-{_where(rtt)}",
            title="cp of {small_files} files of 4 KiB to the server",
            rtt=rtt,
            unit="file",
            peers=WRITERS,
            operation=_put_small,
            needs=lambda files: files.small(files.lab.path(local)),
            count="small_files",
            writes=True,
            sampled=rtt is not None,
        ),
        Row(
            name=f"put-huge-{_where(rtt)}",
            title="cp of {huge} to the server",
            rtt=rtt,
            unit="bytes",
            peers=WRITERS,
            operation=_put_big,
            needs=lambda files: files.big("huge", files.lab.path(local)),
            size="huge",
            writes=True,
        ),
    ]


def _where(rtt):
    return "loopback" if rtt is None else f"{rtt}ms"


ROWS = [
    _small_row(None),
    _big_row("huge", "huge", None, READERS),
    Row(
        name="list-loopback",
        title="ls -l of {entries} entries",
        rtt=None,
        unit="whole",
        peers=(*READERS, "lftp-cls"),
        operation=_entries,
        needs=lambda files: files.many(),
        count="entries",
    ),
    *_put_rows(None),
    Row(
        name="copy-loopback",
        title="cp of {huge} inside the mount",
        rtt=None,
        unit="bytes",
        peers=("ftpsfs", "rclone-writes"),
        operation=_copy,
        needs=lambda files: files.big("huge"),
        size="huge",
        writes=True,
        servers=("proftpd",),
    ),
    _small_row(20),
    _big_row("large", "large", 20, SEGMENT_READERS),
    _big_row("limited", "large", 20, SEGMENT_READERS, max_rate=RATE_LIMIT, servers=("vsftpd",)),
    Row(
        name="random-20ms",
        title="{reads} random reads of 4 KiB in {huge}",
        rtt=20,
        unit="read",
        peers=("ftpsfs", "rclone"),
        operation=_random,
        needs=lambda files: files.big("huge"),
        count="reads",
        sampled=True,
    ),
    Row(
        name="find-20ms",
        title="find over {directories} directories",
        rtt=20,
        unit="directory",
        peers=READERS,
        operation=_find,
        needs=lambda files: files.tree(),
        count="directories",
    ),
    *_put_rows(20),
    _small_row(100),
    _big_row("large", "large", 100, SEGMENT_READERS),
]


def measure(lab, files, row, server_kind, peer, limit):
    """Runs a row once for a peer on a new session: a dictionary with this run's entries. PeerError,
    Unsupported."""
    server = lab.server(server_kind, row.max_rate)
    count = files.sizes[row.count] if row.count else 0
    if row.sampled and peer.name in SAMPLED:
        count = min(count, files.sizes["sample"])
    run = {}
    with files.target() if row.writes else contextlib.nullcontext() as target:
        with peer.session(lab, server, limit) as session:
            warm_memory(WARM_MEMORY + 4 * (files.sizes[row.size] if row.size else 0))
            outcome, run["counters"] = _counted(session, row, files, count, target)
            run["cold"] = outcome.seconds
            run["units"] = outcome.units
            if outcome.settled is not None:
                run["settled"] = outcome.settled
            # A tool keeps nothing from one process to the next.
            if hasattr(session, "mountpoint") and not row.writes:
                outcome, run["second_counters"] = _counted(session, row, files, count, target)
                run["second"] = outcome.seconds
            run["memory"] = session.memory()
    return run


def _counted(session, row, files, count, target):
    before = session.counters()
    outcome = row.operation(session, files, count, target)
    after = session.counters()
    return outcome, {name: after[name] - before.get(name, 0) for name in after}


def collect(lab, files, row, server_kind, peer, limit, result):
    """measure() into result, where its error goes, too."""
    try:
        run = measure(lab, files, row, server_kind, peer, limit)
    except Unsupported as error:
        result["unsupported"] = str(error)
        return
    except (PeerError, LabError, OSError, ValueError, KeyError) as error:
        result["error"] = str(error)
        return
    result["units"] = run.pop("units")
    for name, value in run.items():
        if value not in ({}, None):
            result.setdefault(name, []).append(value)


def new_result(row, server_kind, peer, sizes):
    return {
        "row": row.name,
        "title": row.text(sizes),
        "server": server_kind,
        "peer": peer,
        "unit": row.unit,
        "rtt_ms": row.rtt,
        "bytes": sizes[row.size] if row.size else 0,
        "units": 0,
    }


def median(result, name="cold"):
    """Median over the runs in seconds, or None."""
    return statistics.median(result[name]) if result and result.get(name) else None


def per_unit(result, name="cold"):
    """Seconds a file, directory or read; of the whole where units don't count."""
    seconds = median(result, name)
    return seconds / max(result["units"], 1) if seconds is not None else None


def counter(result, name, which="counters"):
    """One of ftpsfs's counters, median over the runs, or None."""
    runs = (result or {}).get(which)
    return statistics.median(run[name] for run in runs) if runs and name in runs[0] else None
