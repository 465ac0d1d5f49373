# SPDX-License-Identifier: GPL-2.0-or-later
"""How a file's content is asked for: what reading costs in commands and connections."""

import os
import threading

from harness import connections_to, eventually, pattern, sha256

MIB = 1 << 20


def read_range(path, start, length, step=131072):
    fd = os.open(path, os.O_RDONLY)
    try:
        return b"".join(
            os.pread(fd, min(step, start + length - at), at)
            for at in range(start, start + length, step)
        )
    finally:
        os.close(fd)


def settled_stats(mounted):
    """The counters once streams that were closed have let go."""
    last = {}

    def steady():
        before, now = last.get("stats"), mounted.stats()
        last["stats"] = now
        return now if before == now else None

    return eventually(steady, what="steady counters")


def test_sequential_reading_is_one_transfer(site, mount):
    data = pattern(24 * MIB)
    site.put("big", data)
    mounted = mount(connections=1)
    assert read_range(mounted.at("big"), 0, len(data)) == data
    stats = settled_stats(mounted)
    assert stats["retrieves"] == 1
    assert len(data) <= stats["bytes_in"] < len(data) + 65536  # and a listing


def test_reading_again_costs_no_command(site, mount):
    data = pattern(6 * MIB)
    site.put("big", data)
    mounted = mount(dir_cache_timeout=600)
    path = mounted.at("big")
    assert read_range(path, 0, len(data)) == data
    before = settled_stats(mounted)
    assert read_range(path, 0, len(data)) == data
    # Nor when the kernel has dropped its pages.
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
    assert read_range(path, 0, len(data)) == data
    after = settled_stats(mounted)
    assert after["commands"] == before["commands"]
    assert after["retrieves"] == before["retrieves"]


def test_a_seek_fetches_little(site, mount):
    data = pattern(64 * MIB)
    site.put("big", data)
    mounted = mount()
    fd = os.open(mounted.at("big"), os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    for at in (40 * MIB + 5, 3 * MIB, 63 * MIB + 77, 20 * MIB):
        assert os.pread(fd, 4096, at) == data[at : at + 4096]
    os.close(fd)
    stats = settled_stats(mounted)
    assert stats["retrieves"] == 4
    assert stats["bytes_in"] < 8 * MIB


def test_lone_small_reads_cost_a_transfer_of_a_block_each(site, mount):
    data = pattern(64 * MIB)
    site.put("big", data)
    mounted = mount(dir_cache_timeout=600)
    fd = os.open(mounted.at("big"), os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    before = settled_stats(mounted)
    places = [(at * 7 % 16 + 1) * 4 * MIB - 8192 * (at + 1) for at in range(12)]
    for at in places:
        assert os.pread(fd, 4096, at) == data[at : at + 4096]
    after = settled_stats(mounted)
    os.close(fd)
    used = {name: after[name] - before[name] for name in ("retrieves", "bytes_in")}
    assert used["retrieves"] == len(places)
    assert used["bytes_in"] == 8192 * len(places)


def test_two_readers_of_a_file_keep_a_stream_each(site, mount):
    data = pattern(32 * MIB)
    site.put("big", data)
    # So little read ahead that it is not tried whether more connections are faster, which hangs on
    # the machine's load.
    mounted = mount(readahead="1M")
    path = mounted.at("big")
    first, second = os.open(path, os.O_RDONLY), os.open(path, os.O_RDONLY)
    for at in range(0, 8 * MIB, 65536):
        for fd, start in ((first, at), (second, 16 * MIB + at)):
            assert os.pread(fd, 65536, start) == data[start : start + 65536]
    os.close(first)
    os.close(second)
    # The second one is known to be sequential from its second chunk on only.
    assert settled_stats(mounted)["retrieves"] <= 4


def test_threads_read_in_any_order(site, mount):
    data = pattern(16 * MIB)
    site.put("big", data)
    mounted = mount()
    wrong = []

    def read(first):
        fd = os.open(mounted.at("big"), os.O_RDONLY)
        for at in range(first * 65536, len(data), 4 * 65536):
            if os.pread(fd, 65536, at) != data[at : at + 65536]:
                wrong.append(at)
        os.close(fd)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_file_closed_early_is_not_fetched_whole(site, mount):
    site.put("big", pattern(64 * MIB))
    mounted = mount(readahead="2M")
    assert len(read_range(mounted.at("big"), 0, MIB)) == MIB
    assert settled_stats(mounted)["bytes_in"] < 16 * MIB


def read_slowly(servers, mount, kind):
    """Counters after the sequential read of a file from a server that limits each connection."""
    server = servers.make(kind, max_rate=2_000_000)
    path = os.path.join(server.root, "big")
    with open(path, "wb") as file:
        file.write(pattern(24 * MIB))
    server.adopt(path)
    mounted = mount(server)
    assert sha256(mounted.at("big")) == sha256(path)
    return settled_stats(mounted)


def test_slow_connections_are_joined_by_others(servers, mount):
    stats = read_slowly(servers, mount, "vsftpd")
    assert stats["sessions_opened"] > 2
    # Parts are fetched once, but for what is on its way when a transfer is cut short.
    assert stats["bytes_in"] < 30 * MIB


def test_segments_leave_the_control_connections_in_order(servers, mount):
    # With ranges (RANG) no transfer is cut short but the one that began before the others.
    stats = read_slowly(servers, mount, "proftpd")
    assert 2 < stats["sessions_opened"] <= 9
    assert stats["bytes_in"] < 30 * MIB


def test_reads_that_are_cut_short_leave_their_connection_usable(site, mount):
    site.put("big", pattern(32 * MIB))
    mounted = mount(connections=1, cache_size="8M")
    for i in range(12):
        start = (i % 2) * 16 * MIB + i * MIB
        assert len(read_range(mounted.at("big"), start, 300_000)) == 300_000
    stats = settled_stats(mounted)
    assert stats["retrieves"] >= 8
    # Each of the others was cut off in the middle.
    assert stats["bytes_in"] > stats["retrieves"] * 300_000
    if site.server.survives_aborts:
        assert stats["sessions_opened"] <= 2


def test_seven_readers_share_three_connections(servers, server_kind, mount):
    # So slow that all seven are at it at once.
    server = servers.make(server_kind, max_rate=4 * MIB)
    contents = [pattern(4 * MIB, seed) for seed in range(7)]
    for i, data in enumerate(contents):
        with open(server.path(f"file-{i}"), "wb") as file:
            file.write(data)
        server.adopt(server.path(f"file-{i}"))
    mounted = mount(server, connections=3)
    together = threading.Barrier(len(contents))
    got = [None] * len(contents)

    def read(i):
        together.wait()
        got[i] = read_range(mounted.at(f"file-{i}"), 0, len(contents[i]))

    threads = [threading.Thread(target=read, args=(i,)) for i in range(len(contents))]
    for thread in threads:
        thread.start()
    seen = set()
    while any(thread.is_alive() for thread in threads):
        seen.add(connections_to(server, mounted.pid))
    for thread in threads:
        thread.join()
    assert got == contents
    assert max(seen) == 3
    stats = settled_stats(mounted)
    assert stats["sessions_opened"] <= 3 + stats["sessions_lost"]
