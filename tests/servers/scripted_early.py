# SPDX-License-Identifier: GPL-2.0-or-later
"""A ScriptedServer that does not bear what a client does before its turn: EPSV before the end of a
transfer is confirmed, or its close_notify on a data connection before the data have come.

    with EarlyServer(on_epsv="refuse first") as server: ...
    with EarlyServer(on_bye="half") as server: ...
"""

from scripted import ScriptedServer
from scripted_session import Session

LISTEN_SECONDS = 0.3  # for what comes early


class EarlySession(Session):
    running = None  # the Transfer

    def transfer(self, blocks, move):
        def run(transfer):
            self.running = transfer
            if transfer.blocks is not None and self.server.on_bye and self.hears_bye():
                self.server.byes += 1
                getattr(self, "bye_" + self.server.on_bye.replace(" ", "_"))(transfer)
            return move(transfer)

        super().transfer(blocks, run)

    def hears_bye(self):
        self.data.settimeout(LISTEN_SECONDS)
        try:
            return self.data.recv(1) == b""
        except TimeoutError:
            return False
        finally:
            self.data.settimeout(None)

    def end_data(self, orderly, reset=False):
        super().end_data(orderly, reset)
        if orderly and self.server.on_epsv and self.hears_epsv():
            self.server.early_ports += 1
            getattr(self, "epsv_" + self.server.on_epsv.replace(" ", "_"))(self.running)

    def hears_epsv(self):
        """Whether EPSV comes before the reply to the transfer. It is taken off the line then."""
        self.stream.settimeout(LISTEN_SECONDS)
        try:
            line = self.read_line()
        except TimeoutError:
            return False
        finally:
            self.stream.settimeout(None)
        if line != "EPSV":
            self.received = line.encode() + b"\r\n" + self.received
        return line == "EPSV"

    # An early EPSV

    def epsv_refuse_first(self, _):
        self.reply("503 Not during a transfer.")

    def epsv_refuse_afterwards(self, transfer):
        self.reply(transfer.final)
        transfer.final = "425 Can't listen now."

    def epsv_answer_first(self, _):
        self.execute("EPSV", "")

    def epsv_abort_and_answer(self, transfer):
        transfer.final = None
        self.reply("426 A new port was asked for.")
        self.execute("EPSV", "")

    def epsv_answer_and_abort(self, transfer):
        self.execute("EPSV", "")
        transfer.final = "426 A new port was asked for."

    def epsv_say_421(self, _):
        self.reply("421 What do you think you are doing?")
        self.cut()

    def epsv_hang_up(self, _):
        self.cut()

    def epsv_not_listen(self, _):
        """As if the line had been lost."""

    def epsv_close_the_port(self, transfer):
        self.reply(transfer.final)
        self.execute("EPSV", "")
        transfer.final = None
        self.listener.close()
        self.listener = None

    # An early close_notify; whoever returns sends what the transfer's attributes say

    def bye_nothing(self, transfer):
        transfer.blocks = []

    def bye_half(self, transfer):
        transfer.blocks = [block[: len(block) // 2] for block in transfer.blocks]

    def bye_abort(self, _):
        raise OSError("the client has closed the connection")

    def bye_reset(self, transfer):
        transfer.cut, transfer.reset = 1, True

    def bye_complain(self, transfer):
        transfer.final = "426 The client has closed the connection."

    def bye_hang_up(self, _):
        self.cut()

    def bye_hang(self, _):
        while self.data.recv(1 << 10):
            pass  # until the client has had enough
        self.server.pause(3)
        raise OSError("the client has closed the connection")


class EarlyServer(ScriptedServer):
    """on_epsv: what an early EPSV brings about, on_bye: what an early close_notify does: the name of
    a method above, in words. For tests: early_ports and byes, how many of them came."""

    session_class = EarlySession

    def __init__(self, on_epsv=None, on_bye=None, **options):
        super().__init__(**options)
        self.on_epsv, self.on_bye = on_epsv, on_bye
        self.early_ports = self.byes = 0
