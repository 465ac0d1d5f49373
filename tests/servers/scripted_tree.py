# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of a ScriptedServer: a tree in memory, and how it is told in listings.

Names and paths are text as they go over the wire in UTF-8 with surrogateescape. Tests may put
anything into them, and tell lies by the attributes of a Node.
"""

import posixpath
import stat
import threading
import time

FILE, DIR, LINK = "file", "dir", "link"
LINKS_MAX = 16
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


class TreeError(Exception):
    """What a server says after 550."""


class Node:
    """A file, directory or symlink.

    told_size: the size in listings and SIZE instead of the true one. told_mtime: the text in place
    of the time in MLST and MDTM. told_type: the MLST type fact. owner, group: as the facts tell them,
    None: not at all. entries: for a directory, a
    function that gives (name, size) pairs of files instead of `children`, for listings that no
    memory holds. Change them at any time."""

    def __init__(self, kind, mode, data=b"", target=None):
        self.kind = kind
        self.mode = mode
        self.data = bytearray(data)
        self.target = target
        self.children = {}
        self.mtime = int(time.time())
        self.entries = None
        self.told_size = None
        self.told_mtime = None
        self.told_type = None
        self.owner = None
        self.group = None

    @property
    def size(self):
        if self.told_size is not None:
            return self.told_size
        return len(self.data) if self.kind == FILE else 4096

    def mtime_text(self):
        """As RFC 3659 has it."""
        if self.told_mtime is not None:
            return self.told_mtime
        return time.strftime("%Y%m%d%H%M%S", time.gmtime(self.mtime))


class Tree:
    """All functions may be called from any thread. ahead: seconds by which the clock is ahead that
    gives a stored file its time."""

    def __init__(self):
        self.ahead = 0
        self.lock = threading.RLock()
        self.root = Node(DIR, 0o755)

    # For tests

    def put(self, path, data=b"", mode=0o644, mtime=None):
        """Makes or replaces a file, with the directories above it. Gives its Node."""
        with self.lock:
            directory = self.makedirs(posixpath.dirname(path))
            node = Node(FILE, mode, data)
            if mtime is not None:
                node.mtime = mtime
            directory.children[posixpath.basename(path)] = node
            return node

    def makedirs(self, path):
        """Makes a directory, with those above it. Gives its Node."""
        with self.lock:
            node = self.root
            for name in [part for part in path.split("/") if part]:
                node = node.children.setdefault(name, Node(DIR, 0o755))
            return node

    def link(self, path, target):
        with self.lock:
            node = Node(LINK, 0o777, target=target)
            self.makedirs(posixpath.dirname(path)).children[posixpath.basename(path)] = node
            return node

    def get(self, path):
        """A file's content."""
        with self.lock:
            return bytes(self.find(path).data)

    def names(self, path="/"):
        with self.lock:
            return sorted(self.find(path).children)

    def exists(self, path):
        try:
            self.find(path, follow=False)
            return True
        except TreeError:
            return False

    # For sessions

    def find(self, path, follow=True):
        """The Node at an absolute path. Symlinks within the path are always followed."""
        with self.lock:
            return self._walk(path, follow, LINKS_MAX)

    def _walk(self, path, follow, links):
        node, at = self.root, "/"
        parts = [part for part in path.split("/") if part and part != "."]
        for i, name in enumerate(parts):
            if node.kind != DIR:
                raise TreeError(f"{at}: Not a directory")
            if name not in node.children:
                raise TreeError(f"{path}: No such file or directory")
            node = node.children[name]
            if node.kind == LINK and (follow or i + 1 < len(parts)):
                if links == 0:
                    raise TreeError(f"{path}: Too many levels of symbolic links")
                target = posixpath.normpath(posixpath.join(at, node.target))
                node = self._walk(target, True, links - 1)
            at = posixpath.join(at, name)
        return node

    def parent(self, path):
        """(Node of the directory, name) of a path whose last part need not exist."""
        path = path.rstrip("/")
        if not path:
            raise TreeError("/: Permission denied")
        directory = self.find(posixpath.dirname(path))
        if directory.kind != DIR:
            raise TreeError(f"{path}: Not a directory")
        return directory, posixpath.basename(path)

    def file_for_store(self, path):
        """The file's Node, made when missing."""
        with self.lock:
            directory, name = self.parent(path)
            node = directory.children.get(name)
            if node is None:
                node = directory.children[name] = Node(FILE, 0o644)
            elif node.kind == LINK:
                node = self.find(path)
            if node.kind != FILE:
                raise TreeError(f"{path}: Is a directory")
            return node

    def mkdir(self, path):
        with self.lock:
            directory, name = self.parent(path)
            if name in directory.children:
                raise TreeError(f"{path}: File exists")
            directory.children[name] = Node(DIR, 0o755)

    def rmdir(self, path):
        with self.lock:
            directory, name = self.parent(path)
            node = self.find(path, follow=False)
            if node.kind != DIR:
                raise TreeError(f"{path}: Not a directory")
            if node.children:
                raise TreeError(f"{path}: Directory not empty")
            del directory.children[name]

    def unlink(self, path):
        with self.lock:
            directory, name = self.parent(path)
            if self.find(path, follow=False).kind == DIR:
                raise TreeError(f"{path}: Is a directory")
            del directory.children[name]

    def rename(self, source, target):
        with self.lock:
            node = self.find(source, follow=False)
            new_directory, new_name = self.parent(target)
            there = new_directory.children.get(new_name)
            if there is not None and there.kind == DIR and there.children:
                raise TreeError(f"{target}: Directory not empty")
            directory, name = self.parent(source)
            del directory.children[name]
            new_directory.children[new_name] = node


# Listings

PERM = {FILE: "adfrw", DIR: "acdefglmp", LINK: "dfr"}


def facts(node):
    kind = node.told_type
    if kind is None:
        kind = f"OS.unix=slink:{node.target}" if node.kind == LINK else node.kind
    size = "" if node.kind == DIR else f"size={node.size};"
    owners = "" if node.owner is None else f"UNIX.owner={node.owner};"
    owners += "" if node.group is None else f"UNIX.group={node.group};"
    return (
        f"type={kind};{size}modify={node.mtime_text()};perm={PERM[node.kind]};"
        f"UNIX.mode=0{node.mode:o};unique={id(node):x}g1;{owners}"
    )


def _unix_line(name, node):
    letter = {FILE: "-", DIR: "d", LINK: "l"}[node.kind]
    bits = stat.filemode(node.mode)[1:]
    when = time.gmtime(node.mtime)
    recent = abs(time.time() - node.mtime) < 180 * 86400
    clock = f"{when.tm_hour:02}:{when.tm_min:02}" if recent else f"{when.tm_year:5}"
    arrow = f" -> {node.target}" if node.kind == LINK else ""
    return (
        f"{letter}{bits}    1 1000     1000     {node.size:>8} "
        f"{MONTHS[when.tm_mon - 1]} {when.tm_mday:2} {clock} {name}{arrow}"
    )


def _line(mlsd, name, node):
    return f"{facts(node)} {name}\r\n" if mlsd else f"{_unix_line(name, node)}\r\n"


def _generated(mlsd, entries):
    node = Node(FILE, 0o644)
    node.told_size = 0
    before, _, after = _line(mlsd, "\1", node).partition("\1")
    if mlsd:
        head, _, tail = before.partition("size=0;")
        for name, size in entries:
            yield f"{head}size={size};{tail}{name}{after}"
        return
    head, _, tail = before.partition(f"{0:>8}")
    for name, size in entries:
        yield f"{head}{size:>8}{tail}{name}{after}"


def listing(tree, path, mlsd):
    """The lines of a directory, or of a single file for LIST, each with its line end."""
    node = tree.find(path)
    if node.kind != DIR:
        if mlsd:
            raise TreeError(f"{path}: Not a directory")
        return iter([_line(False, posixpath.basename(path), node)])
    if node.entries is not None:
        return _generated(mlsd, node.entries())
    with tree.lock:
        lines = [_line(mlsd, name, child) for name, child in node.children.items()]
    if mlsd:
        lines.insert(0, facts(node).replace("type=dir", "type=cdir") + " .\r\n")
    return iter(lines)
