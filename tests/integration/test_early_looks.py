# SPDX-License-Identifier: GPL-2.0-or-later
"""Behind an upload the server is asked for the file before it has confirmed it, which saves a round trip
where it takes one command after the other. Where it does not, no file is lost by that, and close()
says nothing that the server did not."""

import errno
import os
import re
import time

import pytest
from harness import Cost, eventually, pattern
from scripted_early import EarlyServer
from scripted_faults import Data
from scripted_mount import OPTIONS, at, write

pytest_plugins = ["scripted_fixtures"]

SIZE = 5000
FILES = 6
MIB = 1 << 20

# What the server does of a question during the upload, and the stores that FILES files then take.
LOOKS = {
    "answer first": FILES,
    "tell nothing first": FILES,
    "refuse first": FILES,
    "misread first": FILES,
    "refuse afterwards": FILES,
    "abort and answer": FILES + 1,
    "answer and abort": FILES + 1,
    "say 421": FILES + 1,
    "hang up": FILES + 1,
    "not listen": FILES,
}
# Each of these ends the upload itself; what has worked before is not given up for a lost connection.
LOST = ["say 421", "hang up"]


@pytest.fixture(params=[True, False], ids=["MLST", "SIZE"])
def early_server(scripted, request):
    return lambda **options: scripted(kind=EarlyServer, mlst=request.param, **options)


def mounted_of(server, mount, **options):
    options = {
        **OPTIONS,
        "dir_cache_timeout": 600,
        "connections": 1,
        "no_prefetch": True,
        **options,
    }
    return mount(server, words=("-d",), **options)


def learnt(mounted):
    return (re.findall(r"MLST, SIZE early: (yes|no)$", mounted.log(), re.M) or [None])[-1]


def write_all(server, mounted, numbers=range(FILES)):
    for number in numbers:
        write(at(mounted, f"/file{number}"), pattern(SIZE, number))
        assert server.tree.get(f"/file{number}") == pattern(SIZE, number)


@pytest.mark.parametrize("look", LOOKS)
def test_a_question_that_a_server_does_not_bear_during_an_upload_is_asked_in_turn(
    early_server, mount, look
):
    server = early_server(on_look=look)
    mounted = mounted_of(server, mount)
    write_all(server, mounted)
    assert server.early_looks == 1
    assert learnt(mounted) == "no"
    assert server.count("STOR") == LOOKS[look]
    for number in range(FILES):
        assert os.stat(at(mounted, f"/file{number}")).st_size == SIZE


@pytest.mark.parametrize("look", [look for look in LOOKS if look not in LOST])
def test_a_server_that_bore_it_at_first_is_spared_from_then_on(early_server, mount, look):
    server = early_server(on_look=look, looks_in_turn=3)
    mounted = mounted_of(server, mount)
    write_all(server, mounted)
    assert server.early_looks == 4
    assert learnt(mounted) == "no"
    assert {os.stat(at(mounted, f"/file{number}")).st_size for number in range(FILES)} == {SIZE}


@pytest.mark.parametrize("look", LOST)
def test_a_server_that_hangs_up_later_brings_one_error_and_is_spared(early_server, mount, look):
    server = early_server(on_look=look, looks_in_turn=3)
    mounted = mounted_of(server, mount)
    write_all(server, mounted, range(3))
    with pytest.raises(OSError) as failed:
        write_all(server, mounted, [3])
    assert failed.value.errno == errno.EIO
    assert server.early_looks == 5 and learnt(mounted) == "no"
    write_all(server, mounted)


@pytest.mark.parametrize("in_turn", [0, 3])
def test_a_failure_behind_an_early_answer_is_told(early_server, mount, in_turn):
    server = early_server(on_look="answer and fail", looks_in_turn=in_turn)
    mounted = mounted_of(server, mount)
    write_all(server, mounted, range(in_turn))
    with pytest.raises(OSError) as failed:
        write_all(server, mounted, [in_turn])
    assert failed.value.errno == errno.ENOSPC
    assert learnt(mounted) == "no"


@pytest.mark.parametrize("look", ["answer all first", "refuse all first"])
def test_a_confirmation_that_comes_in_place_of_the_next_port_is_one(early_server, mount, look):
    server = early_server(on_look=look, looks_in_turn=3)
    mounted = mounted_of(server, mount)
    os.listdir(mounted.path)
    write_all(server, mounted)
    assert server.early_looks >= 4 and server.count("STOR") == FILES
    with open(at(mounted, "/file0"), "ab") as file:
        file.write(b"more")
    assert server.tree.get("/file0") == pattern(SIZE, 0) + b"more"
    assert mounted.stats()["retries"] == 0


@pytest.mark.parametrize("look", ["answer all first", "refuse all first"])
def test_a_failure_that_comes_in_place_of_the_next_port_is_told(early_server, mount, look):
    server = early_server(on_look=look, looks_in_turn=3)
    mounted = mounted_of(server, mount)
    os.listdir(mounted.path)
    write_all(server, mounted, range(3))
    server.fault("STOR", Data(final="552 The disk is full."))
    with pytest.raises(OSError):
        write_all(server, mounted, [3])


@pytest.mark.parametrize(
    "look, in_turn", [("answer all and forget the upload", 3), ("not listen", 0), ("not listen", 3)]
)
def test_a_reply_that_never_comes_is_not_waited_for_to_the_timeout(
    early_server, mount, look, in_turn
):
    server = early_server(on_look=look, looks_in_turn=in_turn)
    mounted = mounted_of(server, mount, timeout=600)
    os.listdir(mounted.path)
    write_all(server, mounted)
    assert learnt(mounted) == "no"
    assert server.count("STOR") <= FILES + 1


# What goes wrong at the end of a store, what close() says of it, and the stores that it takes.
ENDS = [({"final": "552 The disk is full."}, errno.ENOSPC, 1), ({"keep": SIZE // 2}, errno.EIO, 2)]


@pytest.mark.parametrize("number", [0, 3])
@pytest.mark.parametrize("end, code, stores", ENDS, ids=["refused", "short"])
def test_a_store_that_fails_at_its_end_is_an_error_whatever_is_answered_behind(
    early_server, mount, number, end, code, stores
):
    server = early_server()
    mounted = mounted_of(server, mount)
    write_all(server, mounted, range(number))
    server.fault("STOR", Data(**end))
    # The last close of all would upload it once more.
    with open(at(mounted, f"/file{number}"), "wb") as kept:
        with pytest.raises(OSError) as failed, open(os.dup(kept.fileno()), "wb") as file:
            file.write(pattern(SIZE, number))
        assert failed.value.errno == code
        assert server.count("STOR") == number + stores
        server.clear()
    write_all(server, mounted)


def test_in_turn_the_question_comes_before_the_confirmation_and_the_next_port_never(
    early_server, mount, tmp_path
):
    server = early_server()
    trace = tmp_path / "trace"
    mounted = mounted_of(server, mount, trace=trace)
    os.listdir(mounted.path)
    write_all(server, mounted, range(3))
    assert learnt(mounted) == "yes"
    asked = ["MLST"] if server.mlst else ["SIZE", "MDTM"]
    spoken = ["STOR", asked[0], "SITE", *asked, "EPSV"]
    eventually(lambda: [command.verb for command in server.commands][-len(spoken) :] == spoken)
    words = conversation(trace)
    assert words.index(asked[0]) < words.index("226") < words.index("EPSV"), words


def conversation(trace):
    """Commands and replies of the last file of a traced mount, in order: verbs and codes."""
    with open(trace, encoding="utf-8") as file:
        words = [line.split()[3] for line in file]
    return words[len(words) - 1 - words[::-1].index("STOR") :]


KINDS = ["vsftpd", "proftpd", "pyftpdlib", "pureftpd"]


@pytest.mark.parametrize("server_kind", KINDS, indirect=True)
def test_a_small_file_on_a_real_server_is_confirmed_and_looked_at(site, mount, tmp_path):
    trace = tmp_path / "trace"
    mounted = mount(connections=1, no_prefetch=True, dir_cache_timeout=600, trace=trace)
    os.listdir(mounted.path)
    for number in range(FILES):
        write(mounted.at(f"file{number}"), pattern(SIZE, number))
        eventually(lambda: "EPSV" in conversation(trace))
        assert site.get(f"file{number}") == pattern(SIZE, number)
        assert os.stat(mounted.at(f"file{number}")).st_size == SIZE
    assert mounted.stats()["stores"] == FILES and mounted.stats()["retries"] == 0
    words = conversation(trace)
    mlst = "MLST" in words
    answer = "250" if mlst else "213"
    # The answer that counts is behind the confirmation.
    assert answer in words[words.index("226") :], words
    assert words.count("STOR") == words.count("226") == 1


@pytest.mark.parametrize("server_kind", ["vsftpd"], indirect=True)
def test_a_small_file_takes_two_round_trips_and_six_commands(site, mount, tmp_path):
    trace = tmp_path / "trace"
    mounted = mount(connections=1, no_prefetch=True, dir_cache_timeout=600, trace=trace)
    os.listdir(mounted.path)
    for number in range(2):
        write(mounted.at(f"file{number}"), pattern(SIZE, number))
    with Cost(mounted) as cost:
        for number in range(2, FILES):
            eventually(lambda: conversation(trace)[-1] == "229")
            time.sleep(0.05)  # the port is connected to
            write(mounted.at(f"file{number}"), pattern(SIZE, number))
    assert cost["round_trips"] <= 2 * (FILES - 2) + 1, cost.spent
    assert cost["commands"] == 6 * (FILES - 2), cost.spent
    eventually(lambda: conversation(trace)[-1] == "229")
    words = conversation(trace)
    assert words == "STOR 150 SIZE SITE SIZE MDTM 226 213 200 213 213 EPSV 229".split()


def test_a_question_that_is_dropped_costs_no_wait_and_no_login(early_server, mount):
    """As Pure-FTPd does: the reply to what was sent next tells."""
    server = early_server(on_look="not listen")
    mounted = mounted_of(server, mount, timeout=600)
    os.listdir(mounted.path)
    write_all(server, mounted)
    assert learnt(mounted) == "no"
    assert server.count("STOR") == FILES
    assert server.count("PASS") == 1


@pytest.mark.parametrize("server_kind", ["pureftpd", "pyftpdlib"], indirect=True)
def test_a_real_server_that_answers_out_of_turn_is_asked_so_once(site, mount, tmp_path):
    trace = tmp_path / "trace"
    mounted = mount(connections=1, no_prefetch=True, dir_cache_timeout=600, trace=trace)
    os.listdir(mounted.path)
    for number in range(FILES):
        write(mounted.at(f"file{number}"), pattern(SIZE, number))
        assert site.get(f"file{number}") == pattern(SIZE, number)
    assert mounted.stats()["stores"] == FILES and mounted.stats()["retries"] == 0
    words = [line.split()[3] for line in trace.read_text("utf-8").splitlines()]
    # One that came when the upload had ended already was answered; the next one is dropped then.
    assert words.count("PASS") <= 2


def test_a_time_is_set_after_the_upload_alone(early_server, mount):
    server = early_server(on_look="tell nothing first")
    mounted = mounted_of(server, mount)
    for number in range(FILES):
        path = at(mounted, f"/file{number}")
        with open(path, "wb", buffering=0) as file:
            file.write(pattern(SIZE, number))
            os.utime(path, (1500000000, 1500000000))
        assert server.tree.get(f"/file{number}") == pattern(SIZE, number)
        assert os.stat(path).st_mtime == 1500000000
    assert server.early_looks == 0 and learnt(mounted) is None


def test_a_large_file_is_asked_for_in_turn(early_server, mount):
    server = early_server(on_look="abort and answer")
    mounted = mounted_of(server, mount)
    data = pattern(MIB + 1)
    write(at(mounted, "/large"), data)
    assert server.tree.get("/large") == data
    assert server.early_looks == 0 and server.count("STOR") == 1
