# SPDX-License-Identifier: GPL-2.0-or-later
"""A throw-away certification authority and the server certificates that the tests need.

Authority(directory) makes a CA whose certificate is `cafile`. issue() makes certificates on
demand, each a pair of PEM files, and keeps them, so that a name costs its RSA key once.
"""

import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _write(path, data, mode):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def _key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


class Certificate:
    """The files of one certificate: certfile (with the chain) and keyfile."""

    def __init__(self, certfile, keyfile):
        self.certfile = certfile
        self.keyfile = keyfile


class Authority:
    """A CA. Each test run makes its own; nothing trusts it but who is given `cafile`."""

    def __init__(self, directory, name="ftpsfs throw-away test CA"):
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.cafile = os.path.join(self.directory, "ca.pem")
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._issued = {}
        now = datetime.datetime.utcnow()
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(name))
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 400 * DAY)
            .not_valid_after(now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=False,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=True,
                    crl_sign=True,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .sign(self._key, hashes.SHA256())
        )
        _write(self.cafile, self._certificate.public_bytes(serialization.Encoding.PEM), 0o644)

    def issue(self, label, names, first=-1, last=10):
        """A certificate for `names` (host names and addresses), valid from `first` to `last` days
        from now. The same label gives the same certificate again."""
        key = (label, tuple(names))
        if key not in self._issued:
            self._issued[key] = self._make(len(self._issued), label, names, first, last)
        return self._issued[key]

    def _make(self, number, label, names, first, last):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        now = datetime.datetime.utcnow()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(names[0]))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + first * DAY)
            .not_valid_after(now + last * DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([_alternative(name) for name in names]),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        base = os.path.join(self.directory, f"{label}-{number}")
        chain = certificate.public_bytes(serialization.Encoding.PEM)
        chain += self._certificate.public_bytes(serialization.Encoding.PEM)
        _write(base + ".pem", chain, 0o644)
        _write(base + ".key", _key_pem(key), 0o600)
        return Certificate(base + ".pem", base + ".key")

    def good(self, extra=()):
        """For localhost, 127.0.0.1, ::1 and `extra` names."""
        return self.issue("good", LOOPBACK_NAMES + tuple(extra))

    def wrong_name(self):
        return self.issue("wrong-name", ("elsewhere.example", "192.0.2.77"))

    def expired(self):
        return self.issue("expired", LOOPBACK_NAMES, first=-300, last=-2)

    def not_yet_valid(self):
        return self.issue("not-yet-valid", LOOPBACK_NAMES, first=2, last=10)
