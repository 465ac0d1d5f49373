# SPDX-License-Identifier: GPL-2.0-or-later
"""A throw-away certification authority and the server certificates that the tests need.

Authority(directory) makes a CA whose certificate is `cafile`. issue() makes certificates on
demand, each a pair of PEM files, and keeps them, so that a name costs its RSA key once.
"""

import base64
import datetime
import hashlib
import ipaddress
import os

from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
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


def _rsa(bits):
    return lambda: rsa.generate_private_key(public_exponent=65537, key_size=bits)


KEYS = {
    "rsa-1024": _rsa(1024),
    "rsa-2048": _rsa(2048),
    "rsa-3072": _rsa(3072),
    "p-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def _key_pem(key):
    old = isinstance(key, rsa.RSAPrivateKey)
    form = serialization.PrivateFormat
    return key.private_bytes(
        serialization.Encoding.PEM,
        form.TraditionalOpenSSL if old else form.PKCS8,
        serialization.NoEncryption(),
    )


class Certificate:
    """The files of one certificate: certfile (with the chain) and keyfile."""

    def __init__(self, certfile, keyfile):
        self.certfile = certfile
        self.keyfile = keyfile

    def load(self):
        with open(self.certfile, "rb") as file:
            return x509.load_pem_x509_certificate(file.read())

    def pin(self):
        """Its public key as -o tls_pin= and curl take it."""
        key = (
            self.load()
            .public_key()
            .public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        return "sha256//" + base64.b64encode(hashlib.sha256(key).digest()).decode()


class Authority:
    """A CA. Each test run makes its own; nothing trusts it but who is given `cafile`."""

    def __init__(self, directory, name="ftpsfs throw-away test CA", key="rsa-2048"):
        """key: one of KEYS, but "ed25519"."""
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.cafile = os.path.join(self.directory, "ca.pem")
        self._key = KEYS[key]()
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

    def issue(
        self,
        label,
        names=LOOPBACK_NAMES,
        first=-1,
        last=10,
        must_staple=False,
        key="rsa-2048",
        digest=hashes.SHA256,
    ):
        """A certificate for `names` (host names and addresses), valid from `first` to `last` days
        from now. The same label gives the same certificate again. must_staple: it is good only
        together with an OCSP response (RFC 7633). key: one of KEYS. digest: what its signature is
        made with."""
        which = (label, tuple(names))
        if which not in self._issued:
            more = [x509.TLSFeature([x509.TLSFeatureType.status_request])] if must_staple else []
            self._issued[which] = self._make(label, names, first, last, more, KEYS[key](), digest())
        return self._issued[which]

    def _make(self, label, names, first, last, extensions, key, digest):
        number = len(self._issued)
        now = datetime.datetime.utcnow()
        builder = (
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
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(self._key, digest)
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

    def another_good(self):
        """As good as good(), but with a key of its own: what a thief on the same machine has."""
        return self.issue("another-good", LOOPBACK_NAMES)

    def must_staple(self):
        return self.issue("must-staple", LOOPBACK_NAMES, must_staple=True)

    def crl(self, name, *revoked, last=10):
        """The path of a PEM file: this CA's list of the certificates that it has revoked."""
        now = datetime.datetime.utcnow()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - 20 * DAY)
            .next_update(now + last * DAY)
        )
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(certificate.load().serial_number)
                .revocation_date(now - DAY)
                .build()
            )
        path = os.path.join(self.directory, name)
        made = builder.sign(self._key, hashes.SHA256())
        _write(path, made.public_bytes(serialization.Encoding.PEM), 0o644)
        return path

    def ocsp(self, certificate, revoked=False, last=5, signer=None):
        """What this CA's responder says of the certificate, in DER. signer: another Authority that
        signs it in place of this one."""
        now = datetime.datetime.utcnow()
        signer = signer or self
        return (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=certificate.load(),
                issuer=self._certificate,
                algorithm=hashes.SHA1(),
                cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
                this_update=now - 10 * DAY,
                next_update=now + last * DAY,
                revocation_time=now - DAY if revoked else None,
                revocation_reason=None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, signer._certificate)
            .sign(signer._key, hashes.SHA256())
            .public_bytes(serialization.Encoding.DER)
        )
