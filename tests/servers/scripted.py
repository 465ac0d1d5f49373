# SPDX-License-Identifier: GPL-2.0-or-later
"""An FTPS server in Python threads, with its files in memory, that misbehaves on demand.

    with ScriptedServer() as server:
        server.tree.put("/file", b"content")
        server.fault("RETR", Data(cut=3))
        ...
        server.clear()
        assert server.count("RETR") == 1

It does what it is asked in order, until a fault (scripted_faults) says otherwise, and keeps a list
of all commands received. Implicit TLS unless explicit=True.
"""

import os
import re
import shutil
import socket
import ssl
import tempfile
import threading
import time

import certificates
from scripted_faults import Fault
from scripted_session import Session
import scripted_tree
from scripted_tree import Tree


class Stopped(Exception):
    """The server is being stopped; ends a session's thread."""


class Command:
    """One that was received: session number, verb in capitals, argument, time.monotonic()."""

    def __init__(self, session, verb, argument):
        self.session, self.verb, self.argument = session, verb, argument
        self.time = time.monotonic()

    def __repr__(self):
        return f"{self.session}: {self.verb} {self.argument}".rstrip()


class DataConnection:
    """One that was secured: session number, TLS version, whether its TLS session was resumed."""

    def __init__(self, session, connection):
        self.session = session
        self.version = connection.version()
        self.resumed = connection.session_reused


class _Entry:
    def __init__(self, verb, fault, times, match, skip):
        self.verb, self.fault, self.times, self.skip = verb, fault, times, skip
        self.match = re.compile(match) if match else None


class ScriptedServer:
    """Attributes for clients: name, host, port, user, password, cafile. For tests: tree, commands,
    data_connections, sessions_total. May be changed while it runs: features, max_sessions and
    limit_reply, store_restart, context and data_context; staple, an OCSP response in DER that goes
    with the certificate on all connections."""

    name = "scripted"
    explicit = False
    session_class = Session  # of servers that speak another way

    def __init__(
        self,
        bind="127.0.0.1",
        port=0,
        authority=None,
        certificate="good",
        explicit=False,
        minimum=ssl.TLSVersion.TLSv1_2,
        maximum=ssl.TLSVersion.TLSv1_3,
        ciphers=None,
        curve=None,
        mlst=True,
        epsv=True,
        openssl=False,
        require_reuse=False,
        user="tester",
        password="secret-word",
    ):
        """authority: as for the other servers. curve: the only group, by OpenSSL's name: with
        "secp521r1", which clients don't guess, TLS 1.3 takes a HelloRetryRequest. mlst, epsv:
        whether it has them. openssl: the control connection is pyOpenSSL's, for Renegotiate.
        require_reuse: 522 for data connections that don't resume, as vsftpd has it."""
        self.directory = tempfile.mkdtemp(prefix="ftpsfs-scripted-")
        self.bind = self.host = bind
        self.port = port
        self.user, self.password = user, password
        self.explicit = explicit
        self.openssl = openssl
        self.staple = None
        self.require_reuse = require_reuse
        self.authority = authority or certificates.Authority(os.path.join(self.directory, "ca"))
        self.cafile = self.authority.cafile
        self.tls = (minimum, maximum, ciphers, curve)
        # One context for both, so that data connections resume control connections' sessions.
        self.context = self.data_context = self.make_context(certificate)

        self.mlst, self.epsv = mlst, epsv
        self.features = ["UTF8", "PBSZ", "PROT", "REST STREAM", "SIZE", "MDTM", "MFMT", "TVFS"]
        self.lacks = set()  # commands, answered by 500
        self.lister = scripted_tree.listing  # another one: scripted_dialects
        self.max_sessions = 0
        self.limit_reply = "421 Too many connections from your address."
        self.store_restart = "in place"  # or "truncate", "refuse"
        self.tree = Tree()

        self.lock = threading.Lock()  # guards what follows
        self.commands = []
        self.data_connections = []
        self.sessions = {}
        self.sessions_total = 0
        self.errors = []  # exceptions of sessions that are the server's own fault
        self._faults = []
        self._arrived = threading.Condition(self.lock)
        self._stopping = threading.Event()
        self._listener = None
        self._threads = []

    def make_context(self, certificate="good", own_authority=False):
        """For another certificate ("wrong-name", "expired", "not-yet-valid"), or "another-good", or a good one of a CA
        that nobody trusts: server.fault("RETR", Data(context=server.make_context("expired")))."""
        authority = self.authority
        if own_authority:
            authority = certificates.Authority(os.path.join(self.directory, "other-ca"))
        issued = getattr(authority, certificate.replace("-", "_"))()
        minimum, maximum, ciphers, curve = self.tls
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = minimum, maximum
        context.load_cert_chain(issued.certfile, issued.keyfile)
        if ciphers:
            context.set_ciphers(ciphers)
        if curve:
            context.set_ecdh_curve(curve)
        context.certfile, context.keyfile = issued.certfile, issued.keyfile
        return context

    # Faults

    def fault(self, verb, fault, times=None, match=None, skip=0):
        """From now on the fault meets `verb`: a command, "*" for all of them, "GREETING", or
        "CONNECT" for new connections before TLS. Only `times` times, after `skip` times, and for
        arguments in which the regular expression `match` is found. Gives the fault."""
        assert isinstance(fault, Fault)
        with self.lock:
            self._faults.append(_Entry(verb, fault, times, match, skip))
        return fault

    def clear(self):
        """No faults any more. Endless ones end."""
        with self.lock:
            for entry in self._faults:
                entry.fault.active = False
            self._faults = []

    def take_faults(self, verb, argument):
        """The faults that the command meets. For sessions."""
        taken = []
        with self.lock:
            for entry in self._faults:
                if entry.verb not in (verb, "*") or (entry.verb == "*" and verb == "CONNECT"):
                    continue
                if entry.match and not entry.match.search(argument):
                    continue
                if entry.skip > 0:
                    entry.skip -= 1
                    continue
                if entry.times is not None:
                    if entry.times == 0:
                        continue
                    entry.times -= 1
                entry.fault.hits += 1
                taken.append(entry.fault)
        return taken

    # What was received

    def note(self, session, verb, argument):
        """For sessions."""
        command = Command(session, verb, argument)
        with self._arrived:
            self.commands.append(command)
            self._arrived.notify_all()
        return command

    def note_data(self, session, connection):
        """For sessions."""
        with self.lock:
            self.data_connections.append(DataConnection(session, connection))

    def verbs(self):
        with self.lock:
            return [command.verb for command in self.commands]

    def count(self, *verbs):
        """How many commands of these verbs came."""
        return sum(verb in verbs for verb in self.verbs())

    def arguments(self, verb):
        with self.lock:
            return [command.argument for command in self.commands if command.verb == verb]

    def forget(self):
        """Empties the lists of commands and data connections."""
        with self.lock:
            self.commands.clear()
            self.data_connections.clear()

    def wait_for(self, verb, count=1, timeout=10):
        """Until `count` commands `verb` have come; fails when they don't."""
        deadline = time.monotonic() + timeout
        with self._arrived:
            while sum(command.verb == verb for command in self.commands) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"{count} {verb} did not come: {self.commands[-20:]}"
                self._arrived.wait(left)

    def log_text(self):
        with self.lock:
            return "\n".join(map(repr, self.commands))

    # Start and stop

    def start(self):
        """Listens. After a stop() on the same port again, with the same tree and faults."""
        family = socket.AF_INET6 if ":" in self.bind else socket.AF_INET
        self._listener = socket.create_server(
            (self.bind, self.port), family=family, backlog=64, reuse_port=False
        )
        self.port = self._listener.getsockname()[1]
        self._stopping.clear()
        self._start_thread(self._accept, self._listener)
        return self

    def _start_thread(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads = [old for old in self._threads if old.is_alive()] + [thread]
        thread.start()

    def _accept(self, listener):
        while not self._stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.sessions_total += 1
                session = self.session_class(self, connection, self.sessions_total)
                self.sessions[session.number] = session
            self._start_thread(self._serve, session)

    def _serve(self, session):
        try:
            session.run()
        except (OSError, Stopped, EOFError):
            pass  # the client or a fault has ended it
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(error)
            raise
        finally:
            session.abandon()
            with self.lock:
                self.sessions.pop(session.number, None)

    def pause(self, seconds):
        """Sleeps; ends the session when the server is stopped meanwhile."""
        if self._stopping.wait(seconds):
            raise Stopped

    def drop_connections(self, reset=False):
        """Ends all connections, without a word."""
        with self.lock:
            sessions = list(self.sessions.values())
        for session in sessions:
            session.abandon(reset)

    def stop(self):
        if self._listener is None:
            return
        self._stopping.set()
        # Wakes the thread in accept(), which close() alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        self.drop_connections()
        for thread in self._threads:
            thread.join(5)

    def close(self):
        """Stops it and deletes its files."""
        self.clear()
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()
