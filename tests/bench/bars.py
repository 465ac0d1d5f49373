# SPDX-License-Identifier: GPL-2.0-or-later
"""The bars that ftpsfs has to pass, as checks on the results of one run. They are printed, never
asserted: times depend on the machine, so only ratios of one run are told as passed or failed."""

import rows

MIB = rows.MIB


class Results:
    """Look-up of results by row, server and peer."""

    def __init__(self, results):
        self._by_key = {(r["row"], r["server"], r["peer"]): r for r in results}
        self.servers = sorted({r["server"] for r in results})

    def get(self, row, server, peer):
        return self._by_key.get((row, server, peer))

    def value(self, row, server, peer="ftpsfs", name="cold"):
        return rows.per_unit(self.get(row, server, peer), name)


def _check(name, server, value, limit, at_least=False, unit=""):
    """value: None when it could not be measured, which is no pass."""
    passed = value is not None and (value >= limit if at_least else value <= limit)
    sign = ">=" if at_least else "<="
    return {
        "name": name,
        "server": server,
        "value": value,
        "bar": f"{sign} {limit:g}{unit}",
        "passed": passed,
    }


def _ratio(above, below):
    return above / below if above is not None and below is not None and below > 0 else None


def _scaled(value, factor):
    return value * factor if value is not None else None


def _speed_checks(results, server):
    """How many times as fast as a peer."""
    bars = (
        ("huge-loopback", "curl", 0.9),
        ("huge-loopback", "rclone", 3),
        ("large-20ms", "curl", 1),
        ("limited-20ms", "curl", 4),
        ("large-100ms", "curl", 1.5),
        ("put-huge-loopback", "curl", 0.9),
        ("put-huge-20ms", "curl", 0.9),
    )
    for row, peer, bar in bars:
        if not results.get(row, server, "ftpsfs"):
            continue
        other = results.get(row, server, peer)
        # Where the peer cannot do it at all there is nothing to compare with.
        if other is None or not other.get("cold"):
            continue
        ratio = _ratio(rows.median(other), results.value(row, server))
        yield _check(f"{row}: speed, times {peer}", server, ratio, bar, at_least=True, unit=" x")


def _latency_checks(results, server):
    """Milliseconds or round-trip times a unit."""
    bars = (
        ("small-loopback", "ftpsfs", "cold", 1, 3, "ms a file"),
        ("small-20ms", "ftpsfs", "cold", 1, 12, "ms a file"),
        ("small-20ms", "ftpsfs-no-prefetch", "cold", 1, 50, "ms a file"),
        ("small-20ms", "ftpsfs-serial", "cold", 1, 50, "ms a file"),
        ("find-20ms", "ftpsfs", "cold", 20, 1, "RTT a directory"),
        ("random-20ms", "ftpsfs", "cold", 20, 3.5, "RTT a read"),
        ("put-small-20ms", "ftpsfs", "cold", 20, 3.2, "RTT a file"),
        ("put-small-20ms", "ftpsfs-writeback", "settled", 20, 0.6, "RTT a file"),
    )
    for row, peer, name, divisor, bar, unit in bars:
        if results.get(row, server, peer):
            value = _scaled(results.value(row, server, peer, name), 1e3 / divisor)
            yield _check(f"{row}: {peer}, {unit}", server, value, bar)


def _other_checks(results, server):
    find = results.get("find-20ms", server, "ftpsfs")
    if find:
        commands = rows.counter(find, "commands", "second_counters")
        yield _check("find-20ms: commands in the second pass", server, commands, 0)
    listing = results.get("list-loopback", server, "ftpsfs")
    lftp = results.get("list-loopback", server, "lftp-cls")
    if listing and lftp and lftp.get("cold"):
        ratio = _ratio(rows.median(listing), rows.median(lftp))
        yield _check("list-loopback: time, times lftp's cls -l", server, ratio, 1.5, unit=" x")
    copy = results.get("copy-loopback", server, "ftpsfs")
    if copy:
        moved = [rows.counter(copy, name) for name in ("bytes_in", "bytes_out")]
        value = None if None in moved else sum(moved) / MIB
        yield _check("copy-loopback: MiB across the line", server, value, 1)


def _memory_check(results, server, everything):
    """The most that any ftpsfs daemon had resident in any row."""
    most = [
        max(result["memory"])
        for result in everything
        if result["server"] == server
        and result["peer"].startswith("ftpsfs")
        and result.get("memory")
    ]
    if most:
        yield _check(
            "memory: resident at most, MiB", server, max(most) / MIB, rows.MEMORY_LIMIT / MIB
        )


def check(everything):
    """All checks that the results allow: dictionaries with name, server, value, bar, passed."""
    results = Results(everything)
    checks = []
    for server in results.servers:
        checks += _speed_checks(results, server)
        checks += _latency_checks(results, server)
        checks += _other_checks(results, server)
        checks += _memory_check(results, server, everything)
    return checks
