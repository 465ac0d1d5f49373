# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/run itself: how it counts, and that it doesn't depend on how and where it was started."""

import os
import re
import signal
import subprocess
import sys

import pytest
from harness import BINARY, TESTS

RUN = os.path.join(TESTS, "run")
HERE = os.path.dirname(os.path.abspath(__file__))

# Fails the first time that a case runs, or each time.
CASES = """
import os
import pytest

def at_second(mark):
    ran = os.path.exists(mark)
    open(mark, "w").close()
    return ran

@pytest.mark.parametrize("number", range({flaky} + 1))
def test_flaky(number):
    assert number == {flaky} or at_second(f"{directory}/ran-{{number}}")

@pytest.mark.parametrize("number", range({failing} + 1))
def test_failing(number):
    assert number == {failing}
"""

# A tree of its own below $1, whose root is a plain directory; the rest is run in it.
CHROOT = """
mount --make-rprivate /
for folder in usr bin sbin lib lib64 etc proc dev; do
    [ -d /$folder ] || continue
    mkdir "$1/$folder" && mount --rbind "/$folder" "$1/$folder" || exit 1
done
mkdir "$1/tmp" "$1/tests" && mount --bind "$2" "$1/tests" && shift 2 || exit 1
exec "$@"
"""


def run(*words, **options):
    env = dict(os.environ, FTPSFS=BINARY, FTPSFS_WORKERS="2")
    env.pop("FTPSFS_REPORTS", None)  # those of who runs this
    for name in [name for name in env if name.startswith("PYTEST_")]:
        del env[name]
    done = subprocess.run(
        words, env=env, capture_output=True, text=True, timeout=80, check=False, **options
    )
    return done.returncode, done.stdout.splitlines(), done.stdout + done.stderr


@pytest.mark.parametrize(
    "flaky, failing, status, ends",
    [
        (0, 0, 0, ["flaky: 0", "2 passed, 0 failed"]),
        (2, 0, 0, ["flaky: 2", "4 passed, 0 failed"]),
        (2, 1, 1, ["flaky: 2", "4 passed, 1 failed"]),
        (10, 0, 0, ["flaky: 10", "12 passed, 0 failed"]),
        (11, 0, 1, ["flaky: 11", "13 passed, 1 failed"]),
    ],
)
def test_what_passes_alone_is_flaky_and_has_a_budget(tmp_path, flaky, failing, status, ends):
    cases = tmp_path / "test_cases.py"
    cases.write_text(CASES.format(flaky=flaky, failing=failing, directory=tmp_path))
    code, lines, text = run(RUN, "integration", str(cases))
    assert (code, lines[-2:]) == (status, ends), text
    named = [line for line in lines[:-2] if re.fullmatch(r"\S*::test_flaky\[\d+\]", line)]
    assert len(named) == flaky, text


def test_in_the_background_of_a_shell_the_tests_pass_too(tmp_path):
    """Such a shell starts it with SIGINT and SIGQUIT ignored."""

    def ignore():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGQUIT, signal.SIG_IGN)

    name = f"test_a_signal_ends_it_with_status_0_and_no_mount[vsftpd-{int(signal.SIGINT)}]"
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", TESTS]
    code, lines, text = run(*words, f"{HERE}/test_mounting.py::{name}", preexec_fn=ignore)
    assert code == 0 and re.match(r"1 passed", lines[-1]), text


def test_a_root_that_is_no_mount_point_becomes_one(tmp_path):
    """What tests/run does in a chroot; nothing of it shows outside."""
    inside = "unshare --mount sh -c 'mount -t tmpfs none /tmp && findmnt -n -o FSTYPE /tmp'"
    words = ["unshare", "--mount", "sh", "-c", CHROOT, "sh", str(tmp_path), TESTS]
    chroot = ["chroot", str(tmp_path)]
    bare = run(*words, *chroot, "sh", "-c", inside)
    assert bare[0] != 0 and "propagation" in bare[2]
    other = tmp_path.parent / "other"
    other.mkdir()
    words[-2] = str(other)
    chroot = ["chroot", str(other)]
    script = f'/tests/own_root.py sh -c "mountpoint -q / && {inside}" && mountpoint /tmp'
    code, lines, text = run(*words, *chroot, "sh", "-c", script)
    assert lines == ["tmpfs", "/tmp is not a mountpoint"] and code != 0, text
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        assert str(other) not in file.read()
