#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts one of the test servers, prints what is needed to use it as one line of JSON, and stays
until its standard input closes or it gets SIGTERM or SIGINT."""

import argparse
import importlib
import json
import os
import select
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from common import ServerError  # noqa: E402

KINDS = {
    "vsftpd": ("vsftpd", "Vsftpd"),
    "proftpd": ("proftpd", "Proftpd"),
    "proftpd-bare": ("proftpd", "ProftpdBare"),
    "proftpd-list": ("proftpd", "ProftpdList"),
    "pyftpdlib": ("pyftpdlib_server", "Pyftpdlib"),
    "pureftpd": ("pureftpd", "Pureftpd"),
}


def server_class(name):
    module, attribute = KINDS[name]
    return getattr(importlib.import_module(module), attribute)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", choices=sorted(KINDS))
    parser.add_argument(
        "--root", help="directory to serve (default: a new one, deleted at the end)"
    )
    parser.add_argument("--port", type=int, help="control port; the 199 above it are for data")
    parser.add_argument("--bind", default="127.0.0.1", help="address (default 127.0.0.1)")
    parser.add_argument("--certificate", default="good", metavar="KIND")
    parser.add_argument("--tls12", action="store_true", help="no TLS 1.3")
    parser.add_argument("--explicit", action="store_true", help="AUTH TLS instead of implicit TLS")
    parser.add_argument("--max-clients", type=int, default=0, metavar="N")
    parser.add_argument("--max-rate", type=int, default=0, metavar="BYTES", help="a second")
    parser.add_argument("--no-store-restart", action="store_true", help="refuse REST before STOR")
    parser.add_argument("--user", default="tester")
    parser.add_argument("--password", default="secret-word")
    parser.add_argument("--adopt", action="store_true", help="give ROOT to the server's account")
    return parser.parse_args()


def main():
    arguments = _arguments()
    server = server_class(arguments.server)(
        root=arguments.root and os.path.abspath(arguments.root),
        port=arguments.port,
        bind=arguments.bind,
        certificate=arguments.certificate,
        tls12=arguments.tls12,
        explicit=arguments.explicit,
        max_clients=arguments.max_clients,
        max_rate=arguments.max_rate,
        user=arguments.user,
        password=arguments.password,
        store_restart=not arguments.no_store_restart,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        if arguments.adopt:
            server.adopt(server.root)
        server.start()
        print(json.dumps(server.describe()), flush=True)
        while True:
            select.select([sys.stdin], [], [])
            if not os.read(sys.stdin.fileno(), 4096):
                break
    except ServerError as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        return 1
    finally:
        server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
