"""A small OpenID Connect provider on 127.0.0.1, strict about what it is sent; and it can lie."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

CLIENT = "liverwatch"
SECRET = "between us + two"


class IdentityProvider:
    """Vouches for whoever `claims` says; codes are good once, with the right verifier."""

    def __init__(self, port: int, redirect_uri: str) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.redirect_uri = redirect_uri
        self.key = ECKey.generate_key("P-256", {"kid": "one"})
        self.claims: dict[str, Any] = {}
        """Put over the claims of the next ID tokens; None takes a claim away."""
        self.asked: list[dict[str, str]] = []
        """Parameters of each question to the authorization endpoint."""
        self.codes: dict[str, dict[str, str]] = {}
        self.configuration: dict[str, Any] = {}
        """Put over what it says of itself."""
        self.signing: Any = None
        """(header, key) of the next ID tokens, where not its own."""
        self.more: dict[str, Any] = {}
        """Put over the token answer."""
        self.secret: str | None = SECRET

    def answers(self, address: str) -> str:
        """Whoever is asked there signs in; the address that the browser is sent back to."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.issuer}/authorize"
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["redirect_uri"] == self.redirect_uri
        assert asked["code_challenge_method"] == "S256"
        self.asked.append(asked)
        code = f"code-{len(self.asked)}"
        self.codes[code] = asked
        return f"/sign-in/answer?code={code}&state={asked['state']}&iss={self.issuer}"

    def get(self, path: str) -> Any:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                **self.configuration,
            }
        if path == "/.well-known/smart-configuration":
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "code_challenge_methods_supported": ["S256"],
                **self.configuration,
            }
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        return None

    def token(self, form: dict[str, str], authorization: str | None) -> tuple[int, Any]:
        if self.secret is None:
            known = form.pop("client_id") == CLIENT and authorization is None
        else:
            user, _, password = base64.b64decode((authorization or "Basic ")[6:]).decode().partition(":")
            known = (unquote_plus(user), unquote_plus(password)) == (CLIENT, self.secret)
        if not known:
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form["code"], None)
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        wanted = {"grant_type": "authorization_code", "redirect_uri": self.redirect_uri}
        assert {name: form[name] for name in wanted} == wanted
        if asked is None or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        return 200, {
            "access_token": "worth nothing here",
            "token_type": "Bearer",
            "id_token": self.id_token(asked["nonce"]),
            **self.more,
        }

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "u-4711",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "name": "Ann Adams",
            **self.claims,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        header, key = self.signing or ({"alg": "ES256", "kid": "one"}, self.key)
        if header["alg"] == "none":
            parts = [base64.urlsafe_b64encode(json.dumps(each).encode()) for each in (header, said)]
            return b".".join([*(each.rstrip(b"=") for each in parts), b""]).decode()
        return jwt.encode(header, said, key, algorithms=[header["alg"]])


def shared_secret() -> OctKey:
    """A key that is the client's secret, which an attacker may have learnt."""
    return OctKey.import_key(SECRET.ljust(32, "!"))


@contextmanager
def providing(redirect_uri: str) -> Iterator[IdentityProvider]:
    """One that listens."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = provider.get(urlsplit(self.path).path)
            self._say(404 if found is None else 200, found or {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._say(*provider.token(form, self.headers["Authorization"]))

        def _say(self, status: int, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    provider = IdentityProvider(server.server_port, redirect_uri)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
