# SPDX-License-Identifier: GPL-2.0-or-later
"""A ScriptedServer that makes data connections as well as it takes them, and answers PASV and EPSV
in a form of one's choice; and a forwarder of TCP ports.

    with DataServer(pasv="227 Passive {numbers}") as server: ...
    with DataServer(passive=False) as server: ...
    with Forwarder("127.0.0.3", server.host, [server.port, 20000]) as forwarder: ...
"""

import re
import socket
import threading
import time

from scripted import ScriptedServer
from scripted_session import DATA_SECONDS, Session


class Dialer:
    """Stands for the listener of passive mode: its accept() connects to the client."""

    def __init__(self, session, host, port):
        self.session, self.target = session, (host, port)

    def accept(self):
        server = self.session.server
        if not server.dials:
            server.pause(DATA_SECONDS)
        for source in server.strangers:
            with socket.create_connection(self.target, 5, source_address=(source, 0)) as stranger:
                stranger.settimeout(5)
                server.strangers_heard.append(stranger.recv(100))
        return socket.create_connection(self.target, 5), self.target

    def close(self):
        pass

    def shutdown(self, how):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class DataSession(Session):
    def do_pasv(self, _):
        if not self.server.passive:
            self.reply("502 No passive mode.")
            return
        port = self.listen_for_data()
        numbers = f"{self.server.told_address.replace('.', ',')},{port >> 8},{port & 255}"
        self.reply(self.server.pasv.format(numbers=numbers, spaced=numbers.replace(",", ", ")))

    def do_epsv(self, argument):
        if not self.server.passive:
            self.reply("502 No passive mode.")
            return
        self.reply(self.server.epsv_form.format(port=self.listen_for_data()))

    def dial(self, host, port):
        self.listener = Dialer(self, host, port)
        self.server.dialled.append((host, port))
        self.reply("200 I will connect there.")

    def do_eprt(self, argument):
        match = re.fullmatch(r"\|([12])\|([^|]+)\|(\d+)\|", argument)
        if match is None or self.server.eprt is not True:
            self.reply(self.server.eprt or "501 What?")
        else:
            self.dial(match[2], int(match[3]))

    def do_port(self, argument):
        numbers = argument.split(",")
        if len(numbers) != 6 or not self.server.has_port:
            self.reply("502 No PORT.")
        else:
            self.dial(".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5]))

    def dispatch(self, verb, argument):
        handler = {
            "PASV": self.do_pasv,
            "EPSV": self.do_epsv,
            "EPRT": self.do_eprt,
            "PORT": self.do_port,
        }.get(verb)
        if handler is None or not self.logged_in or verb in self.missing():
            super().dispatch(verb, argument)
        else:
            handler(argument)


class DataServer(ScriptedServer):
    """passive: whether EPSV and PASV work. pasv: the reply, with {numbers} or {spaced};
    told_address: the one in it. epsv_form: with {port}. eprt: True, or the reply that refuses it.
    has_port: whether PORT works. strangers: addresses to connect to the client from first.
    dials: whether it connects at all. For tests: dialled, strangers_heard."""

    session_class = DataSession

    def __init__(
        self,
        passive=True,
        pasv="227 Entering Passive Mode ({numbers}).",
        told_address="127.0.0.1",
        epsv_form="229 Entering Extended Passive Mode (|||{port}|)",
        eprt=True,
        has_port=True,
        strangers=(),
        dials=True,
        **options,
    ):
        super().__init__(**options)
        self.passive, self.pasv, self.told_address = passive, pasv, told_address
        self.epsv_form = epsv_form
        self.eprt, self.has_port, self.strangers, self.dials = eprt, has_port, strangers, dials
        self.dialled = []
        self.strangers_heard = []


class Forwarder:
    """Takes TCP connections at `bind` and hands them on to the same ports of `target`. What is said to
    the first of the ports takes `slow` seconds."""

    def __init__(self, bind, target, ports, slow=0):
        self.host, self.target, self.port, self.slow = bind, target, ports[0], slow
        self.listeners = [socket.create_server((bind, port), backlog=64) for port in ports]
        self.taken = {port: 0 for port in ports}
        for listener, port in zip(self.listeners, ports):
            threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()

    def _accept(self, listener, port):
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self.taken[port] += 1
            try:
                far = socket.create_connection((self.target, port), 5)
            except OSError:
                near.close()
                continue
            slow = self.slow if port == self.port else 0
            for pair in ((near, far, slow), (far, near, 0)):
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    @staticmethod
    def _copy(source, sink, slow):
        try:
            while block := source.recv(1 << 16):
                time.sleep(slow)
                sink.sendall(block)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for connection in (source, sink):
                try:
                    # close() alone would wait for the other thread's recv().
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it is down already
                connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
