# SPDX-License-Identifier: GPL-2.0-or-later
"""Smaller ways in which a server, or another user's file, could take more than it is given."""

import os
import subprocess
import unicodedata

import pytest

from harness import credentials_file, option_words, reached, run_ftpsfs, source_for
from scripted_faults import Reply
from scripted_mount import OPTIONS, at, mount_fails, outcome, read

pytest_plugins = ["scripted_fixtures"]


# What a terminal would act on

# A title, a colour by U+009B, the same by a byte that is no UTF-8, text that turns its direction.
NASTY = "n\x1b]0;owned\x07 \u009b31m \udc9b31m \u202egpj.\u2066x\u200f end"
NAME = "n\x1b[31m \u009b31m \u202egpj.\u2066x"

DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def assert_fit(data, kept="\n\t"):
    """Valid UTF-8 that no terminal does anything with but show it."""
    text = data.decode("utf-8")
    bad = [c for c in text if unicodedata.category(c) == "Cc" and c not in kept]
    bad += [c for c in text if c in DIRECTIONS + "\u2028\u2029"]
    assert not bad, f"{bad} in {text!r}"
    return text


@pytest.fixture
def nasty(server):
    server.tree.put(f"/{NAME}", b"content")
    server.fault("GREETING", Reply(f"220 {NASTY}"))
    server.fault("SYST", Reply(f"215 {NASTY}"))
    for verb in ("DELE", "RNFR", "RMD"):
        server.fault(verb, Reply(f"550 {NASTY}"))
    return server


@pytest.mark.parametrize("level", ["message", "debug"])
def test_the_log_and_the_trace_are_fit_for_a_terminal(nasty, mount, tmp_path, level):
    trace = tmp_path / "trace"
    mounted = mount(nasty, trace=trace, log_level=level, **OPTIONS)
    path = at(mounted, NAME)
    assert read(path) == b"content"
    assert outcome(os.unlink, path) != 0
    assert outcome(os.rename, path, path + "2") != 0
    mounted.unmount()
    with open(mounted.log_path, "rb") as file:
        log = assert_fit(file.read())
    assert "gpj" in log and "owned" in log
    told = assert_fit(trace.read_bytes())
    assert "220 n?]0;owned?" in told and told.count("gpj") > 3


def test_what_ends_a_mount_is_fit_for_a_terminal(server, mount):
    server.fault("USER", Reply(f"530 {NASTY}"))
    text = mount_fails(mount, server)
    assert "owned" in assert_fit(text.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("words", [["--once"], ["--json"]], ids=lambda words: words[0])
def test_the_status_is_fit_for_a_terminal(nasty, mount, words):
    mounted = mount(nasty, **OPTIONS)
    assert outcome(os.unlink, at(mounted, NAME)) != 0
    result = subprocess.run(
        [mounted.process.args[0], "--status", mounted.path, *words],
        capture_output=True, check=True, timeout=60,
    )
    assert "gpj" in assert_fit(result.stdout)


@pytest.mark.parametrize("words", [[], ["--json"]], ids=["text", "json"])
def test_a_probe_is_fit_for_a_terminal(nasty, home, words):
    nasty.features += [f"X{NASTY}"]
    credentials = credentials_file(home, nasty.user, nasty.password)
    options = ",".join([reached(nasty), *option_words({"credentials": credentials})])
    result = run_ftpsfs("--probe", source_for(nasty), "-r", "-o", options, *words, home=home)
    assert result.returncode == 0, result.stderr
    text = assert_fit(result.stdout.encode("utf-8", "surrogateescape"))
    assert_fit(result.stderr.encode("utf-8", "surrogateescape"))
    assert text.count("owned") >= 3


def test_what_is_printed_of_a_link_is_fit_for_a_terminal(home):
    for words in (["--print-config"], ["--describe"], ["--probe"]):
        result = run_ftpsfs(*words, "a\u202eb@127.0.0.1:1/\u2066c", "-o", "tls_verify=no", home=home)
        assert_fit((result.stdout + result.stderr).encode())
