# SPDX-License-Identifier: GPL-2.0-or-later
"""Ctrl-C while the server keeps a program waiting: the program has its way within a second, and the
mount goes on working."""

import os
import signal
import subprocess
import sys
import time

import pytest
from harness import SANITIZED, eventually
from scripted_faults import Data, Drop, Silence
from scripted_mount import LIMIT_SECONDS, assert_alive, at, fresh, read, within

pytest_plugins = ["scripted_fixtures"]

# Longer than an interrupt may take: nothing here ends by running into it.
OPTIONS = {"timeout": 20, "dir_cache_timeout": 0}
PROMPTLY = 4 if SANITIZED else 1
MEGABYTE = b"0123456789abcdef" * 65536

PROGRAM = "import os, sys; path = sys.argv[1]; print(flush=True); "
# Reads go through the kernel's page cache, which waits on for any but a deadly signal: what Ctrl-C is
# to cp, and not to a program that has a handler for it.
READ = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); " + PROGRAM
READ += "open(path, 'rb').read()"
WRITE = PROGRAM + "open(path, 'wb').write(b'x' * 5_000_000)"
OPERATIONS = {
    "EPSV": READ,
    "RETR": READ,
    "MLSD": PROGRAM + "os.listdir(os.path.dirname(path))",
    "MLST": PROGRAM + "os.stat(path)",
    "STOR": WRITE,
    "DELE": PROGRAM + "os.unlink(path)",
    "MKD": PROGRAM + "os.mkdir(path + '-new')",
    "RNFR": PROGRAM + "os.rename(path, path + '-new')",
    "RNTO": PROGRAM + "os.rename(path, path + '-new')",
    "MFMT": PROGRAM + "os.utime(path, (1, 1))",
    "SITE": PROGRAM + "os.chmod(path, 0o600)",
}


def interrupt(program, path, fault, number=signal.SIGINT):
    """Starts the program, interrupts it once it has met the fault; the seconds until it is gone."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        process.stdout.readline()
        deadline = time.monotonic() + 10
        while fault.hits == 0:
            assert time.monotonic() < deadline, "the command did not come"
            time.sleep(0.01)
        time.sleep(0.2)
        assert process.poll() is None
        before = time.monotonic()
        process.send_signal(number)
        process.wait(LIMIT_SECONDS)
        return time.monotonic() - before
    finally:
        if process.poll() is None:
            process.kill()
        process.stdout.close()


@pytest.fixture
def patient(server, mount):
    return mount(server, **OPTIONS)


@pytest.mark.parametrize("verb", OPERATIONS)
def test_ctrl_c_ends_what_waits_for_the_server(server, patient, verb):
    path = fresh(server, MEGABYTE)
    fault = server.fault(verb, Silence())
    assert interrupt(OPERATIONS[verb], at(patient, path), fault) < PROMPTLY
    assert_alive(server, patient)


# Signals without end to a program whose operations take about as long as it is from one to the next, so
# that many come at the moment of the answer.
SIGNALLED = """
import os, signal, sys, time
signal.signal(signal.SIGALRM, lambda *_: None)
path, mode = sys.argv[1], 0o600
begin = time.monotonic()
while time.monotonic() < begin + 4:
    signal.setitimer(signal.ITIMER_REAL, mode % 64 / 2e4 + 1e-4)
    try:
        fd = os.open(path, os.O_RDONLY)
        os.close(fd)
        os.chmod(path, mode)
    except InterruptedError:
        pass
    mode ^= int(time.monotonic() * 1e6) % 64
signal.setitimer(signal.ITIMER_REAL, 0)  # Python takes its handlers back before it ends
"""


def test_signals_at_the_moment_of_the_answer_do_no_harm(server, patient):
    """libfuse may tell of an interrupt when the operation is over already."""
    paths = [at(patient, fresh(server)) for _ in range(4)]
    processes = [subprocess.Popen([sys.executable, "-c", SIGNALLED, path]) for path in paths]
    assert [process.wait(3 * LIMIT_SECONDS) for process in processes] == [0] * 4
    assert "assertion" not in patient.log()  # GLib's complaint about an object that is gone
    assert_alive(server, patient)


# Calls that Python does not make anew after EINTR, and no other program either.
TICKING = """
import os, signal, sys
ticks = 0
def tick(*_):
    global ticks
    ticks += 1
signal.signal(signal.SIGALRM, tick)
signal.setitimer(signal.ITIMER_REAL, 3e-4, 3e-4)
for number in range(100):
    os.mkdir(sys.argv[1])
    os.rename(sys.argv[1], sys.argv[1] + "-2")
    os.rmdir(sys.argv[1] + "-2")
signal.setitimer(signal.ITIMER_REAL, 0)
sys.exit(ticks == 0)
"""


def test_a_timer_of_the_programs_own_interrupts_nothing_that_is_answered(site, mount):
    """As git's progress, stress-ng's end and the scheduler of Go have."""
    mounted = mount()
    result = subprocess.run(
        [sys.executable, "-c", TICKING, mounted.at("directory")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert site.names() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_ctrl_c_ends_a_read_that_stalls_in_mid_file(server, patient, number):
    path = fresh(server, MEGABYTE)
    fault = server.fault("RETR", Data(stall=100_000))
    assert interrupt(READ, at(patient, path), fault, number) < PROMPTLY
    assert_alive(server, patient)


def test_ctrl_c_ends_a_connect_to_a_server_that_says_nothing(server, patient):
    path = fresh(server)
    fault = server.fault("GREETING", Silence())
    server.drop_connections()
    assert interrupt(READ, at(patient, path), fault) < PROMPTLY
    assert_alive(server, patient)


def test_an_interrupted_read_leaves_a_connection_that_is_used_again(server, mount):
    mounted = mount(server, connections=1, **OPTIONS)
    path = fresh(server, MEGABYTE * 64)
    fault = server.fault("RETR", Data(pace=0.01))
    assert interrupt(READ, at(mounted, path), fault) < PROMPTLY
    server.clear()
    server.forget()
    other = fresh(server, b"other")
    # The rest of the file would take as long as the limit ten times over.
    assert within(LIMIT_SECONDS, read, at(mounted, other)) == b"other"
    assert server.count("USER", "PASS") == 0
    assert mounted.stats()["sessions_lost"] == 0
    assert_alive(server, mounted)


# O_TRUNC has to store the file anew, which waits for the end of our own reading of it.
TRUNCATE = PROGRAM + "os.open(path, os.O_WRONLY | os.O_TRUNC)"


def test_ctrl_c_ends_a_truncation_beside_a_reader_that_stalls(server, patient):
    path = fresh(server, MEGABYTE)
    fault = server.fault("RETR", Data(stall=100_000))
    reader = subprocess.Popen(
        [sys.executable, "-c", READ, at(patient, path)], stdout=subprocess.PIPE
    )
    try:
        eventually(lambda: fault.hits, what="the download")
        assert interrupt(TRUNCATE, at(patient, path), fault) < PROMPTLY
    finally:
        reader.kill()
        reader.communicate(timeout=LIMIT_SECONDS)
    assert_alive(server, patient)


# Writing and closing a file whose upload gets nowhere.
STUCK_WRITER = "import os, sys; fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT); "
STUCK_WRITER += "os.write(fd, b'x' * 500_000); print(flush=True); os.close(fd)"
BESIDE_AN_UPLOAD = {
    "flush": "import os, sys; fd = os.open(sys.argv[1], os.O_WRONLY); os.pwrite(fd, b'y', 0); "
    "print(flush=True); os.close(fd)",
    "rename": PROGRAM + "os.rename(path, path + '-new')",
    "unlink": PROGRAM + "os.unlink(path)",
    "chmod": PROGRAM + "os.chmod(path, 0o600)",
}


@pytest.mark.parametrize("operation", BESIDE_AN_UPLOAD)
def test_ctrl_c_ends_what_waits_for_an_upload_of_the_file(server, patient, operation):
    path = fresh(server)
    fault = server.fault("STOR", Data(stall=100_000))
    writer = subprocess.Popen(
        [sys.executable, "-c", STUCK_WRITER, at(patient, path)], stdout=subprocess.PIPE
    )
    try:
        writer.stdout.readline()
        eventually(lambda: fault.hits, what="the upload")
        time.sleep(0.2)
        assert interrupt(BESIDE_AN_UPLOAD[operation], at(patient, path), fault) < PROMPTLY
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.communicate(timeout=LIMIT_SECONDS)
    assert_alive(server, patient)


# Says itself that it was interrupted: its end closes the file, which is another wait.
FILLING = """
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC)
print("open", flush=True)
try:
    for _ in range(50):
        os.write(fd, b"x" * 100_000)
    print("written", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
except OSError as error:
    print(error, flush=True)
"""


def test_ctrl_c_ends_a_write_that_waits_for_spool_space(server, mount):
    mounted = mount(server, spool_size="1M", **OPTIONS)
    fault = server.fault("STOR", Data(stall=100_000))
    process = subprocess.Popen(
        [sys.executable, "-c", FILLING, at(mounted, fresh(server))],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "open\n"
        eventually(lambda: fault.hits, what="the upload")
        time.sleep(0.5)
        before = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert time.monotonic() - before < PROMPTLY
        server.clear()
        process.wait(LIMIT_SECONDS)
    finally:
        process.kill()
        process.communicate(timeout=LIMIT_SECONDS)
    assert_alive(server, mounted)


def test_ctrl_c_ends_a_truncation_by_name(server, patient):
    """The handle that it takes for itself is closed after it, which tries the upload again."""
    path = fresh(server, MEGABYTE)
    fault = server.fault("STOR", Silence())
    program = PROGRAM + "os.truncate(path, 10)"
    assert interrupt(program, at(patient, path), fault) < PROMPTLY
    server.clear()
    server.drop_connections()  # those that wait for an answer still
    eventually(lambda: server.tree.get(path) == MEGABYTE[:10], what="the upload behind")
    assert_alive(server, patient)


def test_ctrl_c_ends_a_mkdir_whose_mode_is_not_set(server, patient):
    path = "/private"
    fault = server.fault("SITE", Silence())
    program = PROGRAM + "os.mkdir(path, 0o700)"
    assert interrupt(program, at(patient, path), fault) < PROMPTLY
    assert "more widely accessible than asked for" in patient.log()
    assert_alive(server, patient)


def test_ctrl_c_ends_a_listing_that_removes_what_crashed_uploads_left(server, mount):
    mounted = mount(server, atomic_upload=True, **OPTIONS)
    server.tree.put("/d/.ftpsfs-upload-01234567", b"rest", mtime=1_000_000_000)
    server.tree.put("/d/file", b"x")
    fault = server.fault("DELE", Silence())
    program = PROGRAM + "os.listdir(path)"
    assert interrupt(program, at(mounted, "/d"), fault) < PROMPTLY
    server.clear()
    # The next listing removes it.
    eventually(
        lambda: within(LIMIT_SECONDS, os.listdir, at(mounted, "/d")) == ["file"]
        and server.tree.names("/d") == ["file"],
        what="the removal",
    )
    assert_alive(server, mounted)


class DropBefore(Drop):
    """Closes the connection, and has another command meet a fault from then on."""

    def __init__(self, server, verb, fault):
        super().__init__()
        self.next = (server, verb, fault)

    def before(self, session, command):
        server, verb, fault = self.next
        server.fault(verb, fault)
        return super().before(session, command)


def test_ctrl_c_ends_the_question_what_came_of_a_rename(server, patient):
    path = fresh(server)
    silence = Silence()
    # It is tried a second time.
    server.fault("RNTO", DropBefore(server, "MLST", silence), times=2)
    program = PROGRAM + "os.rename(path, path + '-new')"
    assert interrupt(program, at(patient, path), silence) < PROMPTLY
    assert_alive(server, patient)
