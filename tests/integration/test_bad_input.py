# SPDX-License-Identifier: GPL-2.0-or-later
"""A wrong command line: one clear line on stderr, exit status 1, no mount."""

import os

import pytest

from harness import assert_one_line, credentials_file, mountinfo, run_ftpsfs

SOURCE = "ftps://tester@127.0.0.1:9/"


@pytest.fixture
def point(tmp_path):
    path = tmp_path / "mnt"
    path.mkdir()
    yield str(path)
    assert mountinfo(str(path)) is None


def refused(home, *words):
    result = run_ftpsfs(*words, home=home)
    assert result.returncode == 1
    assert result.stdout == ""
    return assert_one_line(result.stderr)


@pytest.mark.parametrize(
    "options",
    [
        "no_such_option",
        "no_such_option=3",
        "conections=3",
        "connections=0",
        "connections=65",
        "connections=-1",
        "connections=many",
        "connections=",
        "connections",
        "connections=99999999999999999999",
        "timeout=0",
        "timeout=1.5",
        "timeout=3601",
        "port=0",
        "port=65536",
        "dir_cache_timeout=-1",
        "dir_cache_timeout=soon",
        "cache_size=0",
        "cache_size=12X",
        "readahead=-5",
        "tls_verify=maybe",
        "tls_min=1.1",
        "tls_min=ssl3",
        "codepage=no-such-encoding",
        "umask=9",
        "umask=01000",
        "umask=-1",
        "uid=no-such-user-here",
        "gid=no-such-group-here",
        "uid=-2",
        "explicit=perhaps",
        "cafile=/no/such/file.pem",
        "credentials=/no/such/file",
        "spool_dir=/no/such/directory",
        "stats=/no/such/directory/file",
        "cert=/no/such/cert.pem",
        "tls_pin=md5//abc",
    ],
)
def test_an_option_that_makes_no_sense_is_named(point, home, options):
    line = refused(home, SOURCE, point, "-o", options)
    assert options.split("=")[0] in line


def test_a_priority_string_that_gnutls_does_not_know_is_named(point, home):
    path = credentials_file(home, "tester", "secret-word")
    line = refused(home, SOURCE, point, "-o", f"credentials={path},tls_priority=NOT-A-PRIORITY")
    assert "NOT-A-PRIORITY" in line


@pytest.mark.parametrize("word", ["-x", "--no-such", "-fz", "--foreground"])
def test_an_unknown_flag_is_named(point, home, word):
    line = refused(home, SOURCE, point, word)
    assert word.lstrip("-")[-1] in line


@pytest.mark.parametrize(
    "source",
    [
        "",
        "ftp://tester@127.0.0.1/",
        "http://127.0.0.1/",
        "ftps://",
        "ftps://tester@/dir",
        "ftps://@127.0.0.1/",
        "ftps://127.0.0.1:0/",
        "ftps://127.0.0.1:65536/",
        "ftps://127.0.0.1:port/",
        "ftps://[::1/",
        "ftps://[no-address]/",
        "ftps://::1/",
        "ftps://127.0.0.1/%zz",
        "ftps://127.0.0.1/a%0Ab",
        "ftps://127.0.0.1/a%00b",
        "ftps://te%0Dster@127.0.0.1/",
        "ftps://ho st/",
    ],
)
def test_a_source_that_is_none_is_refused(point, home, source):
    refused(home, source, point)


def test_ftp_without_s_is_told_that_it_is_not_encrypted(point, home):
    line = refused(home, "ftp://tester@127.0.0.1/", point)
    assert "ftps" in line
    assert "encrypt" in line


def test_missing_words_are_told(home):
    assert "usage" in refused(home).lower() or "missing" in refused(home)
    assert "mountpoint" in refused(home, SOURCE).lower()


def test_a_word_too_many_is_refused(point, home):
    refused(home, SOURCE, point, "another")


def test_o_without_options_is_refused(point, home):
    assert "-o" in refused(home, SOURCE, point, "-o")


def test_a_mountpoint_that_is_missing_is_refused(tmp_path, home):
    path = str(tmp_path / "missing")
    assert path in refused(home, SOURCE, path)


def test_a_mountpoint_that_is_a_file_is_refused(tmp_path, home):
    path = tmp_path / "file"
    path.write_text("x")
    line = refused(home, SOURCE, str(path))
    assert str(path) in line
    assert "directory" in line


def test_a_mountpoint_that_is_not_empty_is_refused(point, home):
    with open(os.path.join(point, "file"), "wb"):
        pass
    line = refused(home, SOURCE, point)
    assert point in line
    assert "empty" in line


def test_a_mountpoint_that_is_mounted_already_is_refused(servers, mount, home):
    server = servers.make("pyftpdlib")
    with open(server.path("file"), "wb"):
        pass
    mounted = mount(server)
    result = run_ftpsfs(SOURCE, mounted.path, home=home)
    assert result.returncode == 1
    assert_one_line(result.stderr, mounted.path)
    assert os.listdir(mounted.path) == ["file"]


def test_a_credentials_file_of_another_format_is_refused_and_not_repeated(point, home):
    path = os.path.join(home, "credentials")
    with open(path, "w", encoding="utf-8") as file:
        file.write("tester:secret-word\n")
    os.chmod(path, 0o600)
    line = refused(home, SOURCE, point, "-o", f"credentials={path}")
    assert "secret-word" not in line
    assert path in line
