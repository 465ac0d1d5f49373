# SPDX-License-Identifier: GPL-2.0-or-later
"""One control connection of a ScriptedServer, with its data connections: RFC 959, 2389, 3659, 4217,
2428, as far as a file system needs them."""

import calendar
import posixpath
import queue
import re
import select
import socket
import ssl
import struct
import time

import scripted_tree
from scripted_faults import Transfer
from scripted_tree import DIR, FILE, TreeError

BLOCK = 64 * 1024
LINE_MAX = 16 * 1024
DATA_SECONDS = 20  # to wait for the client's connection and handshake
CLOSE_SECONDS = 5


class _Refused(Exception):
    """The data connection did not come about; the text is the reply."""


class Session:
    def __init__(self, server, connection, number):
        self.server = server
        self.number = number
        self.raw = connection  # the TCP socket
        self.stream = connection  # what commands and replies go through
        self.secured = False
        self.user = None
        self.logged_in = False
        self.cwd = "/"
        self.offset = 0
        self.rename_from = None
        self.protected = server.explicit is False
        self.held = b""  # replies held back by a fault
        self.faults = []
        self.listener = None
        self.data = None
        self.received = b""
        self.asides = queue.SimpleQueue()
        self.asides_waiting, self.asides_told = socket.socketpair()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # The connection

    def run(self):
        for fault in self.server.take_faults("CONNECT", ""):
            if fault.before(self, None):
                return
        if not self.server.explicit:
            self.secure()
        with self.server.lock:
            too_many = 0 < self.server.max_sessions < len(self.server.sessions)
        if too_many:
            self.send((self.server.limit_reply + "\r\n").encode())
            self.close_orderly()
        self.execute("GREETING", "")
        while True:
            line = self.read_line()
            verb, _, argument = line.partition(" ")
            self.execute(verb.upper(), argument)

    def secure(self):
        self.raw.settimeout(DATA_SECONDS)
        if self.server.openssl or self.server.staple is not None:
            self.stream = self.by_openssl(self.raw, self.server.context)
        else:
            self.raw = self.stream = self.server.context.wrap_socket(self.raw, server_side=True)
        self.stream.settimeout(None)
        self.secured = True

    def by_openssl(self, raw, context):
        from scripted_openssl import OpenSslStream

        return OpenSslStream(raw, context, self.server.staple)

    def read_line(self):
        while b"\n" not in self.received:
            self.await_input()
            block = self.stream.recv(4096)
            if not block or len(self.received) > LINE_MAX:
                raise EOFError
            self.received += block
        line, _, self.received = self.received.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "surrogateescape")

    def await_input(self):
        """Until there is something to read; meanwhile it does what others ask of it."""
        pending = getattr(self.stream, "pending", None)
        if pending is None or pending() > 0:
            return
        poll = select.poll()
        try:
            poll.register(self.raw, select.POLLIN)
        except ValueError:
            raise EOFError from None  # another thread has abandoned the session
        poll.register(self.asides_waiting, select.POLLIN)
        seconds = self.stream.gettimeout()
        while True:
            ready = dict(poll.poll(None if seconds is None else seconds * 1000))
            if not ready:
                raise TimeoutError
            if self.asides_waiting.fileno() not in ready:
                return
            self.asides_waiting.recv(1)
            self.asides.get()()

    def aside(self, action):
        """Has the session's own thread call action() while it waits for a command: no other may
        write to a TLS connection that it reads from."""
        self.asides.put(action)
        self.asides_told.send(b"!")

    def send(self, data):
        self.stream.sendall(data)

    def send_clear(self, data):
        """Past TLS: the method of the class beneath SSLSocket."""
        socket.socket.sendall(self.raw, data)

    def reply(self, text):
        data = (text + "\r\n").encode("utf-8", "surrogateescape")
        held, self.held = self.held, b""
        for fault in self.faults:
            data = fault.reply(self, data)
            if data is None:
                break
        self.send((data or b"") + held)

    def close_notify(self):
        if self.secured:
            self.stream.settimeout(CLOSE_SECONDS)
            try:
                self.stream.unwrap()
            except (OSError, ValueError):
                pass  # the client does not answer

    def close_orderly(self):
        self.close_notify()
        raise EOFError

    def cut(self, reset=False):
        """Ends the session at once, TLS or not."""
        self.abandon(reset)
        raise EOFError

    def abandon(self, reset=False):
        """Closes all sockets; from any thread."""
        for connection in (self.raw, self.stream, self.listener, self.data):
            if connection is None:
                continue
            try:
                if reset:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                elif isinstance(connection, socket.socket):
                    # Of the class, since SSLSocket's own drops TLS under a thread that uses it.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                pass
            try:
                connection.close()
            except OSError:
                pass

    # Commands

    def execute(self, verb, argument):
        command = self.server.note(self.number, verb, argument)
        self.faults = self.server.take_faults(verb, argument)
        if verb == "GREETING":
            verb = "220"
        for fault in self.faults:
            if fault.before(self, command):
                return
        self.dispatch(verb, argument)
        for fault in self.faults:
            fault.after(self, command)

    def dispatch(self, verb, argument):
        handler = HANDLERS.get(verb)
        if handler is None or verb in self.missing():
            self.reply(f"500 {verb} not understood.")
            return
        if not self.secured and verb in NEEDS_TLS:
            self.reply("521 Not without AUTH TLS.")
            return
        if not self.logged_in and verb not in BEFORE_LOGIN:
            self.reply("530 Log in with USER and PASS.")
            return
        try:
            handler(self, argument)
        except (TreeError, _Refused) as error:
            text = str(error)
            self.reply(text if isinstance(error, _Refused) else f"550 {text}.")

    def missing(self):
        names = set(self.server.lacks)
        if not self.server.mlst:
            names |= {"MLST", "MLSD"}
        return names if self.server.epsv else names | {"EPSV"}

    def path(self, argument):
        return posixpath.normpath(posixpath.join(self.cwd, argument)).replace("//", "/")

    def greet(self, _):
        self.reply("220 Scripted server ready.")

    def do_auth(self, argument):
        if not self.server.explicit or argument.upper() != "TLS":
            self.reply("504 Only TLS, from the start.")
            return
        self.reply("234 Go ahead.")
        self.received = b""
        self.secure()

    def do_user(self, argument):
        self.user = argument
        self.reply("331 And the password?")

    def do_pass(self, argument):
        self.logged_in = (self.user, argument) == (self.server.user, self.server.password)
        self.reply("230 Welcome." if self.logged_in else "530 Login incorrect.")

    def do_feat(self, _):
        features = list(self.server.features)
        if self.server.mlst:
            features.append("MLST type*;size*;modify*;perm*;UNIX.mode*;unique*;")
        if self.server.epsv:
            features.append("EPSV")
        lines = "".join(f" {feature}\r\n" for feature in features)
        self.reply(f"211-Features:\r\n{lines}211 End")

    def do_quit(self, _):
        self.reply("221 Goodbye.")
        self.close_orderly()

    def do_prot(self, argument):
        if argument.upper() != "P":
            self.reply("534 Only P.")
            return
        self.protected = True
        self.reply("200 Protected.")

    def do_site(self, argument):
        verb, _, rest = argument.partition(" ")
        if verb.upper() == "HELP":
            self.reply("214-SITE commands:\r\n CHMOD\r\n HELP\r\n214 End")
            return
        mode, _, name = rest.partition(" ")
        if verb.upper() != "CHMOD" or not re.fullmatch("[0-7]{1,4}", mode):
            self.reply("504 SITE command not understood.")
            return
        self.server.tree.find(self.path(name)).mode = int(mode, 8)
        self.reply("200 CHMOD done.")

    # Directories and names

    def do_pwd(self, _):
        quoted = self.cwd.replace('"', '""')
        self.reply(f'257 "{quoted}" is the current directory.')

    def do_cwd(self, argument):
        path = self.path(argument)
        if self.server.tree.find(path).kind != DIR:
            raise TreeError(f"{path}: Not a directory")
        self.cwd = path
        self.reply("250 Changed.")

    def do_mkd(self, argument):
        self.server.tree.mkdir(self.path(argument))
        self.reply(f'257 "{self.path(argument)}" created.')

    def do_rmd(self, argument):
        self.server.tree.rmdir(self.path(argument))
        self.reply("250 Removed.")

    def do_dele(self, argument):
        self.server.tree.unlink(self.path(argument))
        self.reply("250 Deleted.")

    def do_rnfr(self, argument):
        self.server.tree.find(self.path(argument), follow=False)
        self.rename_from = self.path(argument)
        self.reply("350 To what?")

    def do_rnto(self, argument):
        if self.rename_from is None:
            self.reply("503 RNFR first.")
            return
        source, self.rename_from = self.rename_from, None
        self.server.tree.rename(source, self.path(argument))
        self.reply("250 Renamed.")

    # Attributes

    def file(self, argument):
        node = self.server.tree.find(self.path(argument))
        if node.kind != FILE:
            raise TreeError(f"{argument}: not a plain file")
        return node

    def do_size(self, argument):
        self.reply(f"213 {self.file(argument).size}")

    def do_mdtm(self, argument):
        match = re.fullmatch(r"(\d{14}) (.+)", argument)
        if match:
            self.file(match[2]).mtime = calendar.timegm(time.strptime(match[1], "%Y%m%d%H%M%S"))
            self.reply("213 Set.")
            return
        self.reply(f"213 {self.file(argument).mtime_text()}")

    def do_mfmt(self, argument):
        stamp, _, name = argument.partition(" ")
        if not re.fullmatch(r"\d{14}(\.\d+)?", stamp):
            self.reply("501 Bad time.")
            return
        node = self.server.tree.find(self.path(name))
        node.mtime = calendar.timegm(time.strptime(stamp[:14], "%Y%m%d%H%M%S"))
        self.reply(f"213 Modify={stamp}; {name}")

    def do_mlst(self, argument):
        path = self.path(argument)
        node = self.server.tree.find(path, follow=False)
        self.reply(f"250-Listing {path}\r\n {scripted_tree.facts(node)} {path}\r\n250 End")

    # Data connections

    def listen_for_data(self):
        """A new listener for the next transfer; gives its port."""
        if self.listener is not None:
            self.listener.close()
        self.listener = socket.create_server((self.server.bind, 0), family=self.raw.family)
        self.listener.settimeout(DATA_SECONDS)
        return self.listener.getsockname()[1]

    def do_epsv(self, argument):
        if argument.upper() == "ALL":
            self.reply("200 EPSV ALL.")
            return
        self.reply(f"229 Entering Extended Passive Mode (|||{self.listen_for_data()}|)")

    def do_pasv(self, _):
        port = self.listen_for_data()
        numbers = self.server.bind.replace(".", ",")
        self.reply(f"227 Entering Passive Mode ({numbers},{port >> 8},{port & 255}).")

    def accept_data(self, transfer):
        """The secured data connection of the transfer."""
        if self.listener is None:
            raise _Refused("425 Use EPSV or PASV first.")
        listener, self.listener = self.listener, None
        try:
            with listener:
                self.data, _ = listener.accept()
            self.data.settimeout(None)
            self.data.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if transfer.handshake == "refuse":
                raise _Refused("425 Can't open data connection.")
            if transfer.handshake != "tls":
                return
            self.data.settimeout(DATA_SECONDS)
            if self.server.staple is not None or transfer.renegotiate:
                self.data = self.by_openssl(self.data, transfer.context)
            else:
                self.data = transfer.context.wrap_socket(
                    self.data, server_side=True, suppress_ragged_eofs=False
                )
            self.data.settimeout(None)
        except (OSError, ssl.SSLError) as error:
            raise _Refused(f"425 No data connection: {error}") from error
        self.server.note_data(self.number, self.data)
        if transfer.renegotiate:
            self.data.renegotiate()
        if self.server.require_reuse and not self.data.session_reused:
            raise _Refused("522 SSL connection failed: session reuse required")

    def end_data(self, orderly, reset=False):
        connection, self.data = self.data, None
        if connection is None:
            return
        try:
            if orderly and hasattr(connection, "unwrap"):  # not left in clear
                connection.settimeout(CLOSE_SECONDS)
                connection.unwrap()
            if reset:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        except (OSError, ValueError):
            pass  # the client has closed it already, or does not answer
        connection.close()

    def transfer(self, blocks, move):
        """One transfer from the preliminary to the final reply. move(transfer) does the bytes
        and says whether they are all through."""
        transfer = Transfer(self, blocks)
        for fault in self.faults:
            fault.transfer(transfer)
        if self.listener is None:
            raise _Refused("425 Use EPSV or PASV first.")
        if transfer.preliminary is not None:
            self.reply(transfer.preliminary)
        try:
            self.accept_data(transfer)
            if transfer.handshake == "silent":
                self.wait_stalled()
                complete = None
            else:
                complete = move(transfer)
        except _Refused:
            self.end_data(False)
            raise
        except OSError:
            complete = None  # the client closed it, or reset it
        if complete is None:
            self.end_data(False)
            self.reply("426 Connection closed; transfer aborted.")
            return
        self.end_data(complete and transfer.close_notify, reset=transfer.reset)
        final = transfer.final if complete else transfer.cut_final
        if final is not None and not (complete and transfer.early_final):
            self.reply(final)

    def wait_stalled(self):
        while self.stalled():
            self.server.pause(0.05)

    def stalled(self):
        """Whether the faults of this command still hold and the client is there."""
        if not any(fault.active for fault in self.faults):
            return False
        self.data.settimeout(0)
        try:
            return socket.socket.recv(self.data, 1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self.data.settimeout(None)

    def pieces(self, transfer):
        """The blocks to send, no larger than wanted."""
        for block in transfer.blocks() if callable(transfer.blocks) else transfer.blocks:
            for i in range(0, len(block), transfer.block):
                yield block[i : i + transfer.block]

    def send_data(self, transfer):
        sent = 0
        early = transfer.early_final
        for block in self.pieces(transfer):
            if transfer.stall is not None and sent >= transfer.stall:
                self.wait_stalled()
                return False
            if transfer.cut is not None and sent + len(block) >= transfer.cut:
                self.data.sendall(block[: transfer.cut - sent])
                return False
            if early:
                self.data.sendall(block[: len(block) // 2])
                self.reply(transfer.final)
                self.server.pause(0.2)
                self.data.sendall(block[len(block) // 2 :])
                early = False
            else:
                self.data.sendall(block)
            sent += len(block)
            if transfer.pace:
                self.server.pause(transfer.pace)
        if early:
            self.reply(transfer.final)
        return True

    def receive_data(self, transfer, node, offset):
        received = 0
        early = transfer.early_final
        keep = transfer.keep
        while True:
            block = self.data.recv(transfer.block)
            if not block:
                break
            if transfer.cut is not None:
                block = block[: transfer.cut - received]
            kept = block if keep is None else block[: max(0, keep - received)]
            with self.server.tree.lock:
                node.data[offset + received : offset + received + len(kept)] = kept
                node.mtime = int(time.time()) + self.server.tree.ahead
            received += len(block)
            if transfer.cut is not None and received >= transfer.cut:
                return False
            if transfer.stall is not None and received >= transfer.stall:
                self.wait_stalled()
                return False
            if early:
                self.reply(transfer.final)
                early = False
            if transfer.pace:
                self.server.pause(transfer.pace)
        if early:
            self.reply(transfer.final)
        return True

    def list_directory(self, argument, mlsd):
        path = self.path(re.sub(r"^-\S+ ?", "", argument) if not mlsd else argument)
        lines = self.server.lister(self.server.tree, path, mlsd)
        self.transfer(_joined(lines), self.send_data)

    def do_mlsd(self, argument):
        self.list_directory(argument, True)

    def do_list(self, argument):
        self.list_directory(argument, False)

    def do_rest(self, argument):
        if not argument.isdigit():
            self.reply("501 Not a number.")
            return
        self.offset = int(argument)
        self.reply(f"350 Restarting at {argument}.")

    def do_retr(self, argument):
        offset, self.offset = self.offset, 0
        node = self.file(argument)
        self.transfer([bytes(node.data[offset:])], self.send_data)

    def do_stor(self, argument):
        offset, self.offset = self.offset, 0
        if offset and self.server.store_restart == "refuse":
            self.reply("551 No REST with STOR.")
            return
        node = self.server.tree.file_for_store(self.path(argument))
        if offset > len(node.data):
            self.reply("551 The file is shorter than that.")
            return
        with self.server.tree.lock:
            if offset == 0 or self.server.store_restart == "truncate":
                del node.data[offset:]
        self.transfer(None, lambda transfer: self.receive_data(transfer, node, offset))

    def do_appe(self, argument):
        self.offset = 0
        node = self.server.tree.file_for_store(self.path(argument))
        end = len(node.data)
        self.transfer(None, lambda transfer: self.receive_data(transfer, node, end))


def _say(text):
    """A handler that answers and does nothing."""
    return lambda session, _: session.reply(text)


def _joined(lines):
    """The lines in blocks of a decent size, each line's bytes as they are on the wire."""
    block = []
    length = 0
    for line in lines:
        data = line.encode("utf-8", "surrogateescape")
        block.append(data)
        length += len(data)
        if length >= BLOCK:
            yield b"".join(block)
            block, length = [], 0
    if block:
        yield b"".join(block)


BEFORE_LOGIN = "220 AUTH USER PASS FEAT QUIT PBSZ PROT NOOP SYST OPTS CLNT".split()
NEEDS_TLS = ("USER", "PASS", "PBSZ", "PROT")

HANDLERS = {
    name[3:].upper(): function for name, function in vars(Session).items() if name.startswith("do_")
}
HANDLERS.update(
    {
        "220": Session.greet,
        "CDUP": lambda self, _: self.do_cwd(".."),
        "OPTS": _say("200 OK."),
        "PBSZ": _say("200 PBSZ=0"),
        "TYPE": _say("200 Type set."),
        "MODE": _say("200 S it is."),
        "STRU": _say("200 F it is."),
        "NOOP": _say("200 Nothing done."),
        "SYST": _say("215 UNIX Type: L8"),
        "ABOR": _say("226 Nothing to abort."),
        "ALLO": _say("202 No need."),
        "CLNT": _say("200 Noted."),
    }
)
