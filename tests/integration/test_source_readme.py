# SPDX-License-Identifier: GPL-2.0-or-later
"""src/README.md and tests/README.md: what they name is there, their lists are the code's, and the
example is a test that runs."""

import os
import re
import types

import pytest
import scripted_faults
from scripted import ScriptedServer
from test_architecture import ROOT, folder_of, functions, layer, order, read, sources

TEXT = read("src/README.md")
# As much of a session as a Transfer looks at.
SESSION = types.SimpleNamespace(server=types.SimpleNamespace(data_context=None))


def rows_below(heading):
    """The cells of the rows of the first table below a heading, without the head."""
    lines = TEXT[TEXT.index(f"\n{heading}\n") :].splitlines()[2:]
    begin = next(i for i, line in enumerate(lines) if line.startswith("| ---")) + 1
    rows = []
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    assert rows
    return rows


def defined():
    """The files that define a function, by its name."""
    found = {}
    for path, text in sources().items():
        for name, _, _ in functions(text):
            found.setdefault(name, []).append(path)
    return found


@pytest.mark.parametrize("path", ["src/README.md", "tests/README.md"])
def test_every_path_is_there(path):
    text = read(path)
    paths = set(re.findall(r"`((?:src|include|tests|man)/[\w./-]*)`", text))
    assert len(paths) > 10
    assert [name for name in paths if not os.path.exists(os.path.join(ROOT, name))] == []
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    beside = os.path.join(ROOT, os.path.dirname(path))
    assert (
        links and [name for name in links if not os.path.exists(os.path.join(beside, name))] == []
    )


def test_every_function_is_there():
    named = set(re.findall(r"`(\w+)\(\)`", TEXT))
    assert len(named) > 60
    assert named - set(defined()) == set()


def test_every_type_and_word_of_the_code_is_there():
    everything = "\n".join(sources().values())
    # RemoteEntry, OptionTold: a capital inside. rescue_dir: an underscore, and no call.
    named = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+|[a-z]+(?:_[a-z]+)+)`", TEXT))
    assert "RemoteEntry" in named
    assert [name for name in named if not re.search(rf"\b{name}\b", everything)] == []


def tables_of_hops():
    """The tables with a function and its file in each row, each as a list of such pairs."""
    for table in re.findall(
        r"^\| Function \| File \|.*\n\| ---.*\n((?:\|.*\n)+)", TEXT, re.MULTILINE
    ):
        yield re.findall(r"^\| `(\w+)\(\)` \| `([^`]+)` \|", table, re.MULTILINE), table.count("\n")


def test_the_hops_of_a_call_are_right_and_lead_downwards():
    place = {folder: i for i, folder in enumerate(order())}
    where = defined()
    tables = list(tables_of_hops())
    assert len(tables) == 6
    for hops, rows in tables:
        assert len(hops) == rows > 1
        assert [name for name, path in hops if path not in where[name]] == []
        places = [place[folder_of(path)] for _, path in hops]
        assert places == sorted(places, reverse=True), hops
    for hops, _ in (tables[0], tables[-1]):
        layers = [layer(folder_of(path)) for _, path in hops]
        assert list(dict.fromkeys(layers)) == ["fs", "cache", "ftp", "tls"]


def test_the_folders_are_those_of_the_build_from_top_to_bottom():
    folders = [
        re.fullmatch(r"`src/(.*)`", cells[0])[1].rstrip("/") for cells in rows_below("## Folders")
    ]
    assert folders == order()[::-1]


def test_the_threads_are_started_where_it_says():
    where = defined()
    # Whoever starts a thread has the call in the same file.
    for cells in rows_below("## Three processes"):
        name = re.fullmatch(r"`(\w+)\(\)`", cells[1])[1]
        texts = [sources()[path] for path in where[name]]
        assert any(
            re.search("thread_new|thread_pool_new|workers_new|loop_mt", text) for text in texts
        )
    made = re.findall(r'g_thread_new\("([\w-]+)"', "".join(sources().values()))
    assert [name for name in made if f"`{name}`" not in TEXT and name != "lookup"] == []


def test_the_transitions_of_an_upload_are_those_of_the_code():
    table = re.findall(r'"([x-]+)", /\* (\w+) \*/', sources()["src/cache/file/upload_state.c"])
    assert len(table) == 6
    code = [[name, *("yes" if c == "x" else "-" for c in may)] for may, name in table]
    assert rows_below("## States of an upload") == code
    head = re.search(r"^\| from \\ to \|(.*)\|$", TEXT, re.MULTILINE)[1]
    assert [word.strip() for word in head.split("|")] == [name for _, name in table]


def test_the_lock_order_is_that_of_the_code():
    header = sources()["include/ftpsfs/util/lock.h"]
    ranks = re.findall(r"^    LOCK_RANK_(\w+),", header, re.MULTILINE)
    section = TEXT[TEXT.index("## One lock order") :]
    assert re.findall(r"\b[A-Z_]+\b(?=[,.])", section.split("\n\n")[2]) == ranks


def test_the_classes_of_errors_are_those_of_the_code():
    header = sources()["include/ftpsfs/util/error.h"]
    classes = re.findall(r"^    FTPSFS_ERROR_CLASS_(\w+) =", header, re.MULTILINE)
    assert [cells[0] for cells in rows_below("## Errors")] == classes


def test_every_word_is_in_the_code_and_once_in_the_list():
    words = [cells[0] for cells in rows_below("## Words")]
    assert words == sorted(set(words), key=lambda word: word.replace("_", "~"))
    everything = "\n".join(sources().values()).lower()
    names = [part for word in words for part in word.split(", ")]
    missing = [
        name
        for name in names
        if name not in everything and name.replace(" ", "_") not in everything
    ]
    assert missing == []


def test_the_example_is_a_test_that_runs():
    examples = re.findall(
        r"^```python\n(.*?)^```$", read("tests/README.md"), re.MULTILINE | re.DOTALL
    )
    assert read("tests/integration/test_example.py") in examples


def test_the_faults_of_the_guide_are_there():
    """Names and arguments: each is made as it is written."""
    text = read("tests/README.md")
    lists = text[text.index("* `server.fault(verb") : text.index("### A fuzz target")]
    calls = re.findall(r"`([A-Za-z]+\([^`]*\))`", lists)
    assert len(calls) > 10
    for call in calls:
        fault = eval(call, vars(scripted_faults))  # pylint: disable=eval-used
        if isinstance(fault, scripted_faults.Data):
            fault.transfer(scripted_faults.Transfer(SESSION, []))
    for name in re.findall(r"`server\.(\w+)\(", lists):
        assert callable(getattr(ScriptedServer, name)), name


def test_every_folder_of_tests_is_told_of():
    entries = os.scandir(os.path.join(ROOT, "tests"))
    folders = {
        entry.name for entry in entries if entry.is_dir() and not entry.name.startswith((".", "__"))
    }
    assert {f for f in folders if f"`tests/{f}/`" not in read("tests/README.md")} == set()
