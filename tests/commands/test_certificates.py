"""`twinport certificates`: what it writes, what it keeps, and what it refuses."""

import ssl
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from twinport.commands.certificates import AuthorityUnreadable, Files, FolderUnwritable, HostInvalid, make, names_for

NOW = datetime.now(UTC)


def ran(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "twinport", "certificates", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def names_in(files: Files) -> set[str]:
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = {str(each) for each in names.get_values_for_type(x509.IPAddress)}
    return addresses | set(names.get_values_for_type(x509.DNSName))


def test_the_command_writes_an_authority_and_a_certificate_for_every_name(tmp_path: Path) -> None:
    words = ("--host", "10.0.0.5", "--domain", "registry.example", "--region", "eu-west-1")
    ended = ran(str(tmp_path / "tls"), *words)
    assert ended.returncode == 0, ended.stderr
    assert f"--tls-cert {tmp_path}/tls/cert.pem" in ended.stdout
    assert names_in(Files(tmp_path / "tls")) == {
        "localhost",
        "127.0.0.1",
        "::1",
        "10.0.0.5",
        "registry.example",
        "*.dkr.ecr.eu-west-1.registry.example",
        "api.ecr.eu-west-1.registry.example",
    }


def test_openssl_accepts_the_pair_and_verifies_the_chain(tmp_path: Path) -> None:
    files = make(tmp_path, names_for((), (), ()), NOW)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)
    authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    leaf = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    leaf.verify_directly_issued_by(authority)


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    files = make(tmp_path, ["localhost"], NOW)
    for path in (files.key, files.authority_key):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_authority_is_kept_and_the_certificate_is_new(tmp_path: Path) -> None:
    files = make(tmp_path, ["localhost"], NOW)
    before = {path: path.read_bytes() for path in (files.authority, files.authority_key, files.certificate, files.key)}
    make(tmp_path, ["localhost"], NOW + timedelta(days=300))
    kept = {path for path, content in before.items() if path.read_bytes() == content}
    assert kept == {files.authority, files.authority_key}


@pytest.mark.parametrize("name", ["", "a b", "registry..example", "https://registry.example", "ä.example", "*"])
def test_what_is_no_name_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(HostInvalid):
        make(tmp_path / "tls", ["localhost", name], NOW)
    assert not (tmp_path / "tls").exists()


@pytest.mark.parametrize("lost", ["ca.pem", "ca-key.pem"])
def test_half_an_authority_is_not_replaced(tmp_path: Path, lost: str) -> None:
    files = make(tmp_path, ["localhost"], NOW)
    (tmp_path / lost).unlink()
    certificate = files.certificate.read_bytes()
    with pytest.raises(AuthorityUnreadable):
        make(tmp_path, ["localhost"], NOW)
    assert files.certificate.read_bytes() == certificate
    assert not (tmp_path / lost).exists()


def test_an_authority_of_another_key_or_one_about_to_end_is_not_used(tmp_path: Path) -> None:
    files = make(tmp_path / "one", ["localhost"], NOW)
    with pytest.raises(AuthorityUnreadable, match="too soon"):
        make(tmp_path / "one", ["localhost"], NOW + timedelta(days=3600))
    other = make(tmp_path / "two", ["localhost"], NOW)
    files.authority_key.write_bytes(other.authority_key.read_bytes())
    with pytest.raises(AuthorityUnreadable, match="not that of the certificate"):
        make(tmp_path / "one", ["localhost"], NOW)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderUnwritable, match="not a directory"):
        make(tmp_path / "file" / "tls", ["localhost"], NOW)
