# SPDX-License-Identifier: GPL-2.0-or-later
"""A ScriptedServer that speaks MODE Z.

    server.pack = lambda data: ...    the bytes, or pieces, that go out in place of `data`
"""

import zlib

from scripted import ScriptedServer
from scripted_session import Session


class DeflateSession(Session):
    packed = False

    def dispatch(self, verb, argument):
        if verb != "MODE" or not self.logged_in:
            super().dispatch(verb, argument)
            return
        self.packed = argument == "Z"
        self.reply("200 So be it." if argument in ("S", "Z") else "504 Not that one.")

    def send_data(self, transfer):
        if self.packed:
            blocks = transfer.blocks() if callable(transfer.blocks) else transfer.blocks
            packed = self.server.pack(b"".join(blocks))
            transfer.blocks = [packed] if isinstance(packed, bytes) else packed
        return super().send_data(transfer)

    def receive_data(self, transfer, node, offset):
        self.server.packed_uploads += self.packed
        return super().receive_data(transfer, node, offset)


class DeflateServer(ScriptedServer):
    """packed_uploads: how many there were in MODE Z. What came is kept as it is then."""

    session_class = DeflateSession

    def __init__(self, **options):
        super().__init__(**options)
        self.features.append("MODE Z")
        self.pack = zlib.compress
        self.packed_uploads = 0
