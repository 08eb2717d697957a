"""Certificates of a test's own: an authority, and what it vouches for."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certified:
    """Files in PEM: a server's chain and key, and the authority that vouches for it."""

    chain: Path
    key: Path
    authority: Path


def certify(folder: Path, *names: str) -> Certified:
    """Make an authority and a certificate for host names and addresses."""
    folder.mkdir(parents=True, exist_ok=True)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _named("twinport's tests")
    authority = _begun(root, root, root_key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    signed_root = authority.add_extension(usage, critical=True).sign(root_key, hashes.SHA256())
    alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    server = _begun(_named(names[0]), root, key).add_extension(alternatives, critical=False)
    signed = server.sign(root_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certified(
        chain=_written(folder / "server.pem", signed.public_bytes(pem)),
        key=_written(folder / "server.key", private),
        authority=_written(folder / "authority.pem", signed_root.public_bytes(pem)),
    )


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
