# SPDX-License-Identifier: GPL-2.0-or-later
"""A ScriptedServer that does not bear what a client does before its turn: EPSV before the end of a
transfer is confirmed, its close_notify on a data connection before the data have come, or a question
about a file before the end of its upload is confirmed.

    with EarlyServer(on_epsv="refuse first") as server: ...
    with EarlyServer(on_bye="half") as server: ...
    with EarlyServer(on_look="answer first") as server: ...
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
        if not orderly:
            return
        if self.running.blocks is not None:
            if self.server.on_epsv and self.hears("EPSV"):
                self.server.early_ports += 1
                getattr(self, "epsv_" + self.server.on_epsv.replace(" ", "_"))(self.running)
        elif self.server.on_look and (question := self.hears("MLST", "SIZE")):
            self.server.early_looks += 1
            early = self.server.early_looks > self.server.looks_in_turn
            if early:
                act = getattr(self, "look_" + self.server.on_look.replace(" ", "_"))
                act(self.running, question)
            else:
                self.received = question.encode() + b"\r\n" + self.received

    def hears(self, *verbs):
        """The command that comes before the reply to the transfer, if it is one of these. It is taken
        off the line then."""
        self.stream.settimeout(LISTEN_SECONDS)
        try:
            line = self.read_line()
        except TimeoutError:
            return None
        finally:
            self.stream.settimeout(None)
        if line.partition(" ")[0] in verbs:
            return line
        self.received = line.encode() + b"\r\n" + self.received
        return None

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

    # An early question about the file that is being stored

    def answer(self, question):
        verb, _, argument = question.partition(" ")
        self.execute(verb, argument)

    def look_answer_first(self, _, question):
        self.answer(question)

    def look_answer_all_first(self, _, question):
        """But for the question for a port."""
        while question:
            self.answer(question)
            question = self.hears("MLST", "SIZE", "MDTM", "SITE")
        if self.hears("EPSV"):
            self.reply("450 EPSV: data transfer in progress")

    def look_answer_all_and_forget_the_upload(self, transfer, question):
        """As pyftpdlib, which ends an upload by a question for a port and says no more of it."""
        while question:
            self.answer(question)
            question = self.hears("MLST", "SIZE", "MDTM", "SITE", "EPSV")
        transfer.final = None

    def look_refuse_all_first(self, *_):
        while self.hears("MLST", "SIZE", "MDTM", "SITE", "EPSV"):
            self.reply("450 A transfer is in progress.")
        self.reply("450 A transfer is in progress.")

    def look_tell_nothing_first(self, _, question):
        """As a server that looks at the file before it has received anything."""
        verb, _, argument = question.partition(" ")
        facts = f"250-Facts:\r\n type=file;size=0;modify=20200101000000; {argument}\r\n250 End."
        self.reply(facts if verb == "MLST" else "213 0")

    def look_refuse_first(self, *_):
        self.reply("450 A transfer is in progress.")

    def look_misread_first(self, *_):
        self.reply("503 Not during a transfer.")

    def look_refuse_afterwards(self, transfer, _):
        self.reply(transfer.final)
        transfer.final = "503 Not during a transfer."

    def look_abort_and_answer(self, transfer, question):
        transfer.final = None
        self.reply("426 Another command came.")
        self.answer(question)

    def look_answer_and_abort(self, transfer, question):
        self.answer(question)
        transfer.final = "426 Another command came."

    def look_answer_and_fail(self, transfer, question):
        self.answer(question)
        transfer.final = "552 The disk is full."

    def look_say_421(self, *_):
        self.reply("421 What do you think you are doing?")
        self.cut()

    def look_hang_up(self, *_):
        self.cut()

    def look_not_listen(self, *_):
        """As if the line had been lost."""

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
    """on_epsv: what an early EPSV brings about, on_bye: what an early close_notify does, on_look: what
    an early MLST or SIZE does after looks_in_turn that were answered in turn: the name of a method
    above, in words. For tests: early_ports, byes and early_looks, how many of them came."""

    session_class = EarlySession

    def __init__(self, on_epsv=None, on_bye=None, on_look=None, looks_in_turn=0, **options):
        super().__init__(**options)
        self.on_epsv, self.on_bye, self.on_look = on_epsv, on_bye, on_look
        self.looks_in_turn = looks_in_turn
        self.early_ports = self.byes = self.early_looks = 0
