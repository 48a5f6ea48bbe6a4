"""Tokens over REST: which are taken, which are not, and when a sign-in ends. Whatever is wrong, the answer is 401 and says no more."""

import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings as django_settings
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from realtime.auth import issue_ticket
from realtime.conf import settings
from tests.api import Api
from tests.sockets import LiveServer
from tests.tokens import signed, token_of, with_claims, with_header

pytestmark = pytest.mark.usefixtures("redis")

PASSWORD = "a-long-password"


def sign_in(user: Any) -> dict[str, str]:
    status, tokens = Api()("POST", "/api/auth/token", {"username": user.username, "password": PASSWORD})
    assert status == 200
    return dict(tokens)


def refused(token: str) -> bool:
    status, _ = Api(token=token)("GET", "/api/jobs")
    assert status in (200, 401)
    return status == 401


def test_a_token_as_it_was_issued_is_taken(ann: Any) -> None:
    assert not refused(token_of(ann))
    assert not refused(signed(ann))


NOW = int(time.time())
BAD_CLAIMS: list[dict[str, Any]] = [
    {"user_id": True}, {"user_id": "x"}, {"user_id": {}}, {"user_id": [1]}, {"user_id": "\0"}, {"user_id": 10**30}, {"user_id": None},
    {"user_id": "-1"}, {"user_id": "987654"}, {"user_id": "１"}, {"user_id": ""}, {"user_id": ...}, {"user_id": "9" * 30},
    {"token_type": "refresh"}, {"token_type": ...}, {"token_type": ["access"]}, {"jti": ...}, {"jti": 7}, {"jti": "x" * 65},
    {"exp": ...}, {"exp": 10**30}, {"exp": "soon"}, {"exp": True}, {"exp": [NOW]}, {"exp": NOW - 5}, {"exp": -1}, {"exp": 2.5e12},
    {"nbf": NOW + 600}, {"nbf": "x"}, {"iat": NOW + 600}, {"iat": ...}, {"iat": "x"},
    {"iss": "https://elsewhere.example"}, {"iss": ...}, {"iss": 5}, {"aud": "somebody-else"}, {"aud": ...}, {"aud": 5}, {"aud": []},
    {"hash_password": "0" * 32}, {"hash_password": ...}, {"sid": {}},
]  # fmt: skip


def test_odd_claims(ann: Any) -> None:
    assert [claims for claims in BAD_CLAIMS if not refused(signed(ann, **claims))] == []


@pytest.mark.django_db(transaction=True)
def test_the_view_of_events_takes_the_same_tokens(ann: Any) -> None:
    def status(token: str) -> int:
        return Api(token=token)("GET", "/api/jobs/none/events")[0]

    assert [status(token) for token in (token_of(ann), signed(ann, aud="x"), "ü.ü.ü", "x.y.z")] == [404, 401, 401, 401]


def bad_signatures(ann: Any) -> dict[str, str]:
    good = token_of(ann)
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(good, options={"verify_signature": False})
    return {
        "none": jwt.encode(claims, "", algorithm="none"),
        "NoNe": with_header(good, '{"alg":"NoNe","typ":"JWT"}'),
        "no alg": with_header(good, "{}"),
        "HS512": signed(ann, algorithm="HS512"),
        "RS256": jwt.encode(claims, pair, algorithm="RS256"),
        "another key": signed(ann, key="x" * 40),
        "the key of sessions": signed(ann, key=django_settings.SECRET_KEY),
        "unknown crit": signed(ann, headers={"crit": ["b64x"], "b64x": True}),
        "claims of another": with_claims(good, user_id="2"),
        "deep header": with_header(good, "[" * 4000 + "]" * 4000),
        "deep claims": f"{good.split('.')[0]}.{'W1tb' * 1300}.{good.split('.')[2]}",
        "no signature": good.rpartition(".")[0] + ".",
        "two parts": good.rpartition(".")[0],
        "long": f"{good}{'A' * 9000}",
        "empty": ".",
        "not text": "\x00.\x7f.x",
        "a refresh token": str(RefreshToken.for_user(ann)),
        "a ticket": issue_ticket(ann, None)[0],
        "a ticket with dots": f"{issue_ticket(ann, None)[0]}..",
    }


def test_bad_signatures(ann: Any) -> None:
    taken = [name for name, token in bad_signatures(ann).items() if not refused(token)]
    assert taken == []


def test_a_refusal_gives_no_hint(ann: Any) -> None:
    def answer(token: str) -> Any:
        return Api(token=token)("GET", "/api/jobs")

    claims: list[dict[str, Any]] = [{"user_id": "987654"}, {"hash_password": "0" * 32}, {"aud": "x"}]
    assert {str(answer(signed(ann, **changes))) for changes in claims} == {str(answer("nonsense.token.here"))}


def test_the_name_of_a_user_cannot_be_guessed_by_the_answer(ann: Any) -> None:
    answers = [Api()("POST", "/api/auth/token", {"username": name, "password": "wrong"}) for name in ("ann", "nobody")]
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


def test_the_secret_before_the_present_one_is_good_for_reading_alone(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    old = "the-secret-that-was-rotated-away-0123456789"
    token = signed(ann, key=old)
    assert refused(token)
    monkeypatch.setitem(settings.__dict__, "previous_jwt_secret", old)
    assert not refused(token)
    assert refused(signed(ann, key=old, user_id="x"))
    assert jwt.decode(sign_in(ann)["access"], django_settings.JWT_SECRET, algorithms=["HS256"], audience="omnibrowser-jobs")


def test_signing_out_ends_the_refresh_token_and_its_access_tokens(ann: Any) -> None:
    tokens, others = sign_in(ann), sign_in(ann)
    _, renewed = Api()("POST", "/api/auth/refresh", {"refresh": tokens["refresh"]})
    assert not refused(renewed["access"])
    for _ in range(2):
        assert Api()("POST", "/api/auth/logout", {"refresh": tokens["refresh"]}) == (204, None)
    assert Api()("POST", "/api/auth/refresh", {"refresh": tokens["refresh"]})[0] == 401
    assert refused(tokens["access"])
    assert refused(renewed["access"])
    assert not refused(others["access"])
    assert tokens["refresh"] not in str(OutstandingToken.objects.values())


def test_signing_out_with_what_is_no_refresh_token(ann: Any) -> None:
    for token, status in ((sign_in(ann)["access"], 401), ("nonsense", 401), (5, 400), (None, 400), ("x" * 9000, 400)):
        assert Api()("POST", "/api/auth/logout", {"refresh": token})[0] == status
    expired = RefreshToken.for_user(ann)
    expired.set_exp(lifetime=timedelta(seconds=-10))
    assert Api()("POST", "/api/auth/logout", {"refresh": str(expired)})[0] == 204


def test_signing_out_closes_its_sockets_and_no_others(live: LiveServer, ann: Any) -> None:
    tokens, others = sign_in(ann), sign_in(ann)
    by_token, by_ticket, other = live.connect(tokens["access"]), live.connect(), live.connect(others["access"])
    by_ticket.send("auth", token=Api(token=tokens["access"])("POST", "/api/auth/ticket")[1]["ticket"])
    late_ticket = Api(token=tokens["access"])("POST", "/api/auth/ticket")[1]["ticket"]
    assert [client.next()["type"] for client in (by_token, by_ticket, other)] == ["welcome"] * 3
    began = time.monotonic()
    Api()("POST", "/api/auth/logout", {"refresh": tokens["refresh"]})
    assert [client.close_code() for client in (by_token, by_ticket)] == [4503, 4503]
    assert time.monotonic() - began < 5
    assert other.ask_pong()
    late = live.connect()
    late.send("auth", token=late_ticket)
    assert late.close_code() == 4401


def test_another_password_ends_all_tokens(ann: Any) -> None:
    tokens = sign_in(ann)
    ann.set_password("another-long-password")
    ann.save()
    assert refused(tokens["access"])
    assert Api()("POST", "/api/auth/refresh", {"refresh": tokens["refresh"]})[0] == 401
    assert not refused(token_of(ann))


@pytest.mark.parametrize("change", ["deactivated", "deleted"])
def test_one_who_may_not_sign_in_any_more_cannot_go_on_either(ann: Any, change: str) -> None:
    tokens = sign_in(ann)
    if change == "deleted":
        ann.delete()
    else:
        type(ann).objects.update(is_active=False)
    assert refused(tokens["access"])
    assert Api()("POST", "/api/auth/refresh", {"refresh": tokens["refresh"]})[0] == 401
    assert Api()("POST", "/api/auth/token", {"username": "ann", "password": PASSWORD})[0] == 401


def test_a_password_is_taken_as_it_is(ann: Any) -> None:
    ann.set_password(" with spaces around ")
    ann.save()
    assert Api()("POST", "/api/auth/token", {"username": "ann", "password": " with spaces around "})[0] == 200
    assert Api()("POST", "/api/auth/token", {"username": "ann", "password": "with spaces around"})[0] == 401


def test_an_access_token_that_has_expired_is_told_from_a_bad_one(ann: Any) -> None:
    token = AccessToken.for_user(ann)
    token.set_exp(lifetime=timedelta(seconds=-5))
    assert Api(token=str(token))("GET", "/api/jobs")[1]["code"] == "token_expired"
    assert Api(token="x.y.z")("GET", "/api/jobs")[1]["code"] == "token_invalid"
