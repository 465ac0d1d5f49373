# SPDX-License-Identifier: GPL-2.0-or-later
"""Names in other encodings on servers that pass bytes through: those that convert are shown in
UTF-8, those that don't are shown with an escape for each byte, and both can be used as any other."""

import errno
import os

import pytest
from scripted_mount import read, write

pytestmark = pytest.mark.parametrize("server_kind", ["vsftpd", "proftpd"])


def escaped(*data):
    """How bytes that have no character are shown."""
    return "".join(chr(0xF700 + byte) for byte in data)


# (code page, bytes on the server, name in the mount)
NAMES = {
    "cp1252": ("CP1252", b"caf\xe9 \x80.txt", "caf\u00e9 \u20ac.txt"),
    "cp1252 without a character": ("CP1252", b"bad\x81\x8dname", f"bad{escaped(0x81, 0x8D)}name"),
    "cp1252 in part": ("CP1252", b"\xfc\x81\xfc", f"\u00fc{escaped(0x81)}\u00fc"),
    "latin-9": ("ISO-8859-15", b"10 \xa4", "10 \u20ac"),
    "cp437": ("CP437", b"stra\xe1e", "stra\u00dfe"),
    "koi8-r": ("KOI8-R", b"\xd4\xc5\xd3\xd4", "\u0442\u0435\u0441\u0442"),
    "cp932": ("CP932", b"\x83\x65\x83\x58\x83\x67.txt", "\u30c6\u30b9\u30c8.txt"),
    "cp932 cut short": ("CP932", b"\x83\x65\x83", f"\u30c6{escaped(0x83)}"),
    "gb18030": ("GB18030", b"\xd6\xd0\xce\xc4", "\u4e2d\u6587"),
    "utf-8 in a code page": ("CP1252", "\u00e9".encode(), "\u00c3\u00a9"),
    "no utf-8": (None, b"caf\xe9", f"caf{escaped(0xE9)}"),
    "utf-8 cut short": (None, b"x\xe2\x82", f"x{escaped(0xE2, 0x82)}"),
    "composed": (None, "\u00e9".encode(), "\u00e9"),
    "decomposed": (None, "e\u0301".encode(), "e\u0301"),
}


@pytest.fixture(params=list(NAMES))
def name(request):
    return NAMES[request.param]


def test_a_name_of_the_server_can_be_used(site, mount, name):
    codepage, there, here = name
    there = os.fsdecode(there)
    site.put(there, b"content")
    site.mkdir(f"in {there}")
    site.put(f"in {there}/{there}", b"inner")
    mounted = mount(codepage=codepage, dir_cache_timeout=0)
    assert sorted(os.listdir(mounted.path)) == sorted([here, f"in {here}"])
    assert os.listdir(mounted.at(f"in {here}")) == [here]
    assert read(mounted.at(here)) == b"content"
    assert read(mounted.at(f"in {here}", here)) == b"inner"
    write(mounted.at(here), b"written back")
    assert site.get(there) == b"written back"
    with open(mounted.at(here), "ab") as file:
        file.write(b" and more")
    assert site.get(there) == b"written back and more"
    os.chmod(mounted.at(here), 0o600)
    os.rename(mounted.at(here), mounted.at(f"in {here}", "plain"))
    assert sorted(site.names(f"in {there}")) == sorted(["plain", there])
    os.rename(mounted.at(f"in {here}", "plain"), mounted.at(here))
    assert read(mounted.at(here)) == b"written back and more"
    os.unlink(mounted.at(here))
    os.unlink(mounted.at(f"in {here}", here))
    os.rmdir(mounted.at(f"in {here}"))
    assert site.names() == []


def test_a_name_of_this_side_has_the_servers_bytes(site, mount, name):
    codepage, there, here = name
    there = os.fsdecode(there)
    mounted = mount(codepage=codepage, dir_cache_timeout=0)
    write(mounted.at(here), b"content")
    os.mkdir(mounted.at(f"in {here}"))
    assert sorted(site.names()) == sorted([there, f"in {there}"])
    assert read(mounted.at(here)) == b"content"


def test_a_character_that_the_code_page_lacks_is_eilseq(site, mount):
    mounted = mount(codepage="ISO-8859-15")
    with pytest.raises(OSError) as caught:
        write(mounted.at("\u4e2d"), b"x")
    assert caught.value.errno == errno.EILSEQ
    assert site.names() == []


def test_composed_and_decomposed_names_are_two(site, mount):
    composed, decomposed = "\u00fcber", "u\u0308ber"
    site.put(composed, b"composed")
    mounted = mount(dir_cache_timeout=0)
    write(mounted.at(decomposed), b"decomposed")
    assert sorted(os.listdir(mounted.path)) == sorted(site.names()) == [decomposed, composed]
    assert site.get(composed) == read(mounted.at(composed)) == b"composed"
    assert site.get(decomposed) == read(mounted.at(decomposed)) == b"decomposed"
