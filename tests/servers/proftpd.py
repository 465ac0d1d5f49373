# SPDX-License-Identifier: GPL-2.0-or-later
"""ProFTPD with mod_tls, without NoSessionReuseRequired: data connections must resume the control
connection's TLS session."""

import os

from common import SERVER_GID, SERVER_UID, Server, crypted, unpacked

CONFIGURATION = """\
ModulePath {modules}
LoadModule mod_tls.c
LoadModule mod_site_misc.c
LoadModule mod_copy.c
LoadModule mod_digest.c

ServerName "ftpsfs test server"
ServerType standalone
DefaultAddress {bind}
SocketBindTight on
Port {port}
UseIPv6 on
UseReverseDNS off
MaxInstances 100
MaxClients {max_clients}
PassivePorts {first} {last}
TimesGMT on
WtmpLog off
DelayTable none
User nobody
Group nogroup
PidFile {directory}/proftpd.pid
ScoreboardFile {directory}/proftpd.scoreboard

AuthOrder mod_auth_file.c
AuthUserFile {directory}/users
AuthGroupFile {directory}/groups
RequireValidShell off
DefaultRoot {root}
Umask 022
AllowOverwrite on
AllowStoreRestart {store_restart}
{rate}
SystemLog {directory}/system.log
TransferLog none
LogFormat commands "%m %J -> %s %S"
ExtendedLog {log} ALL commands

TLSEngine on
TLSRequired on
TLSProtocol {protocols}
TLSRSACertificateFile {certfile}
TLSRSACertificateKeyFile {keyfile}
TLSVerifyClient {verify}
{implicit}
TLSLog {directory}/tls.log
"""


class Proftpd(Server):
    name = "proftpd"
    can_symlink = True
    can_mlsd = True
    requires_session_reuse = True

    def _write(self, name, text, mode=0o600):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def configure(self):
        ids = f"{SERVER_UID}:{SERVER_GID}"
        self._write("users", f"{self.user}:{crypted(self.password)}:{ids}::{self.root}:/bin/sh\n")
        self._write("groups", f"users:x:{SERVER_GID}:\n")
        rate = ""
        if self.max_rate:
            kilobytes = self.max_rate / 1024
            rate = f"TransferRate RETR {kilobytes:.2f}\nTransferRate STOR {kilobytes:.2f}\n"
        text = CONFIGURATION.format(
            modules=unpacked("usr/lib/proftpd"),
            bind=self.bind,
            port=self.port,
            max_clients=self.max_clients or "none",
            first=self.passive[0],
            last=self.passive[1],
            directory=self.directory,
            root=self.root,
            store_restart="on" if self.store_restart else "off",
            rate=rate,
            log=self.log_path,
            protocols="TLSv1.2" if self.tls12 else "TLSv1.2 TLSv1.3",
            certfile=self.certificate.certfile,
            keyfile=self.certificate.keyfile,
            verify=f"on\nTLSCACertificateFile {self.client_ca}" if self.client_ca else "off",
            implicit="" if self.explicit else "TLSOptions UseImplicitSSL",
        )
        self._write("proftpd.conf", text)

    def command(self):
        configuration = os.path.join(self.directory, "proftpd.conf")
        return [unpacked("usr/sbin/proftpd"), "--nodaemon", "--config", configuration]
