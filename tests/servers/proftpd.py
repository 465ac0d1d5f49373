# SPDX-License-Identifier: GPL-2.0-or-later
"""ProFTPD with mod_tls, without NoSessionReuseRequired: data connections must resume the control
connection's TLS session. Three configurations: with all modules that Debian has in its main
packages, with none that need not be, and with all but without MLSD and MLST."""

import glob
import os
import re
import subprocess

from common import SERVER_GID, SERVER_UID, Server, crypted, unpacked

CONFIGURATION = """\
ModulePath {modules}
{load}

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

# MODE Z. The log tells of each transfer how much went over the line.
DEFLATE = """\
DeflateEngine on
DeflateLog {directory}/deflate.log
"""

# mod_quotatab's tables, made by its ftpquota: the one limits what is uploaded, the other counts it.
QUOTA = """\
QuotaEngine on
QuotaDisplayUnits {units}
QuotaShowQuotas on
QuotaLimitTable file:{directory}/limit.tab
QuotaTallyTable file:{directory}/tally.tab
"""

# FEAT tells nothing of mod_facts then, not of MFMT and MFF either.
WITHOUT_MLSD = """\
FactsAdvertise off
<Limit MLSD MLST>
  DenyAll
</Limit>
"""

# These come before others that build on them.
FIRST = ["mod_tls", "mod_sftp", "mod_quotatab", "mod_wrap2", "mod_radius", "mod_redis"]

# A database, or a library of it, has to be there for these; mod_dnsbl does not find its own symbols.
WITHOUT = re.compile("_sql|mod_auth_otp|mod_dnsbl")


def all_modules():
    """All that can be loaded, in an order in which they can."""
    paths = glob.glob(os.path.join(unpacked("usr/lib/proftpd"), "mod_*.so"))
    names = sorted(os.path.basename(path)[: -len(".so")] for path in paths)
    return FIRST + [name for name in names if name not in FIRST and not WITHOUT.search(name)]


class Proftpd(Server):
    name = "proftpd"
    program = "proftpd"
    can_symlink = True
    can_mlsd = True
    can_hash = True
    requires_session_reuse = True

    def __init__(self, quota=0, quota_units="b", deflate=False, **options):
        """quota: the bytes that may be uploaded, 0 for no limit; quota_units: in which SITE QUOTA
        tells them (b, Kb, Mb, Gb). deflate: it offers MODE Z."""
        self.deflate = deflate
        self.quota = quota
        self.quota_units = quota_units
        super().__init__(**options)

    def modules(self):
        return all_modules()

    def _make_quota(self):
        command = ["/usr/bin/perl", unpacked("usr/sbin/ftpquota"), "--table-path"]
        for kind in ("limit", "tally"):
            path = os.path.join(self.directory, kind + ".tab")
            table = [*command, path, "--type", kind]
            subprocess.run([*table, "--create-table"], check=True, capture_output=True)
            os.chmod(path, 0o600)
        record = ["--name", self.user, "--quota-type=user", "--limit-type=hard", "--units=byte"]
        path = os.path.join(self.directory, "limit.tab")
        record += [f"--bytes-upload={self.quota}"]
        table = [*command, path, "--type", "limit", "--add-record", *record]
        subprocess.run(table, check=True, capture_output=True)

    def _write(self, name, text, mode=0o600):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def configure(self):
        ids = f"{SERVER_UID}:{SERVER_GID}"
        self._write("users", f"{self.user}:{crypted(self.password)}:{ids}::{self.root}:/bin/sh\n")
        # A group that its user may give files to, and one that it may not.
        groups = {"users": (SERVER_GID, ""), "games": (60, self.user), "adm": (4, "")}
        text = "".join(f"{name}:x:{gid}:{who}\n" for name, (gid, who) in groups.items())
        self._write("groups", text)
        rate = ""
        if self.max_rate:
            kilobytes = self.max_rate / 1024
            rate = f"TransferRate RETR {kilobytes:.2f}\nTransferRate STOR {kilobytes:.2f}\n"
        text = CONFIGURATION.format(
            modules=unpacked("usr/lib/proftpd"),
            load="\n".join(f"LoadModule {name}.c" for name in self.modules()),
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
        if not self.can_mlsd:
            text += WITHOUT_MLSD
        if self.deflate:
            text += DEFLATE.format(directory=self.directory)
        if self.quota:
            self._make_quota()
            text += QUOTA.format(directory=self.directory, units=self.quota_units)
        self._write("proftpd.conf", text)

    def command(self):
        configuration = os.path.join(self.directory, "proftpd.conf")
        return [unpacked("usr/sbin/proftpd"), "--nodaemon", "--config", configuration]


class ProftpdBare(Proftpd):
    """No module but mod_tls and those that are built in."""

    name = "proftpd-bare"
    can_symlink = False
    can_hash = False

    def modules(self):
        return ["mod_tls"]


class ProftpdList(Proftpd):
    """Listings are LIST's."""

    name = "proftpd-list"
    can_mlsd = False
