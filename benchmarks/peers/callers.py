"""What it costs to know the caller: nobody, a visitor's token, a patient's token of the practice's sign-in provider."""

import contextlib
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.peers.cases import CASES
from benchmarks.peers.contenders import Contender
from benchmarks.peers.gateways import serving, visitor
from benchmarks.peers.reads import Pace, measured
from benchmarks.peers.stage import stage

_AUDIENCE = "frontdoor"
_KEY_ID = "k1"


def measure(pace: Pace) -> dict[str, Any]:
    """One gateway, asked by each kind of caller. In development, since production wants a provider with TLS."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with ExitStack() as exits:
        ground = exits.enter_context(stage())
        issuer = exits.enter_context(_provider(key))
        settings = {
            "FRONTDOOR_ENVIRONMENT": "development",
            "FRONTDOOR_OIDC_ISSUER": issuer,
            "FRONTDOOR_OIDC_AUDIENCE": _AUDIENCE,
        }
        server = exits.enter_context(serving(ground, "frontdoor", settings=settings))
        headers = {
            "anonymous": {},
            "visitor": {"Frontdoor-Visitor": visitor(server)},
            "patient": {"Authorization": f"Bearer {_token(key, issuer)}"},
        }
        compared = [Contender(name=name, server=server, headers=of) for name, of in headers.items()]
        return measured(ground, compared, [CASES["plans"], CASES["slots400"]], pace)


def _token(key: rsa.RSAPrivateKey, issuer: str) -> str:
    """A patient's access token for most of an hour."""
    now = datetime.now(UTC)
    claims: Mapping[str, object] = {
        "iss": issuer,
        "aud": _AUDIENCE,
        "sub": secrets.token_hex(8),
        "iat": now,
        "exp": now + timedelta(minutes=55),
        "healthie_patient_id": "300001",
    }
    return jwt.encode(dict(claims), key, algorithm="RS256", headers={"kid": _KEY_ID})


@contextlib.contextmanager
def _provider(key: rsa.RSAPrivateKey) -> Iterator[str]:
    """Serve the provider's discovery document and its keys; yields its issuer."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    keys = {"keys": [public | {"kid": _KEY_ID, "use": "sig", "alg": "RS256"}]}

    class Documents(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = keys if self.path == "/keys" else {"issuer": issuer, "jwks_uri": f"{issuer}/keys"}
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Documents) as server:
        issuer = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield issuer
        server.shutdown()
