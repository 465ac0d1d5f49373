# SPDX-License-Identifier: GPL-2.0-or-later
"""A plain FTPS client on Python's ftplib, to check the test servers themselves."""

import ftplib
import socket
import ssl


class ImplicitFtps(ftplib.FTP_TLS):
    """TLS from the first byte, or behind AUTH TLS where the server is explicit; data connections resume the control connection's session unless
    `reuse` is False. `resumed` has for each data connection whether it did."""

    def __init__(self, server, reuse=True, timeout=10):
        context = ssl.create_default_context(cafile=server.cafile)
        super().__init__(context=context, timeout=timeout)
        self.reuse = reuse
        self.resumed = []
        self.server_name = "localhost" if server.bind in ("127.0.0.1", "::1") else server.bind
        self.host, self.port = server.host, server.port
        self.sock = socket.create_connection((server.host, server.port), timeout=timeout)
        self.af = self.sock.family
        if server.explicit:
            self._read_from()
            self.welcome = self.getresp()
            self.voidcmd("AUTH TLS")
        self.sock = context.wrap_socket(self.sock, server_hostname=self.server_name)
        self._read_from()
        if not server.explicit:
            self.welcome = self.getresp()
        ftplib.FTP.login(self, server.user, server.password)
        self.prot_p()

    def _read_from(self):
        self.file = self.sock.makefile("r", encoding=self.encoding)

    def ntransfercmd(self, cmd, rest=None):
        # ftplib waits for the 150 before the handshake: it does for these servers.
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        session = self.sock.session if self.reuse else None
        connection = self.context.wrap_socket(
            connection, server_hostname=self.server_name, session=session
        )
        self.resumed.append(connection.session_reused)
        return connection, size
