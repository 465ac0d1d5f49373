# SPDX-License-Identifier: GPL-2.0-or-later
"""The status view on a real terminal, and its picture in the README."""

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from harness import BINARY, COMMAND_SECONDS, REPOSITORY
from terminal import Terminal

import terminal_svg

KIB, MIB = 1024, 1024 * 1024
COLUMNS, ROWS = 110, 40
PICTURE = Path(REPOSITORY) / "man" / "status.svg"
FULL = "\u2588"


@pytest.fixture
def running():
    """running(words) starts a program that is ended with the test."""
    started = []

    def start(*words):
        started.append(subprocess.Popen(words, stderr=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def put(server, name, size):
    path = os.path.join(server.root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.truncate(size)
    server.adopt(path)
    server.adopt(os.path.dirname(path))


@pytest.fixture
def busy(servers, mount, running, tmp_path, monkeypatch):
    """A mount of a slow server at work: a copy from it, three files on their way to it, a refusal."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    server = servers.make("proftpd", max_rate=512 * KIB)
    put(server, "films/holiday.mkv", 24 * MIB)
    for name in ("a", "b", "c"):
        put(server, f"notes/{name}.txt", 2 * KIB)
    put(server, "archive/x", 1)
    os.chmod(os.path.join(server.root, "archive"), 0o555)
    made = mount(server, writeback=True, readahead="1M", connections=4, timeout=3)
    for _ in range(3):
        for name in sorted(os.listdir(made.at("notes"))):
            Path(made.at("notes", name)).read_bytes()
    with pytest.raises(PermissionError):
        os.mkdir(made.at("archive", "new"))
    for number in range(3):
        Path(made.at(f"scan-{number}.tiff")).write_bytes(bytes(10 * MIB))
    running("cp", made.at("films", "holiday.mkv"), str(tmp_path / "copy"))
    yield made
    server.stop()  # what waits to be sent is kept, instead of waited for


def percent_and_bar(screen):
    """Of the copy: what is there of it, in percent and in whole blocks of the bar."""
    found = re.search(r"^  download /films/holiday\.mkv.*\n +(\S+) +(\d+)%", screen, re.M)
    return int(found[2]), found[1].count(FULL)


def assert_all_is_told(screen, made, server_url):
    lines = screen.splitlines()
    # A line that is too long is cut; whatever came last is in the last column.
    width = COLUMNS - 1
    assert lines[0][:width] == f"{server_url} on {made.path}"[:width]
    for pattern in (
        rf"  connected, mounted for 0:\d\d, process {made.pid}",
        r"  .*TLS1\.3.*",
        r"Sessions \([2-4] of at most 4\)",
        r" +\d  +0:\d\d  RETR /films/holiday\.mkv \d+%",
        r" +\d  +0:\d\d  STOR /\S+ \d+%",
        r"  upload /\S*scan-\d\.tiff\S*( \(\d connections\))?",
        r" +\S+ +\d+%  [\d.]+ .iB of 24 MiB  [\d.]+ .iB/s  \d+:\d\d left",
        r"  sending  /scan-\d\.tiff  [\d.]+ (.i)?B of 10 MiB",
        r"  memory +[\d.]+ .iB of 256 MiB \(\d+%\)",
        r"  answered +names \d+%, listings \d+%, content \d+%",
        r"  round trips +\d+ waited for, about [1-9]\d* saved",
        r"  \d\d:\d\d:\d\d  .*/archive/new.*Permission denied\)",
    ):
        assert any(re.fullmatch(pattern, line) for line in lines), f"{pattern}:\n{screen}"


def test_a_copy_is_watched_on_a_terminal(busy, tmp_path):
    """With FTPSFS_PICTURE=FILE in the environment the README's picture is written there."""
    url = re.search(r"ftps://\S+", busy.source)[0]
    with Terminal(tmp_path, [BINARY, "--status", busy.path], COLUMNS, ROWS) as terminal:
        first = terminal.shows(r"holiday\.mkv.*\n.* [1-9]\d?%  .* left$")
        assert_all_is_told(first, busy, url)
        before, bar_before = percent_and_bar(first)
        wanted = before + 12
        pattern = "|".join(str(percent) for percent in range(wanted, 100))
        second = terminal.shows(rf"holiday\.mkv.*\n.* ({pattern})%  ", 60)
        after, bar_after = percent_and_bar(second)
        assert after >= wanted
        assert bar_after > bar_before
        if "FTPSFS_PICTURE" in os.environ:
            draw(terminal.screen(colours=True), busy, url, os.environ["FTPSFS_PICTURE"])
        terminal.press("q")
        assert terminal.status() == 0
        assert "holiday" not in terminal.screen()


def draw(screen, made, url, path):
    """As a user sees it: the host and the mountpoint have names."""
    words = [f"{url}=ftps://ann@ftp.example.org/", f"{made.path}=/home/ann/server"]
    with open(path, "w", encoding="utf-8") as file:
        subprocess.run(
            [terminal_svg.__file__, *(word for pair in words for word in ("--replace", pair))],
            input=screen,
            stdout=file,
            text=True,
            check=True,
            timeout=COMMAND_SECONDS,
        )


def test_what_a_terminal_shows_is_drawn():
    screen = (
        "\033[1mftps://a<b>&c\033[0m on /mnt\n  \033[32m\u2588\u2588\u258c\u2591\033[39m  62%\n\n"
    )
    svg = terminal_svg.picture(screen)
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = [element for element in root if element.tag.endswith("text")]
    assert [element.text for element in text] == ["ftps://a<b>&c", "on /mnt", "62%"]
    assert text[0].get("font-weight") == "bold"
    assert text[1].get("font-weight") is None
    green = [element for element in root if element.get("fill") == terminal_svg.COLOURS[2]]
    assert [float(element.get("width")) for element in green] == [2.5 * terminal_svg.CELL_WIDTH]


def test_the_readme_shows_a_picture_of_the_view():
    readme = (Path(REPOSITORY) / "README.md").read_text(encoding="utf-8")
    assert re.search(r"!\[[^]]+\]\(man/status\.svg\)", readme)
    root = ElementTree.fromstring(PICTURE.read_text(encoding="utf-8"))
    text = " ".join(element.text for element in root if element.tag.endswith("text"))
    for word in ("on /home/ann/server", "Sessions (", "Transfers", "/s", "left", "round trips"):
        assert word in text
