"""The certificate that the listener shows: checked before its use, at the start and at every SIGHUP."""

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from twinport.errors import ConfigurationWrong


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a certificate chain (the server's own certificate first) and of its key, and the expiry time."""

    chain: Path
    key: Path
    ends_at: datetime


def read(chain: Path, key: Path, now: datetime) -> Certificate:
    """Return a certificate that is usable now. Raises ConfigurationWrong, which reveals nothing of the key."""
    # Imported only where https is served.
    from cryptography import x509  # noqa: PLC0415

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key, password=_no_password)
        first = x509.load_pem_x509_certificate(chain.read_bytes())
    except ssl.SSLError as error:
        raise _unusable(chain, key, f"they are no certificate and its key: {error.reason or error}") from error
    except (OSError, ValueError) as error:
        raise _unusable(chain, key, str(getattr(error, "strerror", None) or error).lower()) from error
    if not first.not_valid_before_utc <= now < first.not_valid_after_utc:
        span = f"{first.not_valid_before_utc:%Y-%m-%d %H:%M} to {first.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        raise _unusable(chain, key, f"the certificate is valid from {span}")
    return Certificate(chain, key, first.not_valid_after_utc)


def _no_password() -> str:
    """Refuse a key that needs a password: a prompt on a terminal would block the start."""
    raise ValueError("the key is locked by a password, which a server cannot ask for")


def _unusable(chain: Path, key: Path, reason: str) -> ConfigurationWrong:
    return ConfigurationWrong([f"'tls_cert' ({chain}) and 'tls_key' ({key}): {reason}"])
