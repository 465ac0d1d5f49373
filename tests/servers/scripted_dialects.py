# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers of other systems, as far as a client can tell: a ScriptedServer whose LIST speaks one of
their dialects, in their local time, and which has no command that theirs lack.

    dialect = DIALECTS["windows"]
    dialect.play(server, offset=-5 * 3600)

A Dialect says what its system can: directories (False: there is one flat directory), and which of
some commands it has. file, other and directory are names that its system may have."""

import time

from scripted_tree import DIR, LINK, MONTHS, TreeError

WEEKDAYS = "Mon. Tues. Wed. Thur. Fri. Sat. Sun.".split()
HALF_YEAR = 180 * 86400


class Dialect:
    """line(name, node, when): one entry; `when` is the server's local time. header: lines before
    them."""

    directories = True
    commands = {"SIZE", "MDTM"}  # that it has of these and MFMT, SITE, CLNT
    features = ["SIZE", "MDTM", "REST STREAM"]
    header = []
    file, other, directory = "report.txt", "Second File.dat", "Folder"

    def __init__(self, name):
        self.name = name
        self.offset = self.ahead = 0

    def play(self, server, offset=0, ahead=0):
        """offset: seconds that local time is ahead of UTC. ahead: by which its clock is wrong."""
        self.offset, self.ahead = offset, ahead
        server.mlst = False
        server.lister = self.listing
        server.features = list(self.features)
        server.lacks = {"MFMT", "SITE", "SIZE", "MDTM", "CLNT"} - self.commands
        if not self.features:
            server.lacks.add("FEAT")

    def line(self, name, node, when):
        raise NotImplementedError

    def listing(self, tree, path, mlsd):
        assert not mlsd
        node = tree.find(path)
        if node.kind != DIR:
            raise TreeError(f"{path}: not a directory")
        with tree.lock:
            lines = [
                self.line(name, child, time.gmtime(child.mtime + self.offset))
                for name, child in node.children.items()
            ]
        return iter([line + "\r\n" for line in self.header + lines])

    def recent(self, node):
        """Whether ls leaves the year out."""
        return -3600 < time.time() + self.ahead - node.mtime < HALF_YEAR

    def year_or_clock(self, node, when):
        return time.strftime("%H:%M", when) if self.recent(node) else f"{when.tm_year:5}"


class Unix(Dialect):
    commands = {"SIZE", "MDTM", "SITE"}
    header = ["total 8"]

    def line(self, name, node, when):
        letter = {DIR: "d", LINK: "l"}.get(node.kind, "-")
        bits = "".join("rwx"[i % 3] if node.mode & (0o400 >> i) else "-" for i in range(9))
        arrow = f" -> {node.target}" if node.kind == LINK else ""
        return (
            f"{letter}{bits}   1 ann      staff    {node.size:>10} {MONTHS[when.tm_mon - 1]} "
            f"{when.tm_mday:2} {self.year_or_clock(node, when)} {name}{arrow}"
        )


class Windows(Dialect):
    date = "%m-%d-%y  %I:%M%p"

    def line(self, name, node, when):
        size = "      <DIR>         " if node.kind == DIR else f"{node.size:>20}"
        return f"{time.strftime(self.date, when)} {size} {name}"


class WindowsLongYear(Windows):
    date = "%m-%d-%Y  %I:%M%p"


class NetWare(Dialect):
    header = ["total 0"]

    def line(self, name, node, when):
        letter, size = ("d", 512) if node.kind == DIR else ("-", node.size)
        return (
            f"{letter} [RWCEAFMS] admin {size:>24}       {MONTHS[when.tm_mon - 1]} "
            f"{when.tm_mday:2} {self.year_or_clock(node, when)}    {name}"
        )


class Eplf(Dialect):
    def line(self, name, node, when):
        kind = "/" if node.kind == DIR else f"r,s{node.size}"
        return f"+i8388621.{id(node) % 100000},m{node.mtime},{kind},\t{name}"


class As400(Dialect):
    def line(self, name, node, when):
        kind, slash, size = ("*DIR", "/", 8192) if node.kind == DIR else ("*STMF", "", node.size)
        stamp = time.strftime("%m/%d/%y %H:%M:%S", when)
        return f"ANN     {size:>13} {stamp} {kind:<10} {name}{slash}"


class WfFtp(Dialect):
    directories = False
    commands = set()
    features = []
    file, other = "config", "ti.cfg"

    def line(self, name, node, when):
        stamp = time.strftime("%m/%d/%y", when)
        day = WEEKDAYS[when.tm_wday]
        return f"{name:<14}{node.size:>8}  {stamp}  {day:<6} {time.strftime('%H:%M:%S', when)}"


class VxWorks(Dialect):
    commands = {"SIZE"}
    features = ["SIZE"]
    header = [
        "  size          date       time       name",
        "--------       ------     ------    --------",
    ]

    def line(self, name, node, when):
        stamp = time.strftime(f"{MONTHS[when.tm_mon - 1]}-%d-%Y  %H:%M:%S", when)
        if node.kind == DIR:
            return f"{2048:>8}    {stamp}   {name:<17} <DIR>"
        return f"{node.size:>8}    {stamp}   {name}"


class Tandem(Dialect):
    directories = False
    commands = set()
    features = []
    file, other = "REPORT", "SECOND"
    header = ["File         Code             EOF  Last Modification    Owner  RWEP"]

    def line(self, name, node, when):
        stamp = time.strftime(f"%d-{MONTHS[when.tm_mon - 1]}-%y %H:%M:%S", when)
        return f'{name:<11}  101 {node.size:>16} {stamp} 155,106 "nunu"'


DIALECTS = {
    name: kind(name)
    for name, kind in {
        "unix": Unix,
        "windows": Windows,
        "windows-long-year": WindowsLongYear,
        "netware": NetWare,
        "eplf": Eplf,
        "as400": As400,
        "wfftp": WfFtp,
        "vxworks": VxWorks,
        "tandem": Tandem,
    }.items()
}
