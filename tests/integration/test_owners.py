# SPDX-License-Identifier: GPL-2.0-or-later
"""Who owns a file, and giving it to others: where the mount shows the server's owners a change of
them is sent, by whatever command the server has, and a refusal is EPERM."""

import errno
import grp
import os
import pwd

import pytest
from scripted_features import FeatureServer
from scripted_mount import OPTIONS, at, fresh

pytest_plugins = ["scripted_fixtures"]

GAMES = pwd.getpwnam("games").pw_uid, grp.getgrnam("games").gr_gid
NOBODY_HAS_THIS = 4200000001
NEVER = {**OPTIONS, "dir_cache_timeout": 600}


@pytest.fixture
def feature_server(scripted):
    def make(**options):
        return scripted(kind=FeatureServer, **options)

    return make


def owners(path):
    status = os.lstat(path)
    return status.st_uid, status.st_gid


def on_server(server, path):
    node = server.tree.find(path)
    return node.owner, node.group


def refused(function, *arguments):
    with pytest.raises(OSError) as caught:
        function(*arguments)
    return caught.value.errno == errno.EPERM


@pytest.mark.parametrize("way", ["MFF", "SITE"])
def test_an_owner_is_set_by_the_way_that_the_server_has(feature_server, mount, way):
    server = feature_server(owners=way)
    mounted = mount(server, idmap="none", **NEVER)
    path = fresh(server, b"content")
    os.stat(at(mounted, path))
    server.forget()
    os.chown(at(mounted, path), 7007, 7008)
    # It shows at once, and nothing was asked for again.
    assert owners(at(mounted, path)) == (7007, 7008)
    assert on_server(server, path) == ("7007", "7008")
    assert server.count("MLSD", "MLST", "LIST") == 0
    assert server.count(way) == 2
    # Who has it already is nothing to do.
    os.chown(at(mounted, path), 7007, 7008)
    assert server.count(way) == 2
    os.mkdir(mounted.at("directory"))
    os.chown(mounted.at("directory"), 7007, -1)
    assert on_server(server, "/directory") == ("7007", None)


def test_no_way_to_set_an_owner_is_eperm_and_asked_for_once(feature_server, mount):
    server = feature_server()
    mounted = mount(server, idmap="none", **OPTIONS)
    path = fresh(server, b"content")
    for _ in range(2):
        assert refused(os.chown, at(mounted, path), 7007, -1)
        assert refused(os.chown, at(mounted, path), -1, 7007)
    assert server.arguments("SITE").count(f"CHOWN 7007 {path}") == 1
    assert server.arguments("SITE").count(f"CHGRP 7007 {path}") == 1
    # It is known by then, and nothing is uploaded for it.
    with open(mounted.at("new"), "wb", buffering=0) as file:
        file.write(b"content")
        server.forget()
        assert refused(os.fchown, file.fileno(), 7007, -1)
        assert server.count("STOR", "SITE") == 0


def test_an_owner_that_the_server_refuses_is_eperm_and_not_shown(feature_server, mount):
    server = feature_server(owners="SITE")
    server.foreign.add("7007")
    mounted = mount(server, idmap="none", **NEVER)
    path = fresh(server, b"content")
    os.chown(at(mounted, path), 7006, 7006)
    assert refused(os.chown, at(mounted, path), 7007, -1)
    assert refused(os.chown, at(mounted, path), -1, 7007)
    assert owners(at(mounted, path)) == (7006, 7006)
    os.chown(at(mounted, path), 7005, 7004)
    assert on_server(server, path) == ("7005", "7004")


@pytest.mark.parametrize("option", ["plain", "atomic_upload", "writeback"])
def test_a_file_that_is_being_written_is_given_away(feature_server, mount, option):
    server = feature_server(owners="SITE", times="MFF")
    options = {} if option == "plain" else {option: True}
    mounted = mount(server, idmap="none", **OPTIONS, **options)
    with open(mounted.at("file"), "wb", buffering=0) as file:
        file.write(b"content")
        os.fchown(file.fileno(), 7007, 7008)
        os.fchmod(file.fileno(), 0o640)
        os.utime(file.fileno(), (1_500_000_000, 1_500_000_000))
        assert owners(mounted.at("file")) == (7007, 7008)
    assert on_server(server, "/file") == ("7007", "7008")
    assert owners(mounted.at("file")) == (7007, 7008)
    with open(mounted.at("refused"), "wb", buffering=0) as file:
        server.foreign.add("7007")
        file.write(b"content")
        assert refused(os.fchown, file.fileno(), 7007, -1)
        file.write(b" and more")
    os.sync()
    mounted.close()
    assert server.tree.get("/file") == b"content"
    assert server.tree.get("/refused") == b"content and more"
    assert server.tree.find("/file").mode == 0o640
    assert server.tree.find("/file").mtime == 1_500_000_000


@pytest.mark.parametrize("options", [{}, {"uid": 42, "gid": 42, "idmap": "none"}])
def test_owners_that_are_not_the_servers_are_not_sent(feature_server, mount, options):
    server = feature_server(owners="SITE")
    mounted = mount(server, **OPTIONS, **options)
    path = fresh(server, b"content")
    shown = owners(at(mounted, path))
    assert refused(os.chown, at(mounted, path), 7007, -1)
    assert refused(os.chown, at(mounted, path), -1, 7007)
    os.chown(at(mounted, path), *shown)
    assert not [word for word in server.arguments("SITE") if word.startswith("CH")]


def test_with_idmap_names_the_name_is_sent(feature_server, mount):
    server = feature_server(owners="SITE")
    mounted = mount(server, idmap="names", **OPTIONS)
    path = fresh(server, b"content")
    os.chown(at(mounted, path), *GAMES)
    assert on_server(server, path) == ("games", "games")
    assert owners(at(mounted, path)) == GAMES
    server.forget()
    assert refused(os.chown, at(mounted, path), NOBODY_HAS_THIS, -1)
    assert refused(os.chown, at(mounted, path), -1, NOBODY_HAS_THIS)
    assert server.count("SITE") == 0


def test_the_target_of_a_symbolic_link_is_not_given_away_with_it(feature_server, mount):
    server = feature_server(owners="SITE")
    mounted = mount(server, idmap="none", **OPTIONS)
    path = fresh(server, b"content")
    server.tree.link("/link", path)
    assert refused(os.lchown, mounted.at("link"), 7007, -1)
    os.chown(mounted.at("link"), 7007, -1)
    assert on_server(server, path) == ("7007", None)


@pytest.mark.parametrize("idmap", ["none", "names"])
@pytest.mark.parametrize("kind", ["proftpd", "proftpd-list"])
def test_proftpd_changes_the_group(servers, mount, kind, idmap):
    server = servers.make(kind)
    mounted = mount(server, idmap=idmap)
    for name in ("file", "two words"):
        with open(mounted.at(name), "wb", buffering=0) as file:
            file.write(b"content")
            os.fchown(file.fileno(), -1, GAMES[1])
            file.write(b" and more")
        assert os.stat(server.path(name)).st_gid == GAMES[1]
        assert owners(mounted.at(name))[1] == GAMES[1]
        # It is no member of that one, and it has no way to change the owner.
        assert refused(os.chown, mounted.at(name), -1, grp.getgrnam("adm").gr_gid)
        assert refused(os.chown, mounted.at(name), 7007, -1)
        assert os.stat(server.path(name)).st_gid == GAMES[1]
        with open(server.path(name), "rb") as file:
            assert file.read() == b"content and more"
