"""Tokens that somebody else signs, as the host's own sign-in: `JWT_ISSUER` says who, and whoever it is says who everybody is here."""

from functools import cache
from typing import Any

import jwt
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from rest_framework_simplejwt.settings import api_settings

from realtime.conf import settings
from realtime.errors import SignInExpired, SignInRefused
from realtime.jwks import KeySet
from realtime.tokens import LATEST_TS

LEEWAY_SECONDS = 10
NAME_LIMIT = 150


@cache
def _key_set() -> KeySet:
    return KeySet(settings.jwt_jwks_url)


def verify_outside(token: str) -> dict[str, Any]:
    """Return the claims of a token of the outside issuer. Raises SignInExpired, SignInRefused and SignInUnavailable."""
    for key, algorithm in _keys_for(token):
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=settings.jwt_audience or None,
                issuer=settings.jwt_issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss"]},
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.ExpiredSignatureError:
            raise SignInExpired from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise SignInRefused from None
        if isinstance(claims["exp"], bool) or not isinstance(claims["exp"], int | float) or not 0 < claims["exp"] < LATEST_TS:
            raise SignInRefused
        return claims
    raise SignInRefused


def _keys_for(token: str) -> list[tuple[Any, str]]:
    """Return what the token may be signed with. With public keys there is no shared secret: nobody signs with what all can read."""
    if not settings.jwt_jwks_url:
        return [(key, "HS256") for key in (api_settings.SIGNING_KEY, settings.previous_jwt_secret) if key]
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise SignInRefused from None
    key = _key_set().find(key_id)
    return [] if key is None else [(key, str(key.algorithm_name))]


def outside_user(claims: dict[str, Any]) -> Any:
    """Return the active user whom verified claims name; made on first sight where that is allowed. Raises SignInRefused."""
    name = claims.get(settings.jwt_user_claim)
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not 0 < len(name) <= NAME_LIMIT or not name.isprintable() or name != name.strip():
        raise SignInRefused
    users = get_user_model()
    key = {users.USERNAME_FIELD: name}
    user: Any
    if settings.jwt_create_users:
        user, _ = users._default_manager.get_or_create(**key, defaults={"password": make_password(None)})
    else:
        user = users._default_manager.filter(**key).first()
    if user is None or not user.is_active:
        raise SignInRefused
    return user
