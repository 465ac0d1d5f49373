# SPDX-License-Identifier: GPL-2.0-or-later
"""Secrets that are kept for no host go to no host that somebody else has named, and a link connects
to nothing before the user has agreed."""

import os
import ssl

import pytest

from harness import credentials_file, mountinfo, run_ftpsfs, source_for, unmount_and_wait
from test_configuration import print_config, values, write_config
from test_secrets import write

pytest_plugins = ["scripted_fixtures", "desktop_fixtures"]

PASSWORD = "Rumpelstilzchen-91"


@pytest.fixture
def evil(scripted):
    """The server that a link names. It would take the password."""
    server = scripted(password=PASSWORD)
    server.tree.put("/file", b"content")
    return server


def trusting(server, *lines):
    """[defaults] by which any server of the tests is believed, and `lines`."""
    return "\n".join(["[defaults]", f"cafile={server.cafile}", *lines, ""])


def all_servers_file(home, server):
    path = credentials_file(home, server.user, PASSWORD)
    write_config(home, trusting(server, f"credentials={path}"))


def all_servers_command(home, server):
    path = write(os.path.join(home, "secret"), PASSWORD + "\n")
    write_config(home, trusting(server, f"password_command=touch {home}/ran; cat {path}"))


def netrc_default(home, server):
    write_config(home, trusting(server))
    write(os.path.join(home, ".netrc"), f"default login {server.user} password {PASSWORD}\n")


def netrc_other_host(home, server):
    """Names that end or begin as the server's does are others'."""
    write_config(home, trusting(server))
    names = ["7.0.0.1", ".0.0.1", "127.0.0", "127.0.0.1.evil.example", "x127.0.0.1", "*", "."]
    lines = [f"machine {name} login {server.user} password {PASSWORD}\n" for name in names]
    write(os.path.join(home, ".netrc"), "".join(lines))


def service(home, server):
    write_config(home, trusting(server))
    write(os.path.join(home, "ftpsfs.password"), PASSWORD)
    return {"CREDENTIALS_DIRECTORY": home}


UNBOUND = [all_servers_file, all_servers_command, netrc_default, netrc_other_host, service]


@pytest.mark.parametrize("kept", UNBOUND, ids=lambda kept: kept.__name__)
def test_a_link_gets_no_password_that_is_kept_for_no_host(evil, home, desktop, kept):
    """Even when the user says yes: without a terminal there is then no password."""
    changes = kept(home, evil) or {}
    desktop.dialog("zenity", 0)
    assert "no password" in desktop(source_for(evil), status=1, **changes)
    assert evil.count("PASS") == 0
    assert not os.path.exists(os.path.join(home, "ran"))


@pytest.mark.parametrize("kept", UNBOUND, ids=lambda kept: kept.__name__)
def test_what_the_user_names_gets_it(evil, home, point, kept):
    """The user's own command line is no link. What names another host stays unused there too."""
    changes = kept(home, evil) or {}
    result = run_ftpsfs(source_for(evil), point, home=home, **changes)
    assert result.returncode == (1 if kept is netrc_other_host else 0), result.stderr
    assert evil.arguments("PASS") == ([] if kept is netrc_other_host else [PASSWORD])


def test_a_source_typed_at_the_question_is_the_users_own(evil, home, desktop):
    all_servers_file(home, evil)
    assert os.listdir(desktop(typed=source_for(evil) + "\n")) == ["file"]
    assert desktop.asked() == []


def own_entry(home, server):
    write_config(home, trusting(server))
    lines = f"default login x password wrong\nmachine 127.0.0.1 login {server.user} password {PASSWORD}\n"
    write(os.path.join(home, ".netrc"), lines)


def own_alias(home, server):
    path = credentials_file(home, server.user, PASSWORD)
    text = trusting(server, f"credentials={path}")
    write_config(home, text + f"[work]\nsource=127.0.0.1\nport={server.port}\n")


@pytest.mark.parametrize("kept", [own_entry, own_alias], ids=lambda kept: kept.__name__)
def test_a_link_to_a_host_that_the_user_has_named_gets_its_secrets(evil, home, desktop, kept):
    kept(home, evil)
    desktop.dialog("zenity", 0)
    point = desktop(source_for(evil))
    assert os.listdir(point) == ["file"]
    assert evil.arguments("PASS") == [PASSWORD]
    assert any("Connect to 127.0.0.1 port" in word for word in desktop.asked())


@pytest.mark.parametrize("named", ["localhost", "127.0.0.1"])
def test_an_alias_names_its_own_host_and_port_alone(evil, home, desktop, named):
    """Another port of the same host is another server."""
    path = credentials_file(home, evil.user, PASSWORD)
    port = evil.port if named == "localhost" else evil.port - 1
    text = trusting(evil, f"credentials={path}") + f"[work]\nsource={named}\nport={port}\n"
    write_config(home, text)
    desktop.dialog("zenity", 0)
    desktop(source_for(evil), status=1)
    assert evil.count("PASS") == 0


def test_the_secrets_of_an_alias_are_for_its_server_alone(evil, home, point):
    path = credentials_file(home, evil.user, PASSWORD)
    write_config(home, trusting(evil) + f"[work]\nsource=localhost\ncredentials={path}\n")
    result = run_ftpsfs(source_for(evil), point, home=home)
    assert result.returncode == 1 and "no password" in result.stderr
    assert evil.count("PASS") == 0


def test_a_link_is_sent_no_commands_of_all_servers(evil, home, desktop, point):
    own_entry(home, evil)
    write_config(home, trusting(evil, "ftp_init=SITE GROUP staff/secret"))
    desktop.dialog("zenity", 0)
    assert os.listdir(desktop(source_for(evil))) == ["file"]
    assert not any("GROUP" in argument for argument in evil.arguments("SITE"))
    # They are of the user's own command line, whose server refuses them here.
    assert "-o ftp_init" in run_ftpsfs(source_for(evil), point, home=home).stderr
    assert any("GROUP" in argument for argument in evil.arguments("SITE"))


def test_a_link_is_shown_no_client_certificate_of_all_servers(scripted, home, desktop):
    server = scripted(password=PASSWORD)
    server.context.verify_mode = ssl.CERT_OPTIONAL
    server.context.load_verify_locations(server.cafile)
    certificate = server.authority.good()
    lines = [f"cert={certificate.certfile}", f"key={certificate.keyfile}"]
    write_config(home, trusting(server, *lines))
    write(
        os.path.join(home, ".netrc"),
        f"machine {server.host} login {server.user} password {PASSWORD}\n",
    )
    seen = []
    execute = server.session_class.execute

    class Noting(server.session_class):
        def execute(self, verb, argument):
            if verb == "USER":
                seen.append(self.stream.getpeercert())
            return execute(self, verb, argument)

    server.session_class = Noting
    desktop.dialog("zenity", 0)
    point = desktop(source_for(server))
    os.listdir(point)
    assert seen and not any(seen)
    unmount_and_wait(point)
    seen.clear()
    assert os.listdir(desktop(typed=source_for(server) + "\n")) == []
    assert seen and all(seen)


def test_the_options_of_a_link_say_what_is_left_out(home):
    write_config(home, "[defaults]\npassword_command=true\ntimeout=7\n[work]\nsource=ann@host\n")
    for words, kept in (
        (["ann@evil"], True),
        (["-o", "link", "work:"], True),
        (["-o", "link", "ann@host"], True),
        (["-o", "link", "ann@evil"], False),
        (["-o", "link,password_command=x", "ann@evil"], True),
    ):
        found = values(print_config(home, *words))
        assert ("password_command" in found) == kept, words
        assert found["timeout"][0] == "7"


def test_a_map_of_others_is_a_link_too(evil, home, point):
    """As of an automounter whose keys other users choose: the option does it, without a desktop."""
    all_servers_file(home, evil)
    result = run_ftpsfs(source_for(evil), point, "-o", "link", home=home)
    assert result.returncode == 1 and "no password" in result.stderr
    assert evil.count("PASS") == 0


# The question


def bound(home, server):
    """A password that the server may have, and anyone may be asked about it."""
    own_entry(home, server)


@pytest.mark.parametrize("program,status", [("zenity", 1), ("zenity", 255), ("kdialog", 1)])
def test_no_and_a_dialog_that_is_closed_connect_to_nothing(evil, home, desktop, program, status):
    bound(home, evil)
    desktop.dialog(program, status)
    desktop(source_for(evil), status=1)
    assert any("Connect to" in word for word in desktop.asked())
    assert evil.sessions_total == 0 and desktop.points() == []


def test_nothing_to_ask_on_connects_to_nothing(evil, home, desktop):
    """What stands on standard input is no user's answer."""
    bound(home, evil)
    assert "no terminal and no dialog" in desktop(source_for(evil), typed="y\n", status=1)
    assert evil.sessions_total == 0 and desktop.points() == []


@pytest.mark.parametrize("answer", ["y", "", "n", "\x04"])
def test_the_question_on_a_terminal(evil, home, desktop, answer):
    bound(home, evil)
    desktop.dialog("zenity", 0)
    terminal = desktop.on_terminal(source_for(evil))
    words = f"Connect to 127.0.0.1 port {evil.port} as {evil.user}? [y/N] "
    terminal.read_until(words.encode())
    assert evil.sessions_total == 0
    os.write(terminal.descriptor, answer.encode() + (b"" if answer == "\x04" else b"\n"))
    status = terminal.rest()
    assert desktop.asked() == []
    if answer == "y":
        assert status == 0
        assert os.listdir(desktop.points()[0]) == ["file"]
        # One that is mounted is opened, and not asked about.
        assert desktop(source_for(evil)) == desktop.points()[0]
    else:
        assert status == 1
        assert evil.sessions_total == 0 and desktop.points() == []


# A link, and the server and user that the question must show.
SHOWN = {
    "ftps://bank.example@evil.example/": ("evil.example", "bank.example"),
    "ftps://bank.example%2Fx@evil.example/": ("evil.example", "bank.example%2Fx"),
    "ftps://evil.example:2121/bank.example": ("evil.example port 2121", None),
    "ftps://b\u00e4nk.example/": ("xn--bnk-qla.example", None),
    "ftps://a%E2%80%AEnib@evil.example/": ("evil.example", "a%E2%80%AEnib"),
    "ftps://a\u202enib@evil.example/": ("evil.example", "a%E2%80%AEnib"),
    "ftps://%3Cb%3Ebank%5Cn@evil.example/": ("evil.example", "%3Cb%3Ebank%5Cn"),
    "ftps://ann%3F%20It%20is%20safe.%20%27@evil.example/": (
        "evil.example",
        "ann%3F%20It%20is%20safe.%20%27",
    ),
    "ftps://" + "a" * 5000 + "@evil.example/": ("evil.example", "a" * 64 + "..."),
    "ftps://J\u00f6rg@evil.example/": ("evil.example", "J\u00f6rg"),
    "FTPS://EVIL.example./": ("EVIL.example.", None),
}


@pytest.mark.parametrize("link", SHOWN, ids=lambda link: ascii(link)[1:40])
def test_the_question_shows_where_a_link_really_leads(home, desktop, link):
    desktop.dialog("zenity", 1)
    desktop(link, status=1)
    server, user = SHOWN[link]
    words = [word for word in desktop.asked() if word.startswith("--text=")]
    assert "--no-markup" in desktop.asked()
    assert words == [f"--text=Connect to {server} as {user or 'root'}?"]


def described(home, *words):
    result = run_ftpsfs("--describe", *words, home=home)
    assert (result.returncode, result.stderr) == (0, "")
    return dict(line.split("\t") for line in result.stdout.splitlines())


def test_describe_says_where_a_source_leads_and_asks_nothing(home):
    """The user is the one that a mount would log in; no command is run to find out."""
    path = credentials_file(home, "bob", PASSWORD)
    write_config(
        home,
        f"[work]\nsource=inside.example/dir\ncredentials={path}\n"
        f"[run]\nsource=ann@inside.example\npassword_command=touch {home}/ran\n",
    )
    write(os.path.join(home, ".netrc"), "machine evil.example login carl password x\n")
    url = "ftps://inside.example/dir/sub"
    assert described(home, "work:sub") == {
        "alias": "work",
        "url": url,
        "server": "inside.example",
        "user": "bob",
    }
    assert described(home, "run")["user"] == "ann"
    assert described(home, "evil.example:/x") == {
        "url": "ftps://evil.example//x",
        "server": "evil.example",
        "user": "carl",
    }
    assert described(home, "-o", "explicit", "h:21")["server"] == "h"
    assert described(home, "-o", "explicit", "h:990")["server"] == "h port 990"
    assert not os.path.exists(os.path.join(home, "ran"))


REFUSED = [
    "ftps://ann:secret-word@evil.example/",
    "ftps://ann:@evil.example/",
    "ftps://ann%0Aquit@evil.example/",
    "ftps://ann%1B]0;x@evil.example/",
    "ftps://ann%C2%9Bx@evil.example/",
    "ftps://evil\x1b[31m.example/",
    "ftps://evil\u009b31m.example/",
    "ftps://evil\u202e.example/",
    "ftps://evil.example/\nalias\twork",
    "ftps://-oProxyCommand=x/",
    "-oProxyCommand=x",
    "--help",
    "-",
    "http://evil.example/",
    "ftps://$(touch ran)/",
    "ftps://`touch ran`/",
    "ftps://;touch ran/",
]


@pytest.mark.parametrize("link", REFUSED, ids=lambda link: ascii(link)[1:40])
def test_a_link_that_is_none_is_not_even_asked_about(home, desktop, link):
    desktop.dialog("zenity", 0)
    text = desktop(link, status=1)
    assert not any("Connect to" in word for word in desktop.asked())
    assert desktop.points() == [] and "secret-word" not in text
    assert not any(ord(letter) < 32 and letter != "\n" for letter in text) and "\u009b" not in text


@pytest.mark.parametrize(
    "path",
    ["..", "../../../etc", "%2e%2e/%2e%2e", "a/../../..", "%2F..%2F..", "-rf", "$(id)", ". ."],
)
def test_mountpoints_stay_below_their_folder(evil, home, desktop, path):
    bound(home, evil)
    for name in ("etc", "-rf", "$(id)", ". ."):
        evil.tree.put(f"/{name}/file", b"")
    desktop.dialog("zenity", 0)
    point = desktop(source_for(evil, path))
    assert desktop.points() == [point] and mountinfo(point)
    assert os.path.dirname(point) == f"{home}/FTPS"
    assert os.path.basename(point).startswith(f"{evil.user}@127.0.0.1:{evil.port}")
    assert set(os.listdir(home)) == {".config", ".local", ".netrc", "FTPS"}


def test_a_folder_that_shows_another_source_is_not_opened(evil, home, desktop):
    """ "a/b" and "a-b" would have one name, and a host is called as an alias is."""
    bound(home, evil)
    evil.tree.put("/a/b/file", b"")
    evil.tree.put("/a-b/other", b"")
    desktop.dialog("zenity", 0)
    point = desktop(source_for(evil, "a/b"))
    assert "another source" in desktop(source_for(evil, "a-b"), status=1)
    assert os.listdir(point) == ["file"]


def test_a_link_is_never_an_alias(home, desktop):
    write_config(home, "[ftps]\nsource=ann@inside.example\n[work]\nsource=ann@inside.example\n")
    desktop.dialog("zenity", 1)
    for link, server in (("ftps://evil.example/", "evil.example"), ("ftps://work/", "work")):
        desktop(link, status=1)
        assert desktop.asked()[-1] == f"--text=Connect to {server} as root?"


def test_the_prompt_for_a_password_shows_no_escapes(evil, home, desktop):
    write_config(home, trusting(evil))
    terminal = desktop.on_terminal(source_for(evil).replace("ftps://", "ftps://a%E2%80%AEb"))
    terminal.read_until(b"[y/N] ")
    os.write(terminal.descriptor, b"y\n")
    terminal.read_until(b"Password for a?b")
    os.write(terminal.descriptor, b"\x03")
    terminal.rest()
    assert "\u202e".encode() not in terminal.text
