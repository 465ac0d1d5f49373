# SPDX-License-Identifier: GPL-2.0-or-later
"""What a ScriptedServer can be told to do wrong: server.fault("RETR", Cut(10)).

A Fault takes part where its hooks are called. `hits` counts the commands that met it. An endless
one goes on until the client closes the connection or the fault is cleared.
"""

import itertools
import socket
import threading

ENDLESS_MAX = 4 << 30  # bytes; no client takes as much, but a test machine's disk is not at stake


class Fault:
    def __init__(self):
        self.hits = 0
        self.active = True

    def before(self, session, command):
        """True: the command has been dealt with, nothing more happens."""
        return False

    def reply(self, session, data):
        """The bytes to send in place of `data`, a reply of the command; None when it was sent."""
        return data

    def transfer(self, transfer):
        """May change how the command's data connection goes."""

    def after(self, session, command):
        """The command is done, its replies are sent."""


# In place of the command


class Reply(Fault):
    """A reply instead of what was asked for; with `close`, the last one."""

    def __init__(self, text, close=False):
        super().__init__()
        self.text, self.close = text, close

    def before(self, session, command):
        session.send((self.text + "\r\n").encode("utf-8", "surrogateescape"))
        if self.close:
            session.close_orderly()
        return True


class Raw(Fault):
    """Bytes, or an iterable of bytes made anew by a function, in place of a reply."""

    def __init__(self, blocks, close=False):
        super().__init__()
        self.blocks = (lambda: [blocks]) if isinstance(blocks, bytes) else blocks
        self.close = close
        self.sent = 0

    def before(self, session, command):
        for block in self.blocks():
            if not self.active or self.sent > ENDLESS_MAX:
                session.cut()
            session.send(block)
            self.sent += len(block)
        if self.close:
            session.close_orderly()
        return True


def endless_line():
    return Raw(lambda: itertools.chain([b"220-"], itertools.repeat(b"x" * 65536)))


def endless_reply():
    rest = itertools.repeat(b" and so on\r\n" * 5000)
    return Raw(lambda: itertools.chain([b"211-so it begins\r\n"], rest))


def endless_replies():
    return Raw(lambda: itertools.repeat(b"200 Yes.\r\n" * 5000))


def long_line(length, code):
    """One reply line of some `length` bytes, which ends well."""
    middle = length // 65536
    return Raw(
        lambda: itertools.chain([b"%d " % code], itertools.repeat(b"y" * 65536, middle), [b"\r\n"])
    )


class Silence(Fault):
    """No reply. The session reads on."""

    def before(self, session, command):
        return True


class Drop(Fault):
    """Closes the control connection in place of a reply; with `reset`, by RST."""

    def __init__(self, reset=False):
        super().__init__()
        self.reset = reset

    def before(self, session, command):
        session.cut(self.reset)


class ReplyAfterClose(Fault):
    """TLS is closed in order, then a reply comes in clear on the same TCP connection."""

    def __init__(self, text="200 Still here."):
        super().__init__()
        self.text = text

    def before(self, session, command):
        session.close_notify()
        session.send_clear((self.text + "\r\n").encode())
        session.server.pause(0.2)
        session.cut()


class Renegotiate(Fault):
    """A HelloRequest before the command (TLS 1.2, ScriptedServer(openssl=True) only)."""

    def before(self, session, command):
        session.stream.renegotiate()
        return False


# With the command


class Delay(Fault):
    """Each reply comes later, by seconds."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def reply(self, session, data):
        session.server.pause(self.seconds)
        return data


class Gate(Fault):
    """Holds the command until the test calls open(). `reached` is set when one has come."""

    def __init__(self):
        super().__init__()
        self.reached = threading.Event()
        self._open = threading.Event()

    def open(self):
        self._open.set()

    def before(self, session, command):
        self.reached.set()
        while self.active and not self._open.wait(0.05):
            session.server.pause(0)
        return False


class Slow(Fault):
    """A byte of each reply per `seconds`."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def reply(self, session, data):
        for i in range(len(data)):
            session.send(data[i : i + 1])
            session.server.pause(self.seconds if self.active else 0)


class Cut(Fault):
    """The control connection ends after `count` bytes of the command's replies."""

    def __init__(self, count):
        super().__init__()
        self.count = count

    def reply(self, session, data):
        session.send(data[: self.count])
        if len(data) >= self.count:
            session.cut()
        self.count -= len(data)


class Clear(Fault):
    """The replies come in clear amid the TLS connection."""

    def reply(self, session, data):
        session.send_clear(data)


class Replace(Fault):
    """The command is run, but its reply, or the reply with code `code`, is another one."""

    def __init__(self, text, code=None):
        super().__init__()
        self.text, self.code = text, code

    def reply(self, session, data):
        if self.code is not None and not data.startswith(b"%d" % self.code):
            return data
        return (self.text + "\r\n").encode()


class Extra(Fault):
    """Replies that nobody asked for, in front of or behind the right one."""

    def __init__(self, before="", after=""):
        super().__init__()
        self.texts = before, after

    def before(self, session, command):
        if self.texts[0]:
            session.send((self.texts[0] + "\r\n").encode())
        return False

    def after(self, session, command):
        if self.texts[1]:
            session.send((self.texts[1] + "\r\n").encode())


class Hold(Fault):
    """The reply is held back and comes right after the one to the next command."""

    def reply(self, session, data):
        session.held += data


class ForeignPassive(Fault):
    """PASV (and EPSV, which has no place for one in the standard) with the address of a Trap. The
    port is the right one, and the trap listens on that too."""

    def __init__(self, trap):
        super().__init__()
        self.trap = trap

    def before(self, session, command):
        port = session.listen_for_data()
        self.trap.listen(port)
        if command.verb == "EPSV":
            session.reply(f"229 Entering Extended Passive Mode (|1|{self.trap.address}|{port}|)")
        else:
            numbers = ",".join(self.trap.address.split(".") + [str(port >> 8), str(port & 255)])
            session.reply(f"227 Entering Passive Mode ({numbers}).")
        return True


class Trap:
    """Listens where no client has any business; `connections` has the peer of each that came."""

    def __init__(self, address="127.0.0.2"):
        self.address = address
        self.connections = []
        self._listeners = []

    def listen(self, port):
        listener = socket.create_server((self.address, port))
        self._listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            self.connections.append(peer)
            connection.close()

    def close(self):
        for listener in self._listeners:
            # Wakes the thread in accept(), which close() alone does not.
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


# On the data connection


class Transfer:
    """How one data connection goes; faults change it before it begins.

    preliminary, final: replies; None for none.
    blocks: what is sent, an iterable of bytes or a function that gives one; None when receiving.
    context: the TLS context.
    handshake: "tls", "clear" (data without TLS), "silent" (the connection is taken, nothing is
        said), "refuse" (closed at once).
    cut: after so many bytes, in either direction, the data connection ends abruptly.
    reset: by RST then.
    cut_final: the final reply after a cut; the default is the right one.
    close_notify: whether an end in order is announced.
    early_final: the final reply is sent when about half of the data is through.
    keep: when receiving, only so many bytes get into the file.
    renegotiate: a HelloRequest comes before the first byte (TLS 1.2, by OpenSSL).
    stall: after so many bytes nothing more comes until the fault is cleared.
    pace: seconds between blocks; block: bytes of a block."""

    def __init__(self, session, blocks):
        self.preliminary = "150 Here it comes."
        self.final = "226 Done."
        self.blocks = blocks
        self.context = session.server.data_context
        self.handshake = "tls"
        self.cut = None
        self.reset = False
        self.cut_final = "426 Connection closed; transfer aborted."
        self.close_notify = True
        self.early_final = False
        self.keep = None
        self.renegotiate = False
        self.stall = None
        self.pace = 0
        self.block = 64 * 1024


class Data(Fault):
    """Sets attributes of the Transfer: see there."""

    def __init__(self, **attributes):
        super().__init__()
        self.attributes = attributes

    def transfer(self, transfer):
        for name, value in self.attributes.items():
            if not hasattr(transfer, name):
                raise AttributeError(f"a Transfer has no {name}")
            setattr(transfer, name, value)


def lines(*texts):
    """A listing of these lines, sent as they are."""
    data = b"".join(text if isinstance(text, bytes) else text.encode() for text in texts)
    return Data(blocks=[data])
