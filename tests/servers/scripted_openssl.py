# SPDX-License-Identifier: GPL-2.0-or-later
"""A TLS stream by pyOpenSSL, for what Python's ssl does not let a server do: renegotiate, which is
TLS 1.2's, and staple an OCSP response to its certificate."""

from OpenSSL import SSL


class OpenSslStream:
    """As much of a socket's interface as a Session needs."""

    session_reused = False  # with a context of its own there is nothing to resume from

    def __init__(self, raw, context, staple=None):
        """context: that of the server, for its certificate. staple: an OCSP response in DER."""
        raw.settimeout(None)  # pyOpenSSL can't handle one
        mine = SSL.Context(SSL.TLS_SERVER_METHOD)
        if staple is None:
            mine.set_max_proto_version(SSL.TLS1_2_VERSION)
        else:
            mine.set_ocsp_server_callback(lambda *_: staple)
        mine.use_certificate_chain_file(context.certfile)
        mine.use_privatekey_file(context.keyfile)
        self._connection = SSL.Connection(mine, raw)
        self._connection.set_accept_state()
        self._call(self._connection.do_handshake)

    @staticmethod
    def _call(function, *arguments):
        try:
            return function(*arguments)
        except SSL.Error as error:
            raise OSError(f"TLS: {error!r}") from error

    def recv(self, length):
        try:
            return self._call(self._connection.recv, length)
        except OSError as error:
            if isinstance(error.__cause__, SSL.ZeroReturnError):
                return b""
            raise

    def sendall(self, data):
        self._call(self._connection.sendall, data)

    def renegotiate(self):
        """Sends a HelloRequest. Whether the client answers it is seen in renegotiations()."""
        self._call(self._connection.renegotiate)
        self._call(self._connection.do_handshake)

    def renegotiations(self):
        return self._connection.total_renegotiations()

    def version(self):
        return self._connection.get_protocol_version_name()

    def unwrap(self):
        self._call(self._connection.shutdown)

    def settimeout(self, seconds):
        """Waits are not limited here."""

    def setsockopt(self, *arguments):
        self._connection.setsockopt(*arguments)

    def close(self):
        self._connection.close()
