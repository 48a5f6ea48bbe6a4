"""Tokens of an outside issuer: with a shared secret, or with keys that are fetched and bounded; and what they may not do."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from realtime import jwks, outside_issuer
from realtime.conf import settings
from realtime.jwks import KeySet
from tests.api import Api
from tests.sockets import LiveServer
from tests.tokens import token_of, with_header

pytestmark = pytest.mark.usefixtures("redis")

ISSUER = "https://id.example/"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def configure(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    for name, value in {"jwt_issuer": ISSUER, "jwt_audience": "jobs", **values}.items():
        monkeypatch.setitem(settings.__dict__, name, value)


def token(key: Any = "", *, algorithm: str = "HS256", kid: str | None = None, **claims: Any) -> str:
    known = {"iss": ISSUER, "aud": "jobs", "sub": "ann", "exp": int(time.time()) + 60, **claims}
    known = {name: value for name, value in known.items() if value is not ...}
    headers = {"kid": kid} if kid else None
    return jwt.encode(known, key or str(django_settings.JWT_SECRET), algorithm=algorithm, headers=headers)


def status(token: str) -> int:
    return Api(token=token)("GET", "/api/jobs")[0]


def test_without_an_issuer_nobody_elses_tokens_are_taken(ann: Any) -> None:
    assert status(token()) == 401


def test_with_the_shared_secret(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch)
    assert Api(token=token())("POST", "/api/jobs", {"type": "test.echo"})[1]["owner"] == "ann"
    assert status(token_of(ann)) == 200
    monkeypatch.setitem(settings.__dict__, "previous_jwt_secret", "the-secret-that-was-rotated-away-0123456789")
    assert status(token("the-secret-that-was-rotated-away-0123456789")) == 200


BAD: list[dict[str, Any]] = [
    {"iss": "https://other.example/"}, {"iss": ...}, {"aud": "others"}, {"aud": ...}, {"exp": ...}, {"exp": 10**30}, {"exp": "x"},
    {"exp": int(time.time()) - 60}, {"nbf": int(time.time()) + 600}, {"sub": ...}, {"sub": ""}, {"sub": " ann"}, {"sub": "nobody"},
    {"sub": "a\nn"}, {"sub": "x" * 151}, {"key": "x" * 40}, {"algorithm": "HS512"},
]  # fmt: skip


def test_what_is_refused(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch)
    assert [changes for changes in BAD if status(token(**changes)) != 401] == []
    type(ann).objects.update(is_active=False)
    assert status(token()) == 401


def test_an_audience_that_nobody_asked_for_is_somebody_elses(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, jwt_audience="")
    assert [status(token()), status(token(aud=...))] == [401, 200]


def test_a_user_is_made_on_first_sight_where_that_is_allowed(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, jwt_user_claim="email")
    newcomer = token(email="eve@example.com")
    assert status(newcomer) == 401
    monkeypatch.setitem(settings.__dict__, "jwt_create_users", True)
    assert [status(newcomer), status(newcomer)] == [200, 200]
    eve = get_user_model().objects.get(username="eve@example.com")
    assert (eve.has_usable_password(), eve.is_staff, eve.is_superuser) == (False, False, False)
    assert status(token(email=True)) == 401
    assert get_user_model().objects.count() == 2


class Issuer:
    """Serves a set of keys, and counts how often it is asked."""

    def __init__(self) -> None:
        self.keys: list[Any] = []
        self.body: bytes | None = None
        self.asked = 0
        issuer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                body = issuer.body if issuer.body is not None else json.dumps({"keys": issuer.keys}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *values: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/keys"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def public(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    to_jwk: Any = RSAAlgorithm.to_jwk if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm.to_jwk
    return {**json.loads(to_jwk(key.public_key())), "kid": kid, "use": "sig", **more}


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    issuer = Issuer()
    issuer.keys = [public(RSA_KEY, "r1"), public(EC_KEY, "e1")]
    configure(monkeypatch, jwt_jwks_url=issuer.url)
    outside_issuer._key_set.cache_clear()
    yield issuer
    issuer.stop()
    outside_issuer._key_set.cache_clear()


def test_with_public_keys(ann: Any, issuer: Issuer) -> None:
    assert status(token(RSA_KEY, algorithm="RS256", kid="r1")) == 200
    assert status(token(EC_KEY, algorithm="ES256", kid="e1")) == 200
    assert status(token_of(ann)) == 200
    assert issuer.asked == 1


def test_whoever_signs_with_what_all_can_read_is_refused(ann: Any, issuer: Issuer) -> None:
    tokens = {
        "the shared secret": token(),
        "the shared secret, naming a key": token(kid="r1"),
        "a public key as a secret": token(issuer.keys[0]["n"], kid="r1"),
        "another key": token(OTHER_RSA_KEY, algorithm="RS256", kid="r1"),
        "the key of another id": token(RSA_KEY, algorithm="RS256", kid="e1"),
        "another algorithm": token(RSA_KEY, algorithm="RS512", kid="r1"),
        "no id, where there are two keys": token(RSA_KEY, algorithm="RS256"),
        "none": with_header(token(RSA_KEY, algorithm="RS256"), '{"alg":"none","kid":"r1"}'),
    }
    assert {name: status(text) for name, text in tokens.items()} == dict.fromkeys(tokens, 401)


def test_a_new_key_is_found_and_unknown_ones_are_asked_for_now_and_then(ann: Any, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert status(token(RSA_KEY, algorithm="RS256", kid="r1")) == 200
    issuer.keys = [public(OTHER_RSA_KEY, "r2")]
    fresh = token(OTHER_RSA_KEY, algorithm="RS256", kid="r2")
    assert [status(fresh) for _ in range(5)] == [401] * 5
    assert issuer.asked == 1
    monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0)
    assert status(fresh) == 200
    assert status(token(RSA_KEY, algorithm="RS256", kid="r1")) == 401


def test_an_issuer_that_is_away_leaves_the_keys_that_are_known(ann: Any, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    good = token(RSA_KEY, algorithm="RS256", kid="r1")
    assert status(good) == 200
    monkeypatch.setattr(jwks, "KEPT_SECONDS", 0)
    monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0)
    issuer.stop()
    assert status(good) == 200


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"keys": 5}', b'{"keys": [5, {}, {"kty": "oct", "k": "eA"}]}', b"[" * 100_000, b"x" * 300_000]
)
def test_what_is_no_set_of_keys_signs_nobody_in(ann: Any, issuer: Issuer, body: bytes) -> None:
    issuer.body = body
    api = Api(token=token(RSA_KEY, algorithm="RS256", kid="r1"))
    assert (api("GET", "/api/jobs")[0], api.answer["Retry-After"]) == (503, "2")


def test_one_thread_fetches_for_all(issuer: Issuer) -> None:
    keys = KeySet(issuer.url)
    threads = [threading.Thread(target=keys.find, args=("r1",)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert issuer.asked == 1


def test_on_the_socket(live: LiveServer, ann: Any, issuer: Issuer) -> None:
    assert live.connect(token(RSA_KEY, algorithm="RS256", kid="r1")).next()["user"] == "ann"
    assert live.connect(token(RSA_KEY, algorithm="RS256", kid="r1", exp=int(time.time()) - 60)).close_code() == 4401
    assert live.connect(token(OTHER_RSA_KEY, algorithm="RS256", kid="r1")).close_code() == 4501
    outside_issuer._key_set.cache_clear()
    issuer.body = b"nothing"
    assert live.connect(token(RSA_KEY, algorithm="RS256", kid="r1", jti="of no open socket")).close_code() == 1013
