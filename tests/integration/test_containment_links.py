# SPDX-License-Identifier: GPL-2.0-or-later
"""Symbolic links of a server, which the kernel walks on this machine: none leads out of the mount, by
whatever way it is told and whatever other links it goes by."""

import errno
import os
import stat

import pytest
from harness import Site
from scripted_faults import lines
from scripted_mount import OPTIONS, Memory, at, within

pytest_plugins = ["scripted_fixtures"]

SECRET = b"of this machine\n"
UP = "../" * 40


def refusal(call, *arguments):
    """The name of the errno that the call fails with, "" when it does not fail."""
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return ""


def read(path):
    with open(path, "rb") as file:
        return file.read()


def overwrite(path):
    with open(path, "wb") as file:
        file.write(b"the server's")


def is_link(path):
    return stat.S_ISLNK(os.lstat(path).st_mode)


@pytest.fixture
def secret(tmp_path):
    """A file of this machine, that no link of the server may lead to."""
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    yield str(path)
    assert path.read_bytes() == SECRET


def assert_told_inside(mounted, path):
    """What readlink says, if anything, lies in the mount."""
    if refusal(os.readlink, path) == "EPERM":
        return
    target = os.readlink(path)
    assert not os.path.isabs(target)
    found = os.path.normpath(os.path.join(os.path.dirname(path), target))
    assert (found + "/").startswith(mounted.path + "/")


def assert_closed(path, secret):
    """Nothing comes of walking by `path`, which leads to the secret if to anything."""
    for call in (read, overwrite, os.stat, os.listdir):
        assert refusal(call, path) in ("EPERM", "ENOENT"), call
    assert refusal(os.truncate, path, 0) in ("EPERM", "ENOENT")
    assert refusal(os.mkdir, os.path.join(path, "made")) in ("EPERM", "ENOENT")
    assert read(secret) == SECRET


# Real servers. Some show what a link of theirs leads to in its place: then that is what must be safe.


def test_links_that_lead_out_are_shown_and_not_followed(site, mount, secret):
    beside = Site(site.server, f"{site.directory}-beside")
    beside.put("file", b"content")
    site.mkdir("deep")
    site.mkdir("deep/er")
    targets = {
        "relative": UP + secret.lstrip("/"),
        "absolute": secret,
        "through": "deep/../../" + UP + secret.lstrip("/"),
        "hostname": UP + "etc/hostname",
    }
    for name, target in targets.items():
        os.symlink(target, site.path(name))
        os.symlink(target, site.path("deep/er", name))
    os.symlink(f"../{beside.directory}/file", site.path("beside"))
    os.symlink(f"../../../{beside.directory}/file", site.path("deep/er/beside"))
    mounted = mount()
    shown = set()
    for directory in ("", "deep/er"):
        listed = os.listdir(mounted.at(directory))
        for name in {"beside", *targets} & set(listed):
            path = mounted.at(directory, name)
            if refusal(os.lstat, path) != "" or not is_link(path):
                # The server follows it, on its own disk and with its own rights.
                continue
            shown.add(path)
            # ProFTPD knows of no link to what its user can't reach.
            reached = site.name != "proftpd" or name == "beside"
            for call in (os.readlink, os.stat, read, overwrite):
                assert refusal(call, path) in (("EPERM",) if reached else ("EPERM", "ENOENT"))
            if name != "beside":
                assert_closed(path, secret)
    assert beside.get("file") == b"content"
    if site.name == "pyftpdlib":
        # It lists what links lead to, and hides those that leave its root.
        return
    assert len(shown) >= 2 if site.name == "proftpd" else len(shown) == 2 * len(targets) + 2
    told = [line for line in mounted.log().splitlines() if "leads out of the mount" in line]
    assert len(told) == 2
    assert "symlinks=all" in told[0]


def test_links_that_stay_inside_are_followed(site, mount):
    site.mkdir("directory")
    site.put("file", b"above")
    site.put("directory/file", b"below")
    here = f"/{site.directory}"
    ways = {
        "directory/up": ("../file", "../file", b"above"),
        "directory/beside": ("../directory/file", "file", b"below"),
        "directory/absolute": (f"{here}/file", "../file", b"above"),
        "directory/round": (f"../../{site.directory}/file", "../file", b"above"),
        "plain": ("./directory//file", "./directory//file", b"below"),
        "down": (f"{here}/directory/file", "directory/file", b"below"),
        "back": ("directory/../file", "file", b"above"),
    }
    for name, (target, _, _) in ways.items():
        os.symlink(target, site.path(name))
    mounted = mount()
    for name, (target, shown, content) in ways.items():
        listed = os.path.basename(name) in os.listdir(os.path.dirname(mounted.at(name)))
        if not listed and target.startswith("/"):
            continue  # absolute on the server's disk, which it does not follow
        if is_link(mounted.at(name)):
            # ProFTPD tells the target of some as it resolves them.
            assert os.readlink(mounted.at(name)) in (shown, shown.replace("./", "", 1))
            assert os.lstat(mounted.at(name)).st_size == len(os.readlink(mounted.at(name)))
        assert read(mounted.at(name)) == content
    os.rename(mounted.at("directory"), mounted.at("other"))
    assert read(mounted.at("other", "up")) == b"above"


def test_a_mount_of_the_root_shows_what_is_below_it(servers, site, mount):
    site.put("file", b"content")
    os.symlink(f"/{site.directory}/file", site.path("link"))
    mounted = mount(site.server, directory="/")
    path = mounted.at(site.directory, "link")
    if refusal(os.lstat, path) == "" and is_link(path):
        assert os.readlink(path) == "file"
        assert read(path) == b"content"
    else:
        assert site.name == "pyftpdlib"


def test_a_link_out_of_the_mount_is_not_made(servers, mount, tmp_path, secret):
    site = Site(servers.get("proftpd"), f"made-{os.getpid()}-{tmp_path.name}")
    site.mkdir("directory")
    site.put("file", b"content")
    mounted = mount(site.server, directory=site.directory)
    for target in (secret, "..", "../x", "directory/../../x", f"/{site.directory}/file"):
        assert refusal(os.symlink, target, mounted.at("link")) == "EPERM", target
    assert refusal(os.symlink, "../../x", mounted.at("directory", "link")) == "EPERM"
    assert site.names() == ["directory", "file"]
    assert "symbolic link" in mounted.log()
    os.symlink("../file", mounted.at("directory", "link"))
    assert os.readlink(mounted.at("directory", "link")) == "../file"
    assert read(mounted.at("directory", "link")) == b"content"


# The scripted server: a client that believed it would be led anywhere.


@pytest.fixture(params=["MLSD", "LIST"])
def teller(request, scripted):
    """A server that tells of its links by one of the two."""
    return scripted(mlst=request.param == "MLSD")


@pytest.mark.parametrize("root", ["", "/a/b/c"])
def test_a_server_leads_nowhere_out_of_the_mount(teller, mount, secret, root):
    targets = {
        "absolute": secret,
        "climb": UP + secret.lstrip("/"),
        "slashes": "//" + secret,
        "dots": "./././" + UP + "." + secret,
        "top": "/..",
        "process": "/proc/self/root" + secret,
        "cwd": "/proc/self/cwd",
    }
    for name, target in targets.items():
        teller.tree.link(f"{root}/{name}", target)
        teller.tree.link(f"{root}/x/y/{name}", target)
    mounted = mount(teller, directory=root, **OPTIONS)
    for directory in ("", "x/y"):
        assert set(targets) <= set(os.listdir(mounted.at(directory)))
        for name in targets:
            assert is_link(mounted.at(directory, name))
            assert_told_inside(mounted, mounted.at(directory, name))
            assert_closed(mounted.at(directory, name), secret)


def walks(directory, depth):
    """All ways of names and ".." of a length."""
    if depth == 0:
        return [directory]
    return [
        f"{way}/{step}"
        for way in walks(directory, depth - 1)
        for step in ("..", "down", "up", "deep")
    ]


def test_a_way_through_other_links_stays_inside(teller, mount, tmp_path):
    """Links to directories deeper down and further up, and all ways through them: each ends in the
    mount, or nowhere."""
    teller.tree.makedirs("/d/e/f")
    for directory in ("", "/d", "/d/e", "/d/e/f"):
        teller.tree.put(f"{directory}/inside")
        teller.tree.link(f"{directory}/down", "/d/e/f")
        teller.tree.link(f"{directory}/up", "/")
        teller.tree.link(f"{directory}/deep", "d/e")
    ways = [way for depth in (1, 2, 3) for way in walks("", depth)]
    for number, way in enumerate(ways):
        teller.tree.link(f"/d/way{number}", way.lstrip("/"))
        teller.tree.link(f"/d/e/f/way{number}", way.lstrip("/"))
    mounted = mount(teller, timeout=10)
    device = os.stat(mounted.path).st_dev
    reached = 0
    for directory in ("d", "d/e/f"):
        for number in range(len(ways)):
            path = mounted.at(directory, f"way{number}")
            try:
                found = os.stat(path)
            except OSError as error:
                assert error.errno in (errno.EPERM, errno.ENOENT, errno.ELOOP)
                continue
            reached += 1
            assert found.st_dev == device
            assert os.path.exists(os.path.join(path, "inside"))
    assert reached > len(ways) // 2


ODD = {
    "empty": ("", "EOPNOTSUPP"),
    "dot": (".", "."),
    "blank": (" ", " "),
    "controls": ("a\tb\x1b[31mc\x7f\x9b", "a\tb\x1b[31mc\x7f\x9b"),
    "longest": ("n/" * 2047 + "n", "n/" * 2047 + "n"),
    "over": ("n/" * 2048, "ENAMETOOLONG"),
    "huge": ("n/" * 30000, "ENAMETOOLONG"),
    "climbing": ("../" * 20000, "ENAMETOOLONG"),
}


def test_odd_targets(teller, mount):
    for name, (target, _) in ODD.items():
        teller.tree.link(f"/dir/{name}", target)
    teller.tree.link("/dir/nul", "a\0b")
    mounted = mount(teller, **OPTIONS)
    assert set(os.listdir(at(mounted, "/dir"))) >= set(ODD) - {"empty"}
    for name, (_, wanted) in ODD.items():
        path = at(mounted, f"/dir/{name}")
        if name == "empty" and refusal(os.lstat, path) == "ENOENT":
            continue
        assert is_link(path)
        try:
            found = os.readlink(path)
        except OSError as error:
            found = errno.errorcode[error.errno].replace("ENOTSUP", "EOPNOTSUPP")
        assert found == wanted, name
    assert refusal(os.readlink, at(mounted, "/dir/nul")) in ("ENOTSUP", "EOPNOTSUPP", "EIO")


def test_mlst_alone_tells_of_a_link(scripted, mount, secret):
    """A lookup in a directory that is not listed asks for the name alone."""
    server = scripted()
    for name, target in (("out", secret), ("in", "/m/dir/file"), ("huge", "n/" * 30000)):
        server.tree.link(f"/m/dir-{name}/{name}", target)
    server.tree.put("/m/dir/file", b"content")
    mounted = mount(server, directory="/m", **OPTIONS)
    for name, wanted in (("out", "EPERM"), ("huge", "ENAMETOOLONG"), ("in", "")):
        assert refusal(os.readlink, at(mounted, f"/dir-{name}/{name}")) == wanted
    assert server.count("MLSD") == 0
    assert os.readlink(at(mounted, "/dir-in/in")) == "../dir/file"
    assert read(at(mounted, "/dir-in/in")) == b"content"


def test_names_of_a_listing_lead_nowhere_either(server, mounted):
    server.tree.makedirs("/dir")
    names = ("..", ".", "../x", "/etc", "a/b", "..\0", "...", "good")
    for verb, form in (
        ("MLSD", "type=OS.unix=slink:x; {}\r\n"),
        ("LIST", "lrwxrwxrwx 1 u g 1 Jan 1 00:00 {} -> x\r\n"),
    ):
        server.fault(verb, lines(*[form.format(name) for name in names]), match="dir")
        assert set(within(20, os.listdir, at(mounted, "/dir"))) == {"...", "good"}


LINKS = 5000


def test_huge_targets_take_no_memory(teller, mount):
    """305 MB, when they were kept."""
    for number in range(LINKS):
        teller.tree.link(f"/dir/{number}", "../" * 20000)
    mounted = mount(teller, timeout=20)
    with Memory(mounted.pid, 48 << 20):
        assert len(within(60, os.listdir, at(mounted, "/dir"))) == LINKS
        assert refusal(os.readlink, at(mounted, "/dir/7")) == "ENAMETOOLONG"


@pytest.mark.seconds(180)
def test_many_long_targets_are_bounded(scripted, mount):
    """As many as the kernel would take of each: 160 MB in all."""
    server = scripted()
    server.tree.makedirs("/dir")
    target = "n" * 4000
    server.fault(
        "MLSD",
        lines(*[f"type=OS.unix=slink:{target}; {number}\r\n" for number in range(40000)]),
        match="dir",
    )
    for number in range(40000):
        server.tree.link(f"/dir/{number}", target)
    mounted = mount(server, timeout=20)
    with Memory(mounted.pid, 120 << 20):
        assert len(within(120, os.listdir, at(mounted, "/dir"))) == 40000
        for number in (0, 39999, 39999):
            assert os.readlink(at(mounted, f"/dir/{number}")) == target


def test_the_log_has_one_line_a_directory(teller, mount):
    for number in range(20):
        teller.tree.link(f"/m/one/{number}", "/etc/hostname")
        teller.tree.link(f"/m/two/{number}", "../../\x1b[31m/etc/hostname")
    mounted = mount(teller, directory="/m", **OPTIONS)
    for _ in range(3):
        for directory in ("one", "two"):
            for name in os.listdir(at(mounted, directory)):
                refusal(os.readlink, at(mounted, f"{directory}/{name}"))
    told = [line for line in mounted.log().splitlines() if "out of the mount" in line]
    assert len(told) == 2
    assert "\x1b" not in "".join(told)


# The options


def test_with_symlinks_all_the_server_is_trusted(teller, mount, secret):
    teller.tree.put("/m/dir/file", b"content")
    teller.tree.link("/m/dir/out", secret)
    teller.tree.link("/m/dir/in", "/m/dir/file")
    mounted = mount(teller, directory="/m", symlinks="all", **OPTIONS)
    assert os.readlink(at(mounted, "/dir/out")) == secret
    assert read(at(mounted, "/dir/out")) == SECRET
    assert os.readlink(at(mounted, "/dir/in")) == "file"


@pytest.mark.parametrize(
    "options",
    [{"symlinks": "none"}, {"nosymfollow": True}, {"nosymfollow": True, "symlinks": "all"}],
)
def test_with_symlinks_none_no_link_is_followed(teller, mount, options):
    teller.tree.put("/dir/file", b"content")
    teller.tree.link("/dir/in", "file")
    mounted = mount(teller, **options, **OPTIONS)
    path = at(mounted, "/dir/in")
    assert is_link(path)
    assert "in" in os.listdir(at(mounted, "/dir"))
    for call in (os.readlink, os.stat, read, overwrite):
        assert refusal(call, path) == "EPERM"
    assert refusal(os.symlink, "file", at(mounted, "/dir/new")) in ("EPERM", "ENOTSUP")
    assert read(at(mounted, "/dir/file")) == b"content"
    os.unlink(path)
    assert not teller.tree.exists("/dir/in")
