# SPDX-License-Identifier: GPL-2.0-or-later
"""vsftpd, with its default require_ssl_reuse=YES.

Its one user is a guest whose password pam_pwdfile looks up in a file, so no local account is made.
vsftpd must run as root and reads its PAM service from /etc/pam.d, where a file for this server lies
while it runs.
"""

import os

from common import SERVER_ACCOUNT, Server, ServerError, crypted, unpacked, unpacked_library

CONFIGURATION = """\
listen={ipv4}
listen_ipv6={ipv6}
{address}={bind}
listen_port={port}
background=NO
anonymous_enable=NO
local_enable=YES
guest_enable=YES
guest_username={account}
virtual_use_local_privs=YES
pam_service_name={service}
local_root={root}
chroot_local_user=YES
allow_writeable_chroot=YES
passwd_chroot_enable=NO
secure_chroot_dir={empty}
write_enable=YES
local_umask=022
connect_from_port_20=NO
pasv_min_port={first}
pasv_max_port={last}
max_clients={max_clients}
local_max_rate={max_rate}
isolate=NO
isolate_network=NO
seccomp_sandbox=NO
xferlog_enable=YES
log_ftp_protocol=YES
vsftpd_log_file={log}
ssl_enable=YES
implicit_ssl={implicit}
force_local_logins_ssl=YES
force_local_data_ssl=YES
rsa_cert_file={certfile}
rsa_private_key_file={keyfile}
ssl_ciphers=HIGH
"""

ANONYMOUS = """\
anonymous_enable=YES
allow_anon_ssl=YES
force_anon_logins_ssl=YES
force_anon_data_ssl=YES
ftp_username={account}
anon_root={root}
"""

CLIENT_CERTIFICATES = """\
require_cert=YES
validate_cert=YES
ca_certs_file={client_ca}
"""


class Vsftpd(Server):
    name = "vsftpd"
    requires_session_reuse = True
    can_choose_tls = False

    def _service(self):
        return f"ftpsfs-tests-{self.port}-{self.bind.replace(':', '_')}"

    def _write(self, name, text, mode=0o644):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def configure(self):
        if os.geteuid() != 0:
            raise ServerError("vsftpd must be started as root: run the tests with sudo")
        passwords = self._write("passwords", f"{self.user}:{crypted(self.password)}\n", 0o600)
        module = unpacked_library("security/pam_pwdfile.so")
        with open(os.path.join("/etc/pam.d", self._service()), "w", encoding="ascii") as file:
            file.write(f"auth required {module} pwdfile={passwords}\n")
            file.write("account required pam_permit.so\nsession required pam_permit.so\n")
        empty = os.path.join(self.directory, "empty")
        os.makedirs(empty, exist_ok=True)
        ipv6 = ":" in self.bind
        text = CONFIGURATION.format(
            ipv4="NO" if ipv6 else "YES",
            ipv6="YES" if ipv6 else "NO",
            address="listen_address6" if ipv6 else "listen_address",
            bind=self.bind,
            port=self.port,
            account=SERVER_ACCOUNT,
            service=self._service(),
            root=self.root,
            empty=empty,
            first=self.passive[0],
            last=self.passive[1],
            max_clients=self.max_clients,
            max_rate=self.max_rate,
            log=self.log_path,
            implicit="NO" if self.explicit else "YES",
            certfile=self.certificate.certfile,
            keyfile=self.certificate.keyfile,
        )
        if self.user in ("anonymous", "ftp"):
            text = text.replace("anonymous_enable=NO\n", "")
            text += ANONYMOUS.format(account=SERVER_ACCOUNT, root=self.root)
            os.chown(self.root, 0, 0)  # vsftpd wants it not to be writable
        if self.client_ca:
            text += CLIENT_CERTIFICATES.format(client_ca=self.client_ca)
        self._write("vsftpd.conf", text)

    def command(self):
        return [unpacked("usr/sbin/vsftpd"), os.path.join(self.directory, "vsftpd.conf")]

    def unconfigure(self):
        try:
            os.unlink(os.path.join("/etc/pam.d", self._service()))
        except FileNotFoundError:
            pass
