"""The address at which a client on the same machine reaches the server with these settings."""

from twinport.settings.loading import Settings

# Clients reach a listener on all addresses through loopback.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 — recognized here, not listened on


def url_of(settings: Settings, port: int) -> str:
    """Return the server's URL at the port that it listens on."""
    host = _LOOPBACK.get(settings.host, settings.host)
    named = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.has_tls else 'http'}://{named}:{port}"
