# SPDX-License-Identifier: GPL-2.0-or-later
"""The man page says of every option what --help says: its name, its argument, its default and its
range. --help itself is made from the table that the program reads options by. What other pages
promise names its tests, in comments."""

import re
import subprocess
from collections import namedtuple
from pathlib import Path

import pytest
from harness import BINARY

ROOT = Path(__file__).resolve().parents[2]

# `words` are the options without a text of their own, by what becomes of them.
Documentation = namedtuple("Documentation", "options words flags")
Option = namedtuple("Option", "argument default range")


def read_help():
    output = subprocess.run(
        [BINARY, "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert output.stderr == ""
    # A line that begins in the text's column goes on with the one before.
    text = re.sub(r"\n {30}(?! )", " ", output.stdout)
    options = {}
    for name, argument, rest in re.findall(r"^  -o ([a-z_]+)(?:=(\S+))? +(.*)$", text, re.M):
        found = re.search(r" \((?:(\d+) to (\d+), )?default: ([^()]*)\)$", rest)
        assert found, f"{name} has no default in --help"
        assert name not in options, f"{name} is twice in --help"
        options[name] = Option(argument, found[3], (found[1], found[2]) if found[1] else None)
    words = {
        kind: set(re.search(rf"^  {title}: +(.*)$", text, re.M)[1].split(", "))
        for kind, title in (("kernel", "handed to the kernel"), ("ignored", "for fstab, ignored"))
    }
    flags = set(re.findall(r"^  (-\w)(?=[, ])", text, re.M))
    flags |= set(re.findall(r"^  (?:-\w, |    )(--[\w-]+)", text, re.M))
    return Documentation(options, words, flags)


def plain(macros):
    """The arguments of mdoc macros without the macros: "Cm port Ns = Ns Ar N" is "port=N"."""
    return "".join(word for word in macros.split() if word not in ("Cm", "Ar", "Ns"))


def man_words(text, begin):
    """The words of the first .Cm lines that follow the line `begin`."""
    lines = re.search(r"(?:^\.Cm .*\n)+", text[text.index(begin) :], re.M)[0]
    return set(re.findall(r"[\w*-]+", lines.replace(".Cm", "")))


def read_man():
    text = (ROOT / "man" / "ftpsfs.1").read_text(encoding="utf-8")
    options = {}
    for item in re.split(r"^(?=\.It )", text, flags=re.M):
        head = re.match(r"\.It (Cm .*)", item)
        if not head:
            continue
        name, _, argument = plain(head[1]).partition("=")
        found = re.search(r"^Default: (.*?)(?:, from (\d+) to (\d+))?\.$", item, re.M)
        assert found, f"{name} has no default in the man page"
        assert name not in options, f"{name} is twice in the man page"
        options[name] = Option(argument, found[1], (found[2], found[3]) if found[2] else None)
    words = {
        "kernel": man_words(text, "These are handed to the kernel:\n"),
        "ignored": man_words(text, "These are accepted for the sake of\n"),
    }
    flags = set()
    for letter, _, word in re.findall(r"^\.It Fl (\w)( , -([\w-]+))?", text, re.M):
        flags |= {f"-{letter}"} | ({f"--{word}"} if word else set())
    flags |= {f"--{word}" for word in re.findall(r"^\.It Fl -([\w-]+)", text, re.M)}
    return Documentation(options, words, flags)


def man_examples():
    """Each option's example, as it follows -o."""
    text = (ROOT / "man" / "ftpsfs.1").read_text(encoding="utf-8")
    return re.findall(r"^Example:\n\.Ql (.*)$", text, re.M)


@pytest.fixture(scope="module")
def program():
    return read_help()


def test_help_lists_the_options(program):
    assert program.options["connections"] == Option("N", "8", ("1", "64"))
    assert program.options["explicit"] == Option("", "off", None)
    assert {"-d", "-f", "-h", "-o", "-r", "-V", "--help", "--version"} <= program.flags
    assert "noatime" in program.words["kernel"]
    assert "_netdev" in program.words["ignored"]


def test_man_page_has_every_option(program):
    man = read_man()
    assert man.options == program.options
    assert man.words == program.words
    assert man.flags == program.flags


def test_readme_names_no_option_that_is_not_there(program):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"(?<![\w-])-o '?([a-z_]+)", text)
    assert len(named) >= 10
    assert set(named) <= set(program.options)


def test_password_options_are_nowhere_offered(program):
    assert not {"password", "pass", "passwd"} & set(program.options)


# The lists of the manual that name tests, and the README's tables


FUZZER = "tests/fuzz/run"


def defined_in(path):
    text = path.read_text(encoding="utf-8")
    return set(re.findall(r"^def (test_\w+)\(", text, re.M))


def named_in(page, section):
    """What the comment "Tests:" of each item of a section says."""
    text = (ROOT / "man" / page).read_text(encoding="utf-8")
    part = re.search(rf"^\.Sh {section}\n(.*?)(?=^\.Sh )", text, re.M | re.S)[1]
    items = re.split(r"^\.It", part, flags=re.M)[1:]
    found = [re.search(r'^\.\\" Tests: (.*)$', item, re.M) for item in items]
    assert all(found), f"an item of {section} in {page} names no test"
    return [match[1] for match in found]


def rows_of(head):
    """The cells of the table whose first line begins with `head`."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.search(rf"^\| {re.escape(head)}.*\n\|[ -|]*\n((?:\|.*\n)+)", text, re.M)
    assert table, f"the README has no table {head}"
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table[1].splitlines()]


def test_every_threat_has_its_tests():
    """`test_x.py`: `name`, `name` - or the file alone, which then is about that threat; or
    `tests/fuzz/run`: `target`, `target`. Other files of tests may be named behind."""
    cells = named_in("ftpsfs-security.7", "THREATS")
    assert len(cells) >= 30
    for cell in cells:
        parts = re.findall(r"`([^`]+)`", cell)
        assert parts and (parts[0].endswith(".py") or parts[0] == FUZZER), f"no test in {cell!r}"
        known = set()
        for part in parts:
            if part == FUZZER:
                known = {f"test_{path.stem[5:]}" for path in (ROOT / "tests/fuzz").glob("fuzz_*.c")}
            elif part.endswith(".py"):
                known = defined_in(ROOT / "tests" / "integration" / part)
                assert known, f"{part} has no tests"
            elif "/" in part:
                assert (ROOT / part).is_file(), f"{part} of {cell!r} is not there"
            else:
                assert f"test_{part}" in known, f"the test {part} of {cell!r} is not there"


def test_every_row_of_what_happens_when_has_its_test():
    everywhere = set()
    for path in (ROOT / "tests" / "integration").glob("test_*.py"):
        everywhere |= defined_in(path)
    cells = named_in("ftpsfs-limits.7", "WHAT HAPPENS WHEN")
    assert len(cells) >= 30
    for cell in cells:
        named = re.findall(r"`(test_\w+)`", cell)
        assert named, f"no test in {cell!r}"
        assert set(named) <= everywhere, f"{cell!r} is not there"


def test_every_row_of_what_can_not_work_has_its_test():
    everywhere = set()
    for path in (ROOT / "tests" / "integration").glob("test_*.py"):
        everywhere |= defined_in(path)
    cells = named_in("ftpsfs-limits.7", "WHAT CANNOT WORK OVER FTP")
    assert len(cells) >= 20
    for cell in cells:
        assert set(re.findall(r"`(\w+)`", cell)) & everywhere, f"{cell!r} is not there"


def test_the_man_pages_are_clean():
    pages = sorted((ROOT / "man").glob("*.[1578]"))
    assert len(pages) == 7
    output = subprocess.run(
        ["mandoc", "-Tlint", *pages], capture_output=True, text=True, timeout=60, check=False
    ).stdout
    # That one is about the pages that are installed on this machine.
    found = [line for line in output.splitlines() if "referenced manual not found" not in line]
    assert found == []


def test_every_message_of_the_troubleshooting_is_in_the_source():
    files = sorted((ROOT / "src").rglob("*.c"))
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    # String literals in a row are one.
    source = re.sub(r'"\s*\n\s*"', "", source)
    page = (ROOT / "man" / "ftpsfs.1").read_text(encoding="utf-8")
    part = re.search(r"^\.Sh DIAGNOSTICS\n(.*?)(?=^\.Sh )", page, re.M | re.S)[1]
    told = [text.strip('"') for text in re.findall(r"^\.It Ql (.*)$", part, re.M)]
    assert len(told) >= 20
    shown = [re.fullmatch(r"`([^`]+)`", cells[0])[1] for cells in rows_of("Message | What to do")]
    assert len(shown) == 10
    for message in told + shown:
        assert message in source, f"no message holds {message!r}"
    assert set(shown) <= set(told)


def test_every_option_to_come_to_from_another_program_is_there(program):
    page = (ROOT / "man" / "ftpsfs-migration.7").read_text(encoding="utf-8")
    sections = re.findall(r"^\.Sh FROM (\w+)$", page, re.M)
    assert set(sections) == {"CURLFTPFS", "RCLONE", "SSHFS", "DAVFS2"}
    # What stands below an item is ours.
    bodies = re.sub(r"^\.It (Xo\n(?:.*\n)*?\.Xc|.*)\n", "", page, flags=re.M)
    words = re.findall(r"^\.Ql (\S+)", bodies[bodies.index(".Sh FROM") :], re.M)
    assert len(words) >= 40
    for word in words:
        if word.startswith("~"):
            continue
        name, equals, _ = word.partition("=")
        assert name in program.options, f"{name} is no option"
        assert bool(equals) == bool(program.options[name].argument), word


def test_the_examples_of_the_tuning_page_are_taken(tmp_path):
    page = (ROOT / "man" / "ftpsfs-tuning.7").read_text(encoding="utf-8")
    examples = re.findall(r"^Example:\n\.Ql (.*)$", page, re.M)
    assert len(examples) >= 6
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    for example in examples:
        words = [BINARY, "--print-config", "host", "-o", example]
        subprocess.run(words, check=True, capture_output=True, timeout=60, env=environment)


def test_every_option_has_an_example_that_the_program_takes(program, tmp_path):
    examples = man_examples()
    named = {example.partition("=")[0].removeprefix("no_") for example in examples}
    assert named == set(program.options)
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    for example in examples:
        words = [BINARY, "--print-config", "host", "-o", example]
        subprocess.run(words, check=True, capture_output=True, timeout=60, env=environment)


def test_every_verb_has_a_test(program):
    files = (ROOT / "tests" / "integration").glob("test_*.py")
    everything = "".join(path.read_text(encoding="utf-8") for path in files)
    for flag in program.flags:
        if flag.startswith("--"):
            assert f'"{flag}"' in everything or f'"{flag}=' in everything, f"no test uses {flag}"
