# SPDX-License-Identifier: GPL-2.0-or-later
"""A ScriptedServer with the extensions of one's choice: ways to set a time or an owner, hashes, ALLO.

    with FeatureServer(times="UTIME long", md5="XMD5") as server: ...
"""

import calendar
import hashlib
import re
import time

from scripted import ScriptedServer
from scripted_session import Session

STAMP = r"(\d{14})"


class FeatureSession(Session):
    def dispatch(self, verb, argument):
        handler = getattr(self, f"feature_{verb.lower()}", None)
        if handler is None or not self.logged_in:
            super().dispatch(verb, argument)
        else:
            handler(argument)

    def set_time(self, stamp, name):
        node = self.server.tree.find(self.path(name))
        node.mtime = calendar.timegm(time.strptime(stamp, "%Y%m%d%H%M%S"))
        self.reply(f"213 Modify={stamp}; {name}")

    def feature_mfmt(self, _):
        self.reply("500 MFMT not understood.")

    def set_owner(self, owners, what, account, name):
        """what: "owner" or "group"."""
        if self.server.owners != owners:
            self.reply("504 What?")
        elif account in self.server.foreign:
            self.reply(f"550 {name}: Operation not permitted.")
        else:
            setattr(self.server.tree.find(self.path(name)), what, account)
            self.reply("200 Done.")

    def feature_mff(self, argument):
        owner = re.fullmatch(r"UNIX\.(owner|group)=(\S+); (.+)", argument)
        if owner:
            self.set_owner("MFF", *owner.groups())
            return
        match = re.fullmatch(f"Modify={STAMP}; (.+)", argument)
        if match is None or self.server.times != "MFF":
            self.reply("501 What?")
        else:
            self.set_time(*match.groups())

    def feature_mdtm(self, argument):
        if re.match(STAMP + " ", argument):
            self.reply("550 No such file.")
        else:
            self.do_mdtm(argument)

    def feature_site(self, argument):
        short = re.fullmatch(f"UTIME {STAMP} (.+)", argument)
        long = re.fullmatch(f"UTIME (.+) {STAMP} {STAMP} {STAMP} UTC", argument)
        owner = re.fullmatch(r"(CHOWN|CHGRP) (\S+) (.+)", argument)
        if owner:
            what = "owner" if owner[1] == "CHOWN" else "group"
            self.set_owner("SITE", what, owner[2], owner[3])
        elif argument == "HELP":
            self.reply("214-Commands:\r\n CHMOD\r\n UTIME\r\n214 End")
        elif short and self.server.times == "UTIME short":
            self.set_time(*short.groups())
        elif long and self.server.times == "UTIME long":
            self.set_time(long[3], long[1])
        elif argument.startswith("UTIME"):
            self.reply("501 Wrong order.")
        elif argument == "QUOTA":
            self.reply(self.server.quota)
        else:
            self.do_site(argument)

    def digest(self, verb, argument):
        if verb not in (self.server.md5, self.server.sha256):
            self.reply("500 Not here.")
            return
        kind, function = "MD5", hashlib.md5
        if verb == self.server.sha256:
            kind, function = "SHA-256", hashlib.sha256
        digest = function(bytes(self.file(argument).data)).hexdigest().upper()
        forms = {
            "MD5": f"251 {argument} {digest}",
            "XMD5": f"250 {digest}",
            "XSHA256": f"250 {digest}",
            "HASH": f"213 {kind} 0-99 {digest} {argument}",
        }
        self.reply(forms[verb])

    def feature_md5(self, argument):
        self.digest("MD5", argument)

    def feature_xmd5(self, argument):
        self.digest("XMD5", argument)

    def feature_xsha256(self, argument):
        self.digest("XSHA256", argument)

    def feature_hash(self, argument):
        self.digest("HASH", argument)

    def feature_allo(self, _):
        self.reply(self.server.allo)

    def feature_avbl(self, _):
        self.reply(self.server.avbl or "500 AVBL not understood.")


class FeatureServer(ScriptedServer):
    """times: the one way to set a time, "MFF", "UTIME short", "UTIME long" or None. md5: "MD5",
    "XMD5" or "HASH"; sha256: "XSHA256" or "HASH". owners: the one way to set an owner or a group,
    "MFF", "SITE" or None; foreign: those that nothing can be given to. allo, quota, avbl: the replies to ALLO, SITE QUOTA and AVBL.
    """

    session_class = FeatureSession

    def __init__(
        self,
        times=None,
        md5=None,
        sha256=None,
        allo="202 No need.",
        avbl=None,
        owners=None,
        **options,
    ):
        super().__init__(**options)
        self.quota = "500 SITE QUOTA not understood."
        self.avbl = avbl
        if avbl:
            self.features.append("AVBL")
        self.times, self.md5, self.sha256, self.allo = times, md5, sha256, allo
        self.owners, self.foreign = owners, set()
        self.features.remove("MFMT")
        if owners == "MFF":
            self.features.append("MFF UNIX.owner;UNIX.group;")
        if times == "MFF":
            self.features.append("MFF Modify;")
        if md5:
            self.features.append("HASH SHA-1;MD5*" if md5 == "HASH" else md5)
        if sha256:
            self.features.append("HASH SHA-1;SHA-256*" if sha256 == "HASH" else sha256)
