# SPDX-License-Identifier: GPL-2.0-or-later
"""Listings in other languages: English is asked for where it can be; months of well-known languages
are understood; the time of a file whose month is not is asked for."""

import os
import stat
import time

import pytest
from scripted_language import LanguageServer

pytest_plugins = ["scripted_fixtures"]

RECENT = int(time.time()) // 60 * 60 - 40 * 86400
GERMAN = "Jan Feb M\u00e4r Apr Mai Jun Jul Aug Sep Okt Nov Dez".split()


def fill(server):
    for number in range(5):
        server.tree.put(f"/file-{number}", b"x" * number, mtime=RECENT + number * 60 + 7)
    server.tree.makedirs("/folder")


def times(mounted):
    return [os.stat(mounted.at(f"file-{number}")).st_mtime for number in range(5)]


def test_english_is_asked_for_on_every_connection(scripted, mount):
    server = scripted(LanguageServer)
    fill(server)
    mounted = mount(server, no_exact_times=True)
    assert sorted(os.listdir(mounted.path)) == [*(f"file-{n}" for n in range(5)), "folder"]
    assert times(mounted) == [RECENT + number * 60 for number in range(5)]
    server.drop_connections()
    assert os.listdir(mounted.at("folder")) == []
    assert server.arguments("LANG") == ["en"] * server.count("PASS")


def test_english_is_not_asked_for_where_it_is_not_offered(scripted, mount):
    server = scripted(LanguageServer, offers=False, months=GERMAN)
    fill(server)
    mounted = mount(server, no_exact_times=True)
    assert times(mounted) == [RECENT + number * 60 for number in range(5)]
    assert server.count("LANG") == 0


def test_months_in_german_are_understood(scripted, mount):
    server = scripted(LanguageServer, offers=False, months=GERMAN)
    fill(server)
    assert times(mount(server)) == [RECENT + number * 60 + 7 for number in range(5)]


@pytest.mark.parametrize("size", [True, False])
def test_a_file_whose_month_is_not_understood_has_the_time_that_is_asked_for(scripted, mount, size):
    server = scripted(LanguageServer, offers=False)
    if not size:
        server.lacks |= {"SIZE"}
    fill(server)
    mounted = mount(server)
    assert times(mounted) == [RECENT + number * 60 + 7 for number in range(5)]
    assert os.stat(mounted.at("file-4")).st_size == 4
    assert stat.S_ISDIR(os.stat(mounted.at("folder")).st_mode)
    with open(mounted.at("file-4"), "rb") as file:
        assert file.read() == b"xxxx"
