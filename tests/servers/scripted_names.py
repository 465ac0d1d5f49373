# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers of systems without path names, as far as a client can tell: OpenVMS, MVS (z/OS), and
Tandem's Guardian.

    with NamesServer() as server:
        server.system = Vms() ...

They take single names in the session's directory, and directories in their own notation. What has a
slash in it is refused, as the real ones do without their Unix emulation. The tree's names are those
that the system stores: "REPORT.TXT", directories without ".DIR"."""

import posixpath
import re
import time

from scripted import ScriptedServer
from scripted_dialects import DIALECTS
from scripted_session import Session
from scripted_tree import DIR, MONTHS, TreeError


class Vms:
    """DISK$USER:[SMITH.SUB], versions, blocks. brackets, bare: which names of subdirectories it
    takes. exact: whether it has SIZE and MDTM."""

    writable = True

    def __init__(self, brackets=True, bare=True, exact=True):
        self.brackets, self.bare, self.exact = brackets, bare, exact

    def tell(self, parts):
        return "DISK$USER:[" + ".".join(["SMITH", *parts]) + "]"

    def enter(self, cwd, argument):
        """The parts of the directory that CWD leads to from `cwd`; None: it makes no sense."""
        argument = argument.upper()
        if argument.startswith("DISK$USER:[SMITH"):
            return argument[len("DISK$USER:[SMITH") : -1].split(".")[1:]
        below = re.fullmatch(r"\[\.([^\[\]]+)\]", argument)
        if below and self.brackets:
            return cwd + re.split(r"(?<!\^)\.", below[1])
        if self.bare and re.fullmatch(r"[A-Z0-9$_-]+(\.DIR(;1)?)?", argument):
            return cwd + [argument.partition(".DIR")[0]]
        return None

    def name(self, argument):
        """What a file's name is stored as; None: it is none."""
        match = re.fullmatch(r"([\w$.-]+)(;\d*)?", argument)
        return match[1].upper() if match else None

    def lines(self, cwd, children):
        yield f"Directory {self.tell(cwd)}"
        yield ""
        for name, node in children:
            when = time.gmtime(node.mtime)
            stamp = time.strftime(f"%d-{MONTHS[when.tm_mon - 1].upper()}-%Y %H:%M:%S", when)
            shown = f"{name}.DIR;1" if node.kind == DIR else f"{name};3"
            blocks = (node.size + 511) // 512
            rest = f"{blocks}/{blocks + 3}  {stamp}  [STAFF,SMITH]  (RWED,RWED,RE,)"
            if len(shown) > 18:
                yield shown
                yield f"{'':20}{rest}"
            else:
                yield f"{shown:<20}{rest}"
            if node.kind != DIR:
                yield f"{name + ';2':<20}1/3  1-JAN-2001 00:00:00  [STAFF,SMITH]  (RWED,RWED,RE,)"
        yield ""
        yield f"Total of {len(children)} files, 9/99 blocks."


class Guardian:
    """One flat subvolume."""

    writable = True

    def tell(self, parts):
        return "\\\\NODE.$DATA.SMITH"

    def enter(self, cwd, argument):
        return [] if argument.upper() == self.tell([]) else None

    def name(self, argument):
        return argument if re.fullmatch(r"[A-Z][A-Z0-9]{0,7}", argument) else None

    def lines(self, cwd, children):
        yield from DIALECTS["tandem"].header
        for name, node in children:
            yield DIALECTS["tandem"].line(name, node, time.gmtime(node.mtime))


class Mvs:
    """'SMITH.', partitioned data sets as directories. Members have statistics. unix: there are Unix
    files too, below an absolute path."""

    def __init__(self, unix=False):
        self.unix = unix

    writable = False

    def tell(self, parts):
        return f"'SMITH.{'.'.join(parts)}'"

    def enter(self, cwd, argument):
        if argument.upper() == "'SMITH.'":
            return []
        if re.fullmatch(r"[A-Z0-9@#$.]+", argument.upper()):
            return cwd + [argument.upper()]
        return None

    def name(self, argument):
        match = re.fullmatch(r"[\w@#$.]+", argument)
        return match[0].upper() if match else None

    def lines(self, cwd, children):
        if cwd:
            yield " Name     VV.MM   Created       Changed      Size  Init   Mod   Id"
        else:
            yield "Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname"
        for name, node in children:
            when = time.gmtime(node.mtime)
            if cwd:
                stamp = time.strftime("%Y/%m/%d %H:%M", when)
                yield f"{name:<8}  01.03 2002/07/08 {stamp}    12    12     0 SMITH"
            else:
                kind = "PO" if node.kind == DIR else "PS"
                day = time.strftime("%Y/%m/%d", when)
                yield f"WYOSPT 3390   {day}  1  200  FB      80  8053  {kind}  {name}"


class NamesSession(Session):
    """cwd is a list of names below the login directory."""

    def __init__(self, server, *arguments):
        super().__init__(server, *arguments)
        self.cwd = []
        self.in_unix = False

    @property
    def system(self):
        return self.server.system

    def dispatch(self, verb, argument):
        # An absolute path is one of a Unix file, whatever the directory is.
        self.in_unix = getattr(self.system, "unix", False) and "/" in argument
        handler = None if self.in_unix else getattr(self, f"names_{verb.lower()}", None)
        if handler is None or not self.logged_in or verb in self.missing():
            super().dispatch(verb, argument)
            return
        try:
            handler(argument)
        except TreeError as error:
            self.reply(f"550 {error}.")

    def path(self, argument):
        if self.in_unix:
            return posixpath.normpath(argument)
        name = self.system.name(argument)
        if name is None:
            raise TreeError(f"{argument}: syntax error in file specification")
        return "/" + "/".join([*self.cwd, name])

    def directory(self, argument):
        """The path of a directory that is named in the system's way."""
        parts = self.system.enter(self.cwd, argument)
        if parts is None:
            raise TreeError(f"{argument}: error in directory syntax")
        return "/" + "/".join(parts)

    def names_pwd(self, _):
        self.reply(f'257 "{self.system.tell(self.cwd)}" is current directory.')

    def names_cwd(self, argument):
        path = self.directory(argument)
        if self.server.tree.find(path).kind != DIR:
            raise TreeError("invalid directory")
        self.cwd = [part for part in path.split("/") if part]
        self.reply(f'250 "{self.system.tell(self.cwd)}" is current directory.')

    def names_list(self, argument):
        if argument:
            raise TreeError(f"{argument}: no such file")
        here = self.server.tree.find("/" + "/".join(self.cwd))
        with self.server.tree.lock:
            lines = list(self.system.lines(self.cwd, list(here.children.items())))
        self.transfer([("".join(line + "\r\n" for line in lines)).encode()], self.send_data)

    def refuse(self):
        if not self.system.writable:
            raise TreeError("data set can't be written to by this test")

    def names_mkd(self, argument):
        self.refuse()
        self.server.tree.mkdir(self.directory(argument))
        self.reply(f'257 "{argument}" created.')

    def names_rmd(self, argument):
        self.refuse()
        self.server.tree.rmdir(self.directory(argument))
        self.reply("250 Removed.")

    def names_dele(self, argument):
        self.refuse()
        self.do_dele(argument)

    def names_stor(self, argument):
        self.refuse()
        self.do_stor(argument)

    def names_rnfr(self, argument):
        """A directory is renamed as the file that it is."""
        name, dot, _ = argument.upper().partition(".DIR")
        path = self.path(name)
        if (self.server.tree.find(path).kind == DIR) != bool(dot):
            raise TreeError("file not found")
        self.rename_from = path
        self.reply("350 To what?")

    def names_rnto(self, argument):
        self.refuse()
        self.do_rnto(re.sub(r"\.DIR(;1)?$", "", argument.upper()))


class NamesServer(ScriptedServer):
    session_class = NamesSession

    def __init__(self, system=None, **options):
        super().__init__(mlst=False, **options)
        self.system = system or Vms()
        self.features = ["SIZE", "MDTM"] if self.system.writable else []
        self.lacks = {"MFMT", "SITE", "CLNT", "FEAT"} if not self.features else {"MFMT", "SITE"}
        if not getattr(self.system, "exact", False):
            self.features = []
            self.lacks |= {"SIZE", "MDTM"}
