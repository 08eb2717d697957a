"""An issuer of ID tokens, small and real: https on loopback, discovery, a key set, and signatures."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.certificates import Certified, certify

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
DISCOVERY = "/.well-known/openid-configuration"


@dataclass
class Issuer:
    """What it publishes may be changed while it runs. `asked` are the paths that were fetched."""

    certified: Certified
    port: int = 0
    keys: dict[str, Key] = field(default_factory=dict)
    pages: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def provider(self) -> str:
        """The address as IAM shows it."""
        return f"127.0.0.1:{self.port}"

    def key_set(self) -> dict[str, Any]:
        return {"keys": [_published(name, key) for name, key in self.keys.items()]}

    def page(self, path: str) -> Any:  # noqa: ANN401 — whatever is to be published
        if path in self.pages:
            return self.pages[path]
        if path == DISCOVERY:
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        return self.key_set() if path == "/keys" else None

    def token(self, key: str = "rsa", /, **claims: Any) -> str:  # noqa: ANN401
        """Sign a token that would be believed, but for what `claims` change; None takes a claim away."""
        now = int(time.time())
        usual = {
            "iss": self.url,
            "sub": "repo:acme/app:ref:refs/heads/main",
            "aud": "sts.amazonaws.com",
            "iat": now,
            "exp": now + 600,
        }
        said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        algorithm = "RS256" if isinstance(self.keys[key], rsa.RSAPrivateKey) else "ES256"
        return jwt.encode(said, self.keys[key], algorithm=algorithm, headers={"kid": key})


@contextmanager
def issuing(folder: Path) -> Iterator[Issuer]:
    """Run an issuer with an RSA key and one on a curve."""
    issuer = Issuer(certify(folder, "127.0.0.1"))
    issuer.keys = {
        "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "curve": ec.generate_private_key(ec.SECP256R1()),
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), _answering(issuer))
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trust.load_cert_chain(issuer.certified.chain, issuer.certified.key)
    server.socket = trust.wrap_socket(server.socket, server_side=True)
    issuer.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _published(name: str, key: Key) -> dict[str, Any]:
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    public: Any = key.public_key()
    made: Any = RSAAlgorithm.to_jwk(public, as_dict=True) if is_rsa else ECAlgorithm.to_jwk(public, as_dict=True)
    return {**made, "kid": name, "use": "sig", "alg": "RS256" if is_rsa else "ES256"}


def _answering(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            page = issuer.page(self.path)
            body = page if isinstance(page, bytes) else json.dumps(page).encode()
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Answering
