# SPDX-License-Identifier: GPL-2.0-or-later
"""pyftpdlib with implicit TLS. Run as a program it is the server itself, configured by one JSON
object on the command line; the class Pyftpdlib starts it so."""

import json
import logging
import os
import sys

from common import SERVER_GID, SERVER_UID, Server, die_with_parent


def _handlers(settings):
    """The handler classes. Imported here, as the tests' side needs no pyftpdlib."""
    import pyftpdlib.handlers
    from OpenSSL import SSL
    from pyftpdlib.authorizers import DummyAuthorizer

    authorizer = DummyAuthorizer()
    authorizer.add_user(settings["user"], settings["password"], settings["root"], perm="elradfmwMT")

    context = SSL.Context(SSL.SSLv23_METHOD)
    context.set_options(SSL.OP_NO_SSLv2 | SSL.OP_NO_SSLv3 | SSL.OP_NO_COMPRESSION)
    if settings["tls12"]:
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate_chain_file(settings["certfile"])
    context.use_privatekey_file(settings["keyfile"])

    class Handler(pyftpdlib.handlers.TLS_FTPHandler):
        ssl_context = context
        tls_control_required = True
        tls_data_required = True
        banner = "ftpsfs test server"
        passive_ports = range(settings["first"], settings["last"] + 1)
        # 3 wrong passwords in a test shall not slow it down.
        auth_failed_timeout = 0.1
        too_many = False

    Handler.authorizer = authorizer
    if settings["max_rate"]:

        class Throttled(pyftpdlib.handlers.TLS_DTPHandler, pyftpdlib.handlers.ThrottledDTPHandler):
            read_limit = write_limit = settings["max_rate"]

        Handler.dtp_handler = Throttled
    if settings["explicit"]:
        return Handler

    class ImplicitHandler(Handler):
        """Secures the connection first and greets when that is done."""

        def handle(self):
            self.secure_connection(self.ssl_context)

        def handle_max_cons(self):
            self.too_many = True
            self.secure_connection(self.ssl_context)

        def handle_ssl_established(self):
            if self.too_many:
                pyftpdlib.handlers.FTPHandler.handle_max_cons(self)
            else:
                pyftpdlib.handlers.FTPHandler.handle(self)

    return ImplicitHandler


def serve(settings):
    from pyftpdlib.servers import FTPServer

    logging.basicConfig(
        filename=settings["log"], level=logging.DEBUG, format="%(asctime)s %(message)s"
    )
    handler = _handlers(settings)
    server = FTPServer((settings["bind"], settings["port"]), handler)
    server.max_cons = settings["max_clients"] or 512
    if os.geteuid() == 0:
        os.chown(settings["log"], settings["uid"], settings["gid"])
        os.setgroups([])
        os.setgid(settings["gid"])
        os.setuid(settings["uid"])
        die_with_parent()
    os.umask(0o022)
    server.serve_forever()


class Pyftpdlib(Server):
    name = "pyftpdlib"
    can_mlsd = True

    def configure(self):
        pass

    def command(self):
        settings = {
            "bind": self.bind,
            "port": self.port,
            "first": self.passive[0],
            "last": self.passive[1],
            "root": self.root,
            "user": self.user,
            "password": self.password,
            "certfile": self.certificate.certfile,
            "keyfile": self.certificate.keyfile,
            "tls12": self.tls12,
            "explicit": self.explicit,
            "max_clients": self.max_clients,
            "max_rate": self.max_rate,
            "log": self.log_path,
            "uid": SERVER_UID,
            "gid": SERVER_GID,
        }
        return ["/usr/bin/python3", os.path.abspath(__file__), json.dumps(settings)]

    def drop_connections(self):
        """One process serves them all, so the server is gone for a moment, too."""
        self.stop()
        self.start()


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
