# SPDX-License-Identifier: GPL-2.0-or-later
"""Configuration files: ~/.config/ftpsfs/config and /etc/ftpsfs.conf."""

import os
import subprocess

import pytest

from harness import (
    BINARY,
    OTHER_UID,
    assert_one_line,
    credentials_file,
    environment,
    mountinfo,
    run_ftpsfs,
    unmount_and_wait,
)
from test_documentation import man_examples, read_help
from test_fstab import Machine

# Gives the program an /etc of its own with a ftpsfs.conf, for this program alone.
WITH_SYSTEM_FILE = """
mount --make-rprivate / && cp -a /etc "$1/etc" && cp -p "$1/ftpsfs.conf" "$1/etc/ftpsfs.conf" &&
mount --bind "$1/etc" /etc && shift && exec "$@"
"""

PIN = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
OTHER_PIN = "sha256//BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def write_config(home, text, mode=0o600):
    directory = os.path.join(home, ".config", "ftpsfs")
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, "config")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def print_config(home, *words, **changes):
    result = run_ftpsfs("--print-config", *words, home=home, **changes)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def values(text):
    """{"timeout": ("30", where it comes from)} of what --print-config writes."""
    found, place = {}, None
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if line.startswith("# "):
            place = line[2:]
        elif equals:
            found[name] = (value, place)
    return found


def with_system_file(tmp_path, text, *words, home):
    (tmp_path / "ftpsfs.conf").write_text(text, encoding="utf-8")
    (tmp_path / "ftpsfs.conf").chmod(0o644)
    command = ["unshare", "--mount", "sh", "-c", WITH_SYSTEM_FILE, "sh", str(tmp_path), BINARY]
    result = subprocess.run(
        [*command, *words], capture_output=True, text=True, env=environment(home), timeout=60
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def how(site):
    """The lines of a group that say where the site is."""
    return f"source={site.source}\nexplicit={'yes' if site.server.explicit else 'no'}\n"


@pytest.mark.parametrize("word", ["work", "work:", "ftpsfs#work:"])
def test_an_alias_is_mounted_by_its_name(site, home, word):
    site.put("file", b"content")
    server = site.server
    credentials = credentials_file(home, server.user, server.password)
    write_config(
        home,
        f"[defaults]\ncafile={server.cafile}\nro=true\n"
        f"[work]\n{how(site)}credentials={credentials}\n",
    )
    point = os.path.join(home, "mnt")
    os.mkdir(point)
    assert run_ftpsfs(word, point, home=home).returncode == 0
    try:
        assert os.listdir(point) == ["file"]
        assert "ro" in mountinfo(point)["options"]
    finally:
        unmount_and_wait(point)


def test_a_directory_follows_the_name_of_an_alias(site, home):
    site.mkdir("sub")
    site.mkdir("sub/dir")
    site.put("sub/dir/file", b"content")
    server = site.server
    credentials = credentials_file(home, server.user, server.password)
    write_config(home, f"[work]\n{how(site)}credentials={credentials}\n")
    point = os.path.join(home, "mnt")
    os.mkdir(point)
    word = "work:sub/dir"
    assert run_ftpsfs(word, point, "-o", f"cafile={server.cafile}", home=home).returncode == 0
    try:
        assert os.listdir(point) == ["file"]
    finally:
        unmount_and_wait(point)


def test_an_alias_stands_in_fstab(all_servers, tmp_path):
    machine = Machine(tmp_path, all_servers.get("proftpd"))
    try:
        home = tmp_path / "home"
        home.mkdir()
        credentials = machine.credentials()
        write_config(
            str(home),
            f"[work]\nsource={machine.source()}\ncredentials={credentials}\n"
            f"cafile={tmp_path}/ca.pem\n",
        )
        point = machine.point()
        machine.fstab(("work:", point, "ftpsfs", "noauto,nofail"))
        words = ["env", f"XDG_CONFIG_HOME={home}/.config"]
        machine.good(*words, "mount", point)
        assert machine.mounted(point) == ["work:", "fuse.ftpsfs"]
        machine.fstab(("work:", point, "ftpsfs", "nofail"))
        machine.good(*words, "mount", "-a")
        assert machine.good("findmnt", "--noheadings", "--output", "TARGET", point).split() == [
            point
        ]
        machine.good("umount", point)
    finally:
        machine.close()


def test_without_such_a_group_a_word_is_a_host(home):
    write_config(home, "[work]\nsource=ftps://ann@ftp.example.org\n")
    assert values(print_config(home, "ann@work:/dir"))["source"][0] == "ftps://ann@work//dir"
    assert values(print_config(home, "play:/dir"))["source"][0] == "ftps://play//dir"
    assert values(print_config(home, "ftps://work/dir"))["source"][0] == "ftps://work/dir"
    assert values(print_config(home, "work:/dir"))["source"][0] == "ftps://ann@ftp.example.org//dir"
    assert values(print_config(home, "work:dir"))["source"][0] == "ftps://ann@ftp.example.org/dir"


def test_a_group_without_a_source_is_about_the_host_of_its_name(home):
    write_config(home, "[ftp.example.org]\nuser=ann\ntimeout=7\n")
    found = values(print_config(home, "ftp.example.org:/dir"))
    assert found["source"][0] == "ftps://ann@ftp.example.org//dir"
    assert found["timeout"][0] == "7"


def test_the_more_particular_place_wins(home, tmp_path):
    user = write_config(
        home,
        f"[defaults]\ntimeout=2\nkeepalive=2\ntls_pin={PIN}\n"
        f"[work]\nsource=ftps://ann@ftp.example.org\ntimeout=4\nidle_timeout=4\n"
        f"tls_pin={OTHER_PIN}\n",
    )
    system = (
        "[defaults]\ntimeout=1\nkeepalive=1\nconnections=1\ndir_cache_timeout=1\nro=true\n"
        "[work]\nsource=ftps://bob@ftp.example.com\ntimeout=3\nidle_timeout=3\nconnections=3\n"
        "[other]\nsource=ftps://ftp.example.net\n"
    )
    words = ["--print-config", "work", "-o", "timeout=5,rw"]
    found = values(with_system_file(tmp_path, system, *words, home=home))
    assert found["source"][0] == "ftps://ann@ftp.example.org/"
    assert found["timeout"] == ("5", "command line")
    assert found["ro"] == ("false", "command line")
    assert found["idle_timeout"] == ("4", f"{user}, [work]")
    assert found["connections"] == ("3", "/etc/ftpsfs.conf, [work]")
    assert found["keepalive"] == ("2", f"{user}, [defaults]")
    assert found["dir_cache_timeout"] == ("1", "/etc/ftpsfs.conf, [defaults]")
    assert found["tls_pin"] == (OTHER_PIN, f"{user}, [work]")
    assert found["cache_size"] == ("256M", "built in")
    other = values(with_system_file(tmp_path, system, "--print-config", "other", home=home))
    assert other["source"][0] == "ftps://ftp.example.net/"
    assert other["tls_pin"][0] == PIN


def test_the_command_line_corrects_user_and_port_of_an_alias(home):
    write_config(home, "[defaults]\nuser=none\n[work]\nsource=ftps://ann@ftp.example.org:991\n")
    assert values(print_config(home, "work"))["source"][0] == "ftps://ann@ftp.example.org:991/"
    found = values(print_config(home, "work", "-o", "user=bob,port=992"))
    assert found["source"][0] == "ftps://bob@ftp.example.org:992/"
    assert values(print_config(home, "ftps://eve@host"))["source"][0] == "ftps://eve@host/"
    assert values(print_config(home, "host"))["source"][0] == "ftps://none@host/"


def test_what_is_printed_says_the_same_when_it_is_read(home, tmp_path):
    write_config(
        home,
        f"[defaults]\ncafile={BINARY}\numask=027\nexplicit=yes\n"
        f"[work]\nsource=ftps://ann@ftp.example.org/a%20b\nprefetch=off\nallow_other=on\n"
        f"tls_pin={PIN};{OTHER_PIN}\npassword_command=cat  \\\\\\\\server\\\\file | head -n 1\n",
    )
    first = print_config(home, "work:below", "-o", "connections=2,codepage=ISO-8859-1")
    again = tmp_path / "again"
    again.mkdir()
    write_config(str(again), first)
    second = print_config(str(again), "work")
    known = {name: value for name, (value, _) in values(first).items()}
    assert known == {name: value for name, (value, _) in values(second).items()}
    assert (
        known["source"] == "ftps://ann@ftp.example.org:21/a%20b/below" or "below" in known["source"]
    )
    assert known["tls_pin"] == f"{PIN};{OTHER_PIN}"
    assert (known["explicit"], known["prefetch"], known["allow_other"]) == ("true", "false", "true")


def test_print_config_without_a_source_is_about_all_mounts(home):
    write_config(home, "[defaults]\ntimeout=7\n[work]\nsource=ftps://ann@ftp.example.org\n")
    text = print_config(home)
    assert "[defaults]" in text.splitlines()
    assert values(text)["timeout"][0] == "7"
    assert "source" not in values(text)


def test_every_option_can_stand_in_a_file(home):
    """With the value of its example in the manual page."""
    examples = {}
    for example in man_examples():
        # One of them is of two options.
        name, equals, value = example.partition(",")[0].partition("=")
        examples[name] = value if equals else "true"
    assert {name.removeprefix("no_") for name in examples} == set(read_help().options)
    path = write_config(
        home, "[defaults]\n" + "".join(f"{name}={value}\n" for name, value in examples.items())
    )
    found = values(print_config(home))
    for name, value in examples.items():
        shown = ("false" if value == "true" else "true") if name.startswith("no_") else value
        assert found[name.removeprefix("no_")] == (shown, f"{path}, [defaults]"), name


def test_xdg_config_home_is_respected(home, tmp_path):
    (tmp_path / "ftpsfs").mkdir()
    (tmp_path / "ftpsfs" / "config").write_text("[defaults]\ntimeout=7\n", encoding="utf-8")
    (tmp_path / "ftpsfs" / "config").chmod(0o644)
    assert values(print_config(home, XDG_CONFIG_HOME=str(tmp_path)))["timeout"][0] == "7"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o777])
def test_a_file_that_others_can_write_is_refused(home, mode):
    path = write_config(home, "[work]\npassword_command=echo secret\n", mode=mode)
    result = run_ftpsfs("--print-config", "work", home=home)
    assert result.returncode == 1
    assert_one_line(result.stderr, path, "other users", "chmod go-w")


def test_a_file_of_another_user_is_refused(home):
    path = write_config(home, "[work]\npassword_command=echo secret\n")
    os.chown(path, OTHER_UID, OTHER_UID)
    result = run_ftpsfs("--print-config", "work", home=home)
    assert result.returncode == 1
    assert_one_line(result.stderr, path, f"user {OTHER_UID}", "chown")


@pytest.mark.parametrize(
    "text,says",
    [
        ("[work]\ntimeuot=3\n", "did you mean timeout"),
        ("[work]\ntimeout=soon\n", "write a number"),
        ("[work]\nro=perhaps\n", "true or false"),
        ("[work]\nsource=ftp://host\n", "ftps"),
        ("[work]\npassword=secret\n", "passwords are not kept here"),
        ("[my work]\nro=true\n", "can't be an alias"),
        ("[defaults]\nsource=ftps://host\n", "has no source"),
        ("timeout=3\n", "group"),
        ("[work]\nnothing\n", "nothing"),
        ("[work]\ncafile=\n", "needs a value"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(home, text, says):
    path = write_config(home, text)
    result = run_ftpsfs("work:", "/mnt", home=home)
    assert result.returncode == 1
    line = assert_one_line(result.stderr, says)
    assert path in line or "[work]" in line
    assert "secret" not in result.stderr
