# SPDX-License-Identifier: GPL-2.0-or-later
"""A ScriptedServer that lists in another language until LANG en (RFC 2640) is said.

    with LanguageServer(offers=True) as server: ...
"""

import time

from scripted import ScriptedServer
from scripted_session import Session
from scripted_tree import DIR, MONTHS

FINNISH = "tammi helmi maalis huhti touko kes\u00e4 hein\u00e4 elo syys loka marras joulu".split()


class LanguageSession(Session):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.months = self.server.months

    def dispatch(self, verb, argument):
        if verb == "LANG" and self.server.offers:
            self.months = MONTHS if argument.lower() == "en" else FINNISH
            self.reply("200 So be it.")
        elif verb == "LIST" and self.logged_in:
            self.list_foreign(argument.removeprefix("-a").strip())
        else:
            super().dispatch(verb, argument)

    def list_foreign(self, argument):
        tree = self.server.tree
        lines = []
        with tree.lock:
            for name, node in tree.find(self.path(argument)).children.items():
                when = time.gmtime(node.mtime)
                month = self.months[when.tm_mon - 1]
                letter = "d" if node.kind == DIR else "-"
                lines.append(
                    f"{letter}rw-r--r--   1 ann      staff    {node.size:>10} {month} "
                    f"{when.tm_mday:2} {time.strftime('%H:%M', when)} {name}\r\n"
                )
        self.transfer(["".join(lines).encode()], self.send_data)


class LanguageServer(ScriptedServer):
    """offers: whether FEAT tells of LANG. months: as it lists at first."""

    session_class = LanguageSession

    def __init__(self, offers=True, months=None, **options):
        super().__init__(mlst=False, **options)
        self.offers, self.months = offers, months or FINNISH
        self.features = ["UTF8", "SIZE", "MDTM"] + (["LANG FI*;EN"] if offers else [])
