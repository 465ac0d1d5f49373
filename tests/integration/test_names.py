# SPDX-License-Identifier: GPL-2.0-or-later
"""Any name that a file can have goes both ways; the few that FTP can't carry are refused."""

import errno
import os
import urllib.parse

import pytest

NAMES = {
    "space": "with space",
    "spaces": "two  spaces   in a row",
    "leading-space": " leading space",
    "trailing-space": "trailing space ",
    "single-quote": "it's 'quoted'",
    "double-quote": 'say "hello"',
    "backslash": "back\\slash",
    "dash": "-dash",
    "dashes": "--help",
    "dash-option": "-la",
    "shell": "$(touch x) `y` ${z} & | ; < >",
    "glob": "[a-z]*?{b,c}",
    "tilde": "~root",
    "hash": "#hash",
    "percent": "100%41%2f",
    "facts": "type=file;size=3; name",
    "tab": "tab\there",
    "umlaut": "\u00fcml\u00e4ut \u00df",
    "decomposed": "e\u0301",
    "japanese": "\u65e5\u672c\u8a9e.txt",
    "emoji": "party \U0001f389",
    "right-to-left": "\u05e9\u05dc\u05d5\u05dd",
    "dotfile": ".hidden",
    "dots": "...",
    "trailing-dot": "name.",
    "arrow": "a -> b",
    "looks-like-a-listing": "drwxr-xr-x 2 0 0 4096 Nov 24 11:15 x",
    "total": "total 5",
    "telnet": "\u00ff in latin",
    "control": "bell\x07 escape\x1b delete\x7f",
    "long": "n" * 255,
    "long-umlauts": "\u00fc" * 127 + "x",
}


@pytest.fixture(params=list(NAMES))
def name(request):
    return NAMES[request.param]


def assert_told(site, mounted, name):
    """What is written under a name that the server changes is where it lists it, or an error."""
    try:
        with open(mounted.at(name), "wb") as file:
            file.write(b"content")
    except OSError:
        assert not site.exists(name)
        return
    (listed,) = os.listdir(mounted.path)
    assert site.get(listed) == b"content"


def test_a_name_goes_through_every_operation(site, mount, name):
    mounted = mount()
    path = mounted.at(name)
    if not site.server.carries(name):
        assert_told(site, mounted, name)
        return
    with open(path, "wb") as file:
        file.write(b"content")
    assert site.names() == [name]
    assert site.get(name) == b"content"
    assert os.listdir(mounted.path) == [name]
    with open(path, "ab") as file:
        file.write(b" more")
    assert site.get(name) == b"content more"
    os.chmod(path, 0o600)
    os.rename(path, mounted.at("plain"))
    assert site.names() == ["plain"]
    os.rename(mounted.at("plain"), path)
    assert site.names() == [name]
    os.unlink(path)
    if "*" in name and site.server.program == "proftpd":
        return  # it makes no directories with a * in the name, and says so
    os.mkdir(path)
    with open(os.path.join(path, name), "wb") as file:
        file.write(b"below")
    assert site.get(os.path.join(name, name)) == b"below"
    assert os.listdir(path) == [name]
    os.unlink(os.path.join(path, name))
    os.rmdir(path)
    assert site.names() == []


def test_names_made_behind_the_mount_are_listed_and_read(site, mount):
    names = [name for name in NAMES.values() if site.server.carries(name)]
    for name in names:
        site.put(name, name.encode())
        assert site.exists(name)
    mounted = mount()
    assert sorted(os.listdir(mounted.path)) == sorted(names)
    for name in names:
        assert os.stat(mounted.at(name)).st_size == len(name.encode())
        with open(mounted.at(name), "rb") as file:
            assert file.read() == name.encode()


def test_names_are_found_without_a_listing(site, mount):
    site.mkdir("directory")
    names = [name for name in NAMES.values() if site.server.carries(name)]
    for name in names:
        site.put(f"directory/{name}", name.encode())
    mounted = mount(dir_cache_timeout=0)
    for name in names:
        assert os.stat(mounted.at("directory", name)).st_size == len(name.encode())


def test_a_mount_of_a_directory_with_an_odd_name_works(site, mount):
    name = "odd \u00fc name %41 #1"
    site.mkdir(name)
    site.put(f"{name}/file", b"content")
    mounted = mount(directory=f"{site.directory}/{urllib.parse.quote(name)}")
    assert os.listdir(mounted.path) == ["file"]
    with open(mounted.at("new"), "wb") as file:
        file.write(b"new")
    assert site.get(f"{name}/new") == b"new"


@pytest.mark.parametrize("name", ["new\nline", "carriage\rreturn", "\r\nDELE file"])
def test_a_name_with_a_line_end_is_eilseq(site, mount, name):
    site.put("file", b"kept")
    mounted = mount()
    path = mounted.at(name)
    for operation in (
        lambda: open(path, "wb"),
        lambda: os.mkdir(path),
        lambda: os.rename(mounted.at("file"), path),
    ):
        with pytest.raises(OSError) as caught:
            operation()
        assert caught.value.errno == errno.EILSEQ
    with pytest.raises(OSError) as caught:
        os.stat(path)
    assert caught.value.errno in (errno.EILSEQ, errno.ENOENT)
    assert site.names() == ["file"]


def test_a_name_of_256_bytes_is_enametoolong(site, mount):
    mounted = mount()
    with pytest.raises(OSError) as caught:
        open(mounted.at("n" * 256), "wb")
    assert caught.value.errno == errno.ENAMETOOLONG


def test_a_line_end_in_a_name_on_the_server_hides_no_other_name(site, mount):
    site.put("before", b"x")
    site.put("line\nend", b"x")
    site.put("zafter", b"x")
    mounted = mount()
    names = os.listdir(mounted.path)
    assert {"before", "zafter"} <= set(names)
    with open(mounted.at("zafter"), "rb") as file:
        assert file.read() == b"x"


def test_names_that_differ_in_case_are_two(site, mount):
    mounted = mount()
    for name in ("name", "NAME", "Name"):
        with open(mounted.at(name), "wb") as file:
            file.write(name.encode())
    assert site.names() == ["NAME", "Name", "name"]
    for name in ("name", "NAME", "Name"):
        with open(mounted.at(name), "rb") as file:
            assert file.read() == name.encode()
