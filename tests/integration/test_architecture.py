# SPDX-License-Identifier: GPL-2.0-or-later
"""How the code is laid out: which folder may use which, and how large things may be.

meson.build lists the sources from the bottom to the top. That list is the order of the folders: a
file may include headers of its own folder and of those that stand before it. The headers under
include/ftpsfs/ are what a layer shows to the layers above it; a header beside its source is for its
own layer."""

import functools
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES_MAX = 25
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 59
PARAMETERS_MAX = 7
# The first is libfuse's to say. The others are older than the limit: they go when they are next
# changed. Nothing is added here, a function that needs more takes a struct.
MORE_PARAMETERS = {
    "fs_copy_file_range",
    "files_move_new",
    "files_rename",
    "prepare_target",
    "remote_read_range",
    "remote_stream_finish_and_finalize",
    "tree_rename",
}

# What outlives a call and belongs to nobody else: what the logger is set to; the random key of the
# process's hash tables, which is made once and constant from then on; and, in debug builds, which locks
# each thread holds.
MUTABLE_GLOBALS_OF = ("src/util/log.c", "src/util/keyed_hash.c", "src/util/lock.c")

INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def without_comments(text):
    """The text with empty lines in place of its comments."""
    return re.sub(
        r"/\*.*?\*/", lambda match: "\n" * match.group(0).count("\n"), text, flags=re.DOTALL
    )


@functools.lru_cache(maxsize=None)
def sources():
    """All C files of the program, by path."""
    found = []
    for top in ("src", "include"):
        for directory, _, names in os.walk(os.path.join(ROOT, top)):
            found += [os.path.join(directory, name) for name in names if name[-2:] in (".c", ".h")]
    assert len(found) > 200
    return {os.path.relpath(path, ROOT): read(path) for path in sorted(found)}


@functools.lru_cache(maxsize=None)
def order():
    """The folders under src/ from the bottom to the top; "" is src/ itself."""
    folders = []
    for source in re.findall(r"'(src/[^']+\.c)'", read("meson.build")):
        folder = os.path.dirname(source)[len("src/") :]
        if folder not in folders:
            folders.append(folder)
    return folders


def layer(folder):
    return folder.split("/")[0]


@functools.lru_cache(maxsize=None)
def folder_of(path):
    """The folder under src/ that a file belongs to: a header under include/ to that of the source
    of its name."""
    if path.startswith("src/"):
        return os.path.dirname(path)[len("src/") :]
    stem = os.path.splitext(os.path.basename(path))[0]
    top = path.split("/")[2]
    twins = [
        os.path.dirname(source)[len("src/") :]
        for source in sources()
        if source.startswith(f"src/{top}/") and os.path.basename(source) == f"{stem}.c"
    ]
    assert len(twins) <= 1, f"{path}: {twins}"
    return twins[0] if twins else top


def included(path):
    """The headers of ours that a file includes, by path."""
    for name in INCLUDE.findall(sources()[path]):
        beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
        if beside in sources():
            yield beside
        elif f"src/{name}" in sources():
            yield f"src/{name}"
        elif name.startswith("ftpsfs/"):
            yield f"include/{name}"


def test_all_sources_are_built_and_in_order():
    built = re.findall(r"'(src/[^']+\.c)'", read("meson.build"))
    assert sorted(built) == sorted(path for path in sources() if path.endswith(".c"))
    # A folder's sources stand together, and so do a layer's folders.
    folders = [os.path.dirname(path) for path in built]
    layers = [layer(folder[len("src/") :]) for folder in folders]
    for names in (folders, layers):
        runs = [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
        assert len(runs) == len(set(runs)), runs


def test_no_folder_uses_one_above_it():
    place = {folder: i for i, folder in enumerate(order())}
    upward = []
    for path in sources():
        for header in included(path):
            if place[folder_of(header)] > place[folder_of(path)]:
                upward.append(f"{path} includes {header}")
    assert upward == []


def test_headers_beside_their_source_are_for_their_layer():
    foreign = [
        f"{path} includes {header}"
        for path in sources()
        for header in included(path)
        if header.startswith("src/")
        and (path.startswith("include/") or layer(folder_of(path)) != layer(folder_of(header)))
    ]
    assert foreign == []


def test_each_folder_says_in_its_first_header_what_it_is_for():
    """In a paragraph ` * src/FOLDER: ...` that the header begins with. What it uses is below it."""
    found = {}
    for path, text in sources().items():
        match = re.match(r"/\* SPDX.*\n/\*\n \* src/([\w/]+): (.*(?:\n \* .+)*)\n \*\n", text)
        if path.endswith(".h") and match:
            assert folder_of(path) == match[1], path
            found.setdefault(match[1], []).append(" ".join(match[2].replace("\n *", "").split()))
    assert {folder: len(texts) for folder, texts in found.items()} == dict.fromkeys(
        set(order()) - {""}, 1
    )
    used = {}
    for path in sources():
        folders = used.setdefault(folder_of(path), set())
        folders.update(folder_of(header) for header in included(path))
    for folder, (text,) in found.items():
        what, _, uses = text.partition("Uses ")
        assert what and uses, f"src/{folder}: it does not say what it uses"
        named = re.findall(r"src/([\w/]+)", uses)
        # A layer stands for its folders.
        wrong = [
            name
            for name in named
            if not any(f == name or f.startswith(f"{name}/") for f in used[folder] - {folder})
        ]
        assert wrong == [], f"src/{folder}"


def test_public_headers_are_used_by_other_layers():
    """Directly, or shown by one that is."""
    used = set()
    for path in sources():
        for header in included(path):
            if header.startswith("include/") and layer(folder_of(path)) != layer(folder_of(header)):
                used.add(header)
    grown = None
    while grown != len(used):
        grown = len(used)
        for header in list(used):
            used.update(included(header))
    public = {path for path in sources() if path.startswith("include/")}
    # util is for all; config and fs have nothing above them but src/ itself.
    private = {path for path in public - used if path.split("/")[2] != "util"}
    assert private == set()


def test_folders_are_small():
    count = {}
    for path in sources():
        if path.startswith("src/"):
            folder = os.path.dirname(path)
            count[folder] = count.get(folder, 0) + 1
    assert {folder: n for folder, n in count.items() if n > FILES_MAX} == {}


def test_files_are_small():
    lines = {path: text.count("\n") for path, text in sources().items()}
    assert {path: n for path, n in lines.items() if not 1 <= n <= FILE_LINES_MAX} == {}


def functions(text):
    """(name, whether static, lines) of each function that is defined in a file."""
    text = without_comments(text)
    pattern = re.compile(
        r"^([A-Za-z_][^;{}#=]*?)\b(\w+)\(([^;{}]*)\)\n\{\n(.*?)^\}$", re.MULTILINE | re.DOTALL
    )
    for match in pattern.finditer(text):
        lines = match.group(0).count("\n") + 1
        yield match.group(2), "static" in match.group(1).split(), lines


def test_functions_are_short():
    found = 0
    long = []
    for path, text in sources().items():
        for name, _, lines in functions(text):
            found += 1
            if lines > FUNCTION_LINES_MAX:
                long.append(f"{path}: {name} has {lines} lines")
    assert found > 2000
    assert long == []


def parameters(text):
    """How many parameters each function takes that is defined in a file, by name."""
    pattern = re.compile(r"^[A-Za-z_][^;{}#=]*?\b(\w+)\(([^;{}]*)\)\n\{\n", re.MULTILINE)
    for match in pattern.finditer(without_comments(text)):
        depth = 0
        count = 1
        for char in match.group(2):
            depth += (char == "(") - (char == ")")
            count += char == "," and depth == 0
        yield match.group(1), count


def test_functions_have_few_parameters():
    many = {
        name
        for text in sources().values()
        for name, count in parameters(text)
        if count > PARAMETERS_MAX
    }
    assert many == MORE_PARAMETERS


def modules(path):
    """What a public function of the file may begin with: the file's name, or that of a module in
    the folder which the file is a part of, as tree_list.c is one of tree.c."""
    stem = os.path.splitext(os.path.basename(path))[0]
    beside = {
        os.path.splitext(os.path.basename(other))[0]
        for other in sources()
        if other.endswith(".c") and os.path.dirname(other) == os.path.dirname(path)
    }
    return {name for name in beside if stem.startswith(name)}


def test_public_functions_begin_with_the_name_of_their_file():
    wrong = []
    for path, text in sources().items():
        if not path.endswith(".c") or path == "src/main.c":
            continue
        # One interface, two sources: with zlib and without.
        names = {name.removesuffix("_none") for name in modules(path)}
        for name, static, _ in functions(text):
            plain = name.removeprefix("ftpsfs_")
            if not static and not any(plain == n or plain.startswith(f"{n}_") for n in names):
                wrong.append(f"{path}: {name}")
    assert wrong == []


def test_no_mutable_globals():
    declaration = re.compile(
        r"^(?!typedef|extern|struct \w+;|union|enum|G_DEFINE)[A-Za-z_][\w \*]*?[ \*]\w+"
        r"(?:\[[^\]]*\])*(?: =[^;]*)?;",
        re.MULTILINE,
    )
    constant = re.compile(r"\*\s*const\b|^(static )?const (?!.*\*)|^(static )?const .*\[")
    found = []
    for path, text in sources().items():
        if not path.endswith(".c") or path in MUTABLE_GLOBALS_OF:
            continue
        for match in declaration.finditer(without_comments(text)):
            if not constant.search(match.group(0).split("=")[0]):
                found.append(f"{path}: {match.group(0).splitlines()[0]}")
        inside = re.compile(r"^ +static (?!const)[^(;]*?;", re.MULTILINE)
        found += [f"{path}: {line.strip()}" for line in inside.findall(without_comments(text))]
    assert found == []


def test_types_are_declared_once_and_where_they_are_made():
    """A second declaration of a type in another header hides an include that goes upward."""
    declared = {}
    for path, text in sources().items():
        if path.endswith(".h"):
            for name in re.findall(
                r"^typedef struct (\w+) \1;", without_comments(text), re.MULTILINE
            ):
                declared.setdefault((layer(folder_of(path)), name), []).append(path)
    assert {name: paths for name, paths in declared.items() if len(paths) > 1} == {}
    for (top, name), (header,) in declared.items():
        bodies = [
            path
            for path, text in sources().items()
            if layer(folder_of(path)) == top
            and re.search(rf"^struct {name} \{{", text, re.MULTILINE)
        ]
        assert bodies, f"{header}: struct {name} is nowhere"
        assert {folder_of(path) for path in bodies} == {folder_of(header)}, (header, bodies)


def test_each_lock_has_a_place_in_the_one_order():
    """The order stands in lock.h alone; the logger's mutex is outside of it."""
    outside = {"src/util/log.c", "src/util/lock.c", "include/ftpsfs/util/lock.h"}
    plain = [
        path
        for path, text in sources().items()
        if path not in outside
        and re.search(r"\bGMutex|\bg_mutex_|\bGRWLock|\bGRecMutex|\bpthread_mutex", text)
    ]
    assert plain == []
    ranks = re.findall(
        r"^    (LOCK_RANK_\w+),", sources()["include/ftpsfs/util/lock.h"], re.MULTILINE
    )
    assert len(ranks) > 20
    made = [
        rank
        for text in sources().values()
        for rank in re.findall(r"\block_init\(&[^,;]+, (LOCK_RANK_\w+)\)", text)
    ]
    assert sorted(made) == sorted(ranks)  # a rank is that of one place
    # Whoever changes a module finds in its header which rank its lock has.
    headers = "".join(
        text for path, text in sources().items() if path.endswith(".h") and path not in outside
    )
    assert [rank for rank in ranks if rank not in headers] == []
    assert [
        path for path in sources() if path not in outside and "ock order" in sources()[path]
    ] == []
