"""`twinport certificates`: a private authority and its server certificate, for a registry without a public name.

The authority is created once and kept, so that clients need to be told only once to trust it. Every call creates a new
server certificate, and `twinport serve` loads it at SIGHUP.
"""

import contextlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from twinport.errors import BadRequest, Unavailable

AUTHORITY_LIFE = timedelta(days=3650)
# Apple's clients refuse server certificates of private authorities that are valid for more than 825 days.
SERVER_LIFE = timedelta(days=397)
# Clients' clocks differ a little from ours.
_BACKDATED = timedelta(hours=1)
_ON_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class HostInvalid(BadRequest):
    def __init__(self, name: str) -> None:
        super().__init__(f"'{name}' is neither a host name nor an address; give names as registry.example or 10.0.0.5")


class AuthorityUnreadable(Unavailable):
    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"the authority in '{folder}' cannot be used: {reason}; restore ca.pem and ca-key.pem, or remove both to "
            "begin with a new one, which every client must then be told to trust"
        )


class FolderUnwritable(Unavailable):
    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"certificates cannot be written to '{folder}': {reason}")


@dataclass(frozen=True, slots=True)
class Files:
    """The files in the folder. Only their owner can read the keys."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def authority_key(self) -> Path:
        return self.folder / "ca-key.pem"

    @property
    def certificate(self) -> Path:
        return self.folder / "cert.pem"

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"


def names_for(hosts: Sequence[str], domains: Sequence[str], regions: Sequence[str]) -> list[str]:
    """Return every name in the certificate: the hosts, and for each domain ECR's hosts in it."""
    shaped = [
        name.format(region=region, domain=domain)
        for domain in domains
        for region in regions
        for name in ("*.dkr.ecr.{region}.{domain}", "api.ecr.{region}.{domain}")
    ]
    return list(dict.fromkeys([*_ON_THIS_MACHINE, *hosts, *domains, *shaped]))


def make(folder: Path, names: Sequence[str], now: datetime) -> Files:
    """Write a server certificate for `names` and its key. First creates the authority unless it exists.

    Raises HostInvalid, AuthorityUnreadable, FolderUnwritable. Then existing files are unchanged.
    """
    alternatives = [_alternative(name) for name in names]
    files = Files(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        authority, signing = _authority(files, now)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _server_certificate(authority, signing, key, alternatives, now)
        _write(files.key, _private(key), 0o600)
        _write(files.certificate, _public(certificate) + _public(authority), 0o644)
    except OSError as error:
        raise FolderUnwritable(folder, (error.strerror or str(error)).lower()) from error
    return files


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        pass
    try:
        labels = name.encode("ascii").decode().removeprefix("*.").split(".")
        if not all(label and label.replace("-", "").isalnum() for label in labels):
            raise HostInvalid(name)
        return x509.DNSName(name)
    except ValueError:
        raise HostInvalid(name) from None


def _authority(files: Files, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    if not files.authority.exists() and not files.authority_key.exists():
        return _new_authority(files, now)
    try:
        certificate = x509.load_pem_x509_certificate(files.authority.read_bytes())
        key = serialization.load_pem_private_key(files.authority_key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise AuthorityUnreadable(files.folder, str(error)) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise AuthorityUnreadable(files.folder, "the key is not that of the certificate")
    with contextlib.suppress(PermissionError):
        files.authority_key.chmod(0o600)
    if certificate.not_valid_after_utc <= now + SERVER_LIFE:
        raise AuthorityUnreadable(files.folder, f"it ends on {certificate.not_valid_after_utc:%Y-%m-%d}, too soon")
    return certificate, key


def _new_authority(files: Files, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"twinport private authority {secrets.token_hex(4)}")
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(files.authority_key, _private(key), 0o600)
    _write(files.authority, _public(certificate), 0o644)
    return certificate, key


def _server_certificate(
    authority: x509.Certificate,
    signing: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    alternatives: Sequence[x509.GeneralName],
    now: datetime,
) -> x509.Certificate:
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    return (
        _builder(_name("twinport"), authority.subject, key.public_key(), now, SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer, critical=False)
        .sign(signing, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + life)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _public(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file atomically, so that a server that reloads finds the old file or the new file."""
    new = path.with_name(f".{path.name}.new")
    # A file from an earlier run may have another mode, or be a link to another place.
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "wb") as file:  # noqa: PTH123 — a descriptor with its mode from the beginning
        os.fchmod(handle, mode)
        file.write(content)
        file.flush()
        os.fsync(handle)
    new.replace(path)
