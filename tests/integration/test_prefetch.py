# SPDX-License-Identifier: GPL-2.0-or-later
"""What is fetched ahead, by the commands that go over the wire: each file and each directory once,
nothing else, and little that is not used."""

import collections
import os
import time
import random
import re
import subprocess

import pytest
from scripted_faults import Reply
from scripted_mount import OPTIONS

from harness import Site, eventually

pytest_plugins = ["scripted_fixtures"]

FILES = 500
SIZE = 4096


def content(number):
    return b"%06d " % number * (SIZE // 7 + 1)


def put_files(site, count=FILES, directory=""):
    for number in range(count):
        site.put(os.path.join(directory, f"file-{number:04d}"), content(number)[:SIZE])


def verbs(mounted, since=0):
    """How often each command was sent since the log had that length. Needs the mount's -d."""
    return collections.Counter(re.findall(r"ftpsfs: > (\w+)", mounted.log()[since:]))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def await_quiet(mounted, key):
    """Waits until the counter stands still: what is on its way has come."""
    before = [-1]

    def still():
        value = mounted.stats()[key]
        same = value == before[0]
        before[0] = value
        return same

    eventually(still, what=f"the end of changes of {key}")


def final_stats(mounted):
    mounted.unmount()
    return mounted._read_stats()


LOGIN = {"FEAT", "CLNT", "LANG", "OPTS", "SITE"}
LOGIN |= {"USER", "PASS", "PBSZ", "PROT", "TYPE", "PWD", "CWD"}


@pytest.mark.parametrize("connections", [1, 8])
def test_500_small_files_cost_a_transfer_each_and_nothing_else(site, mount, connections):
    put_files(site)
    mounted = mount(
        words=("-d",), connections=connections, dir_cache_timeout=300, no_exact_times=True
    )
    names = sorted(os.listdir(mounted.path))
    since = len(mounted.log())
    for number, name in enumerate(names):
        assert read(mounted.at(name)) == content(number)[:SIZE]
    sent = verbs(mounted, since)
    assert sent["RETR"] == FILES
    # One port each; some sessions have one prepared before, and each one after.
    assert FILES - connections <= sent["EPSV"] <= FILES + connections
    assert set(sent) - LOGIN <= {"RETR", "EPSV"}, sent
    counters = final_stats(mounted)
    assert counters["retrieves"] == FILES
    assert counters["prefetch_wasted_bytes"] == 0
    if connections == 1:
        assert counters["prefetched_bytes"] == 0
    else:
        assert counters["prefetched_bytes"] >= (FILES - 10) * SIZE


def test_the_listing_of_a_directory_is_the_only_other_cost(site, mount):
    put_files(site, 50)
    mounted = mount(words=("-d",), connections=1, no_exact_times=True)
    os.stat(mounted.path)
    since = len(mounted.log())
    subprocess.run(f"cat {mounted.path}/* > /dev/null", shell=True, check=True, timeout=60)
    sent = verbs(mounted, since)
    assert sent["RETR"] == 50
    # MDTM: of three files, once, to learn the zone of the times that LIST tells.
    assert set(sent) <= {"RETR", "EPSV", "MLSD", "LIST", "MDTM"} and sent["MDTM"] <= 3, sent
    # The root of a server may take another one, to find out that "LIST -a" is refused.
    assert 1 <= sent["MLSD"] + sent["LIST"] <= 2


def test_a_second_pass_costs_nothing(site, mount):
    put_files(site, 100)
    mounted = mount(words=("-d",))
    for _ in range(2):
        since = len(mounted.log())
        for name in sorted(os.listdir(mounted.path)):
            read(mounted.at(name))
    assert not set(verbs(mounted, since)) - LOGIN - {"EPSV"}


def test_a_server_of_two_sessions_is_copied_from_with_them(servers, server_kind, mount, tmp_path):
    """What is fetched ahead is told by a refusal how many connections there are."""
    site = Site(servers.make(server_kind, max_clients=2), "few")
    site.mkdir("directory")
    put_files(site, 50, "directory")
    mounted = mount(site.server, site.directory, connections=8, dir_cache_timeout=300)
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", mounted.at("directory"), copy], check=True, timeout=60)
    assert sorted(os.listdir(copy)) == [f"file-{number:04d}" for number in range(50)]
    for number in range(50):
        assert read(copy / f"file-{number:04d}") == content(number)[:SIZE]
    counters = final_stats(mounted)
    assert counters["sessions_opened"] - counters["sessions_lost"] <= 2, counters
    assert counters["sessions_opened"] <= 3, counters
    # Each file once, but for what had begun ahead when its reader took it over.
    assert 50 <= counters["retrieves"] <= 60, counters
    assert counters["prefetched_bytes"] >= 25 * SIZE, counters
    # It is told once, and rightly, though several connects were under way at once. pyftpdlib counts
    # data connections too.
    told = re.findall(r"the server takes (\d+) connections at a time", mounted.log())
    assert told in (["2"], ["1"]) if server_kind == "pyftpdlib" else told == ["2"]


@pytest.mark.parametrize("options", [{"no_prefetch": True}, {"connections": 1}])
def test_without_prefetch_nothing_is_fetched_ahead(site, mount, options):
    put_files(site, 30)
    site.mkdir("below")
    for number in range(5):
        site.mkdir(f"below/{number}")
    mounted = mount(**options)
    for name in sorted(os.listdir(mounted.path)):
        if name.startswith("file"):
            read(mounted.at(name))
    list(os.walk(mounted.path))
    counters = final_stats(mounted)
    assert counters["prefetched_bytes"] == 0
    assert counters["lists_prefetched"] == 0


def test_reading_in_no_order_fetches_little_ahead(site, mount):
    put_files(site, 200)
    mounted = mount()
    names = os.listdir(mounted.path)
    random.Random(4).shuffle(names)
    for name in names[:100]:
        read(mounted.at(name))
    counters = final_stats(mounted)
    assert counters["prefetch_wasted_bytes"] <= 40 * SIZE


def test_what_is_not_used_is_bounded_and_counted(site, mount):
    put_files(site, 100)
    mounted = mount()
    for name in sorted(os.listdir(mounted.path))[:4]:
        read(mounted.at(name))
    await_quiet(mounted, "prefetched_bytes")
    counters = final_stats(mounted)
    used = counters["prefetched_bytes"] - counters["prefetch_wasted_bytes"]
    assert used == 2 * SIZE
    assert counters["prefetch_wasted_bytes"] <= 16 * SIZE


def test_a_file_written_after_it_was_fetched_ahead_shows_the_new_content(site, mount):
    put_files(site, 10)
    mounted = mount()
    names = sorted(os.listdir(mounted.path))
    for name in names[:2]:
        read(mounted.at(name))
    eventually(lambda: mounted.stats()["prefetched_bytes"] >= 2 * SIZE, what="the prefetch")
    await_quiet(mounted, "prefetched_bytes")
    new = b"n" * SIZE
    with open(mounted.at(names[2]), "wb") as file:
        file.write(new)
    os.unlink(mounted.at(names[3]))
    assert read(mounted.at(names[2])) == new
    assert site.get(names[2]) == new
    with pytest.raises(FileNotFoundError):
        read(mounted.at(names[3]))


def test_a_file_changed_behind_the_mount_after_it_was_fetched_ahead(site, mount):
    put_files(site, 10)
    mounted = mount(dir_cache_timeout=1)
    names = sorted(os.listdir(mounted.path))
    for name in names[:2]:
        read(mounted.at(name))
    eventually(lambda: mounted.stats()["prefetched_bytes"] >= 2 * SIZE, what="the prefetch")
    await_quiet(mounted, "prefetched_bytes")
    new = b"a longer text " * 500
    site.put(names[2], new)
    eventually(lambda: read(mounted.at(names[2])) == new, what="the new content")


def test_many_programs_at_once_read_what_is_there(site, mount):
    put_files(site, 120)
    mounted = mount()
    script = f"cd {mounted.path} && cat * | cksum"
    programs = [
        subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    sums = {program.communicate(timeout=60)[0] for program in programs}
    whole = b"".join(content(number)[:SIZE] for number in range(120))
    expected = subprocess.run(["cksum"], input=whole, capture_output=True, check=True).stdout
    assert sums == {expected.decode()}
    assert mounted.stats()["retrieves"] <= 140


def make_tree(site, outer, inner):
    for i in range(outer):
        site.mkdir(f"d{i:02d}")
        site.put(f"d{i:02d}/file", b"x")
        for k in range(inner):
            site.mkdir(f"d{i:02d}/e{k:02d}")
    return outer * (inner + 1) + 1


@pytest.mark.parametrize("walk", ["find", "ls -R", "du -a"])
def test_a_walk_lists_each_directory_once_and_again_at_no_cost(site, mount, walk):
    directories = make_tree(site, 8, 12)
    mounted = mount(words=("-d",))
    before = mounted.stats()
    command = f"{walk} {mounted.path}"
    first = subprocess.run(command, shell=True, check=True, capture_output=True, timeout=60)
    after = mounted.stats()
    # Of the root one more may be made, to find out that "LIST -a" is refused.
    assert directories <= after["lists"] - before["lists"] <= directories + 1
    assert after["lists_prefetched"] >= directories // 2
    since = len(mounted.log())
    second = subprocess.run(command, shell=True, check=True, capture_output=True, timeout=60)
    assert second.stdout == first.stdout
    assert not set(verbs(mounted, since)) - LOGIN - {"EPSV"}
    assert final_stats(mounted)["lists_wasted"] <= 2


def test_a_look_into_one_directory_lists_no_others(site, mount):
    make_tree(site, 8, 3)
    mounted = mount()
    os.listdir(mounted.path)
    assert final_stats(mounted)["lists_prefetched"] == 0


def test_with_a_prepared_connection_a_small_read_waits_for_two_round_trips(site, mount):
    site.put("one", b"1")
    site.put("two", b"2")
    mounted = mount(words=("-d",), connections=1, no_exact_times=True)
    # The first use of a directory prepares a connection.
    os.listdir(mounted.path)
    eventually(lambda: mounted.log().rstrip().count("< 229") == verbs(mounted)["EPSV"])
    for name, data in (("one", b"1"), ("two", b"2")):
        before = mounted.stats()
        assert read(mounted.at(name)) == data
        eventually(
            lambda: mounted.log().count("< 226") == verbs(mounted)["RETR"] + listings(mounted)
        )
        eventually(lambda: mounted.log().count("< 229") == verbs(mounted)["EPSV"])
        after = mounted.stats()
        assert after["prepared_used"] == before["prepared_used"] + 1
        # The third wait is that for the 226, which the reader has not to wait for.
        assert after["round_trips"] - before["round_trips"] <= 3


def test_a_serial_reader_without_prefetch_finds_prepared_connections(site, mount):
    """The pool has grown in the background to as many sessions as it takes."""
    for number in range(60):
        site.put(f"f{number:02}", b"x" * 4096)
    mounted = mount(no_prefetch=True, dir_cache_timeout=600)
    for name in sorted(os.listdir(mounted.path))[:40]:
        read(mounted.at(name))
    eventually(lambda: mounted.stats()["sessions_opened"] > 1)
    before = mounted.stats()
    for name in sorted(os.listdir(mounted.path))[40:]:
        read(mounted.at(name))
        # What a line with a round-trip time gives the others to get ready in.
        time.sleep(0.02)
    after = mounted.stats()
    assert after["retrieves"] - before["retrieves"] == 20
    assert after["prepared_used"] - before["prepared_used"] >= 18
    assert after["sessions_opened"] <= 8


def listings(mounted):
    sent = verbs(mounted)
    return sent["LIST"] + sent["MLSD"]


def mount_with_a_prepared_connection(server, mount):
    """A mount of one control connection, for which a data connection lies ready."""
    server.tree.put("/one", b"content")
    mounted = mount(server, words=("-d",), **{**OPTIONS, "connections": 1, "dir_cache_timeout": 60})
    assert os.listdir(mounted.path) == ["one"]
    eventually(lambda: mounted.log().count("< 229") == verbs(mounted)["EPSV"])
    return mounted


@pytest.mark.parametrize(
    "text", ["425 Can't open data connection.", "426 Timeout.", "421 Closing down."]
)
def test_a_prepared_connection_that_is_refused_is_replaced_unseen(server, mount, text):
    mounted = mount_with_a_prepared_connection(server, mount)
    fault = server.fault("RETR", Reply(text, close=text.startswith("421")), times=1)
    assert read(mounted.at("one")) == b"content"
    assert fault.hits == 1
    if not text.startswith("421"):
        # On the same control connection.
        assert mounted.stats()["sessions_opened"] == 1
        assert mounted.stats()["retries"] == 0


def test_a_prepared_connection_that_the_server_gave_up_is_replaced_unseen(server, mount):
    mounted = mount_with_a_prepared_connection(server, mount)
    with server.lock:
        for session in server.sessions.values():
            session.listener.close()
            session.listener = None
    assert read(mounted.at("one")) == b"content"
    counters = mounted.stats()
    assert counters["sessions_opened"] == 1
    assert counters["retrieves"] <= 2
