# SPDX-License-Identifier: GPL-2.0-or-later
"""The many ways in which servers let a user in, or don't."""

import os
import threading

import pytest
from harness import MountError, eventually
from scripted_faults import Reply
from scripted_login import LoginServer
from scripted_mount import OPTIONS, assert_alive, mount_fails

pytest_plugins = ["scripted_fixtures"]


@pytest.fixture
def login_server(scripted):
    def make(**options):
        return scripted(kind=LoginServer, **options)

    return make


def credentials(tmp_path, server, *lines):
    path = tmp_path / "with-account"
    text = [f"username={server.user}", f"password={server.password}", *lines]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    path.chmod(0o600)
    return str(path)


@pytest.mark.parametrize("at", ["USER", "PASS"])
def test_an_account_that_is_asked_for_is_given(login_server, mount, tmp_path, at):
    server = login_server(account="sales", ask_account_at=at)
    path = credentials(tmp_path, server, "account=sales")
    mounted = mount(server, words=["-d"], credentials=path, **OPTIONS)
    assert server.arguments("ACCT") == ["sales"]
    assert "sales" not in mounted.log()
    assert_alive(server, mounted)


def test_an_account_that_is_not_asked_for_is_not_told(login_server, mount, tmp_path):
    server = login_server()
    mount(server, credentials=credentials(tmp_path, server, "account=sales"), **OPTIONS)
    assert server.count("ACCT") == 0


def test_without_the_account_it_says_where_to_write_it(login_server, mount):
    text = mount_fails(mount, login_server(account="sales"))
    assert "account=NAME" in text
    assert "332 And the account?" in text


def test_a_wrong_account_is_refused_once(login_server, mount, tmp_path):
    server = login_server(account="sales")
    path = credentials(tmp_path, server, "account=other")
    assert "530 No such account" in mount_fails(mount, server, credentials=path)
    assert server.count("ACCT") == 1


@pytest.mark.parametrize("welcome", ["230 Welcome.", "232 Known by the certificate."])
def test_a_user_who_needs_no_password_gives_none(login_server, mount, welcome):
    server = login_server(no_password=True, welcome=welcome)
    mounted = mount(server, **OPTIONS)
    assert server.count("PASS") == 0
    assert_alive(server, mounted)


GREETINGS = {
    "lines": "220-Welcome\r\n220-to the\r\n220 scripted server",
    "indented": "220-Welcome\r\n    220 files are here\r\n  230- and here\r\n220 ready",
    "codes": "220-530 people know that\r\n421 of them are gone\r\n220 ready",
    "empty": "220-\r\n\r\n\r\n220 ",
    "delay": "120 Ready in a moment.\r\n220 Ready.",
    "long": "220-" + "x" * 2000 + "\r\n" + "rules\r\n" * 200 + "220 End",
}


@pytest.mark.parametrize("greeting", list(GREETINGS))
def test_a_greeting_of_many_lines_is_one_reply(server, mount, greeting):
    server.fault("GREETING", Reply(GREETINGS[greeting]))
    assert_alive(server, mount(server, **OPTIONS))


@pytest.mark.parametrize(
    "reply", ["200 OK", "202 Not needed.", "234 Fine.", "500 What?", "502 No."]
)
@pytest.mark.parametrize("verb", ["PBSZ", "PROT"])
def test_pbsz_and_prot_may_be_answered_oddly(server, mount, verb, reply):
    server.fault(verb, Reply(reply))
    assert_alive(server, mount(server, **OPTIONS))


def test_a_server_that_loses_the_order_of_pbsz_and_prot_is_asked_in_turn(server, mount):
    server.fault("PROT", Reply("503 PBSZ first."), times=1)
    mounted = mount(server, **OPTIONS)
    assert server.count("PBSZ") == 2
    assert server.arguments("PROT") == ["P", "P"]
    assert_alive(server, mounted)


@pytest.mark.parametrize("reply", ["534 Policy.", "536 Not with this.", "431 No.", "550 Never."])
def test_a_server_that_refuses_to_protect_data_is_not_mounted(server, mount, reply):
    server.fault("PROT", Reply(reply))
    text = mount_fails(mount, server)
    assert reply in text
    assert "without encryption" in text


EXPIRED = "530-Your password has expired.\r\n530-Set a new one on the portal.\r\n530 Login failed."


def test_what_the_server_says_of_an_expired_password_is_shown(server, mount):
    server.fault("PASS", Reply(EXPIRED))
    text = mount_fails(mount, server)
    assert "Your password has expired. Set a new one on the portal. Login failed." in text
    assert "set a new password" in text
    assert "check user name" not in text


def test_a_locked_account_is_no_wrong_password(server, mount):
    server.fault("PASS", Reply("530 The account is locked."))
    assert "unlock" in mount_fails(mount, server)


def test_a_warning_of_the_password_is_logged_once(login_server, mount):
    server = login_server(welcome="230-Welcome.\r\n230 Your password will expire in 3 days.")
    mounted = mount(server, connections=4, **OPTIONS)
    for i in range(8):
        server.tree.put(f"/file-{i}", os.urandom(1 << 20))
    readers = [threading.Thread(target=open(mounted.at(f"file-{i}"), "rb").read) for i in range(8)]
    for thread in readers:
        thread.start()
    for thread in readers:
        thread.join()
    assert server.count("USER") > 1
    assert mounted.log().count("Your password will expire in 3 days.") == 1


# ftp_init


def test_commands_of_ftp_init_follow_each_login_in_order(server, mount):
    mounted = mount(server, ftp_init="SITE CHMOD 700 /; NOOP;", **OPTIONS)
    wanted = ["SITE CHMOD 700 /", "NOOP"]
    server.drop_connections()
    assert_alive(server, mounted)
    sessions = {command.session for command in server.commands}
    assert len(sessions) > 1
    for number in sessions:
        said = [repr(c).partition(": ")[2] for c in server.commands if c.session == number]
        assert [word for word in said if word in wanted][:2] == wanted


def test_a_command_that_is_refused_is_named_and_nothing_is_mounted(server, mount):
    text = mount_fails(mount, server, ftp_init="NOOP;SITE FROBNICATE 1")
    assert '"SITE FROBNICATE 1"' in text
    assert "504 SITE command not understood" in text


def test_a_command_that_a_later_session_refuses_is_named_too(server, mount):
    mounted = mount(server, ftp_init="SITE CHMOD 700 /", **OPTIONS)
    server.fault("SITE", Reply("550 Not any more."), match="CHMOD 700")
    server.drop_connections()
    with pytest.raises(OSError):
        os.listdir(mounted.path)
    eventually(lambda: "550 Not any more" in mounted.log(), what="the refusal in the log")
    assert '"SITE CHMOD 700 /"' in mounted.log()


@pytest.mark.parametrize("commands", ["NOOP\r\nDELE /file", "NOOP\nQUIT", "CCC", "PROT C"])
def test_a_command_that_would_harm_is_refused_before_anything_is_sent(server, mount, commands):
    with pytest.raises(MountError) as caught:
        mount(server, ftp_init=commands, **OPTIONS)
    assert "ftp_init" in caught.value.text
    assert server.sessions_total == 0


def test_ftp_init_works_on_a_real_server(site, mount):
    if site.name != "vsftpd":
        text = mount_refused(mount, "SITE UMASK 027")
        assert '"SITE UMASK 027"' in text
        return
    mounted = mount(ftp_init="SITE UMASK 027")
    os.mkdir(mounted.at("directory"))
    assert os.stat(site.path("directory")).st_mode & 0o777 == 0o750


def mount_refused(mount, commands):
    with pytest.raises(MountError) as caught:
        mount(ftp_init=commands)
    return caught.value.text


# HOST, CLNT


def test_a_virtual_host_is_asked_for_before_the_login(login_server, mount):
    server = login_server(virtual_hosts=["files.example.org"])
    mounted = mount(server, ftp_host="files.example.org", **OPTIONS)
    assert server.arguments("HOST") == ["files.example.org"]
    verbs = server.verbs()
    assert verbs.index("HOST") < verbs.index("USER")
    assert_alive(server, mounted)


def test_a_virtual_host_that_is_refused_is_not_mounted(login_server, mount):
    server = login_server(virtual_hosts=["files.example.org"])
    text = mount_fails(mount, server, ftp_host="other.example.org")
    assert "504 No such host here" in text
    assert "ftp_host" in text
    assert server.count("USER", "PASS") == 0


def test_no_host_is_sent_unasked(login_server, mount):
    server = login_server(virtual_hosts=["127.0.0.1"])
    mount(server, **OPTIONS)
    assert server.count("HOST") == 0


def test_the_client_is_named_where_the_server_wants_that(server, mount):
    server.features.append("CLNT")
    mount(server, **OPTIONS)
    verbs = server.verbs()
    assert server.arguments("CLNT") == ["ftpsfs"]
    assert verbs.index("CLNT") < verbs.index("OPTS")


def test_the_client_is_not_named_elsewhere(server, mount):
    mount(server, **OPTIONS)
    assert server.count("CLNT") == 0


# The directory


@pytest.mark.parametrize("source", ["files", "files/", "/files", "%2Ffiles", "%2F/files/./"])
def test_a_directory_below_the_root_has_one_slash(server, mount, source):
    server.tree.mkdir("/files")
    server.tree.put("/files/file", b"content")
    mounted = mount(server, source, **OPTIONS)
    with open(mounted.at("file"), "rb") as file:
        assert file.read() == b"content"
    assert server.arguments("CWD")[0] == "/files"
    assert not any("//" in command.argument for command in server.commands)
