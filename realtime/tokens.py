"""The tokens that the service signs itself: an access and a refresh token for each sign-in. Nobody is told why one is bad."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, QuerySet, Value
from django.utils import timezone
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from realtime.conf import settings
from realtime.errors import SignInExpired, SignInRefused

LONGEST_TOKEN = 8192
LATEST_TS = 10**11
"""No date that a token names lies behind this one: whatever counts with them later has room."""
SIGN_IN_CLAIM = "sid"
"""Which sign-in a token belongs to: the `jti` of its refresh token."""


def sign_in(user: Any, *, access_seconds: float | None = None) -> dict[str, str]:
    """Return the tokens of a new sign-in: `access` and `refresh`. The access token is good for `access_seconds`, or as long as set."""
    refresh = RefreshToken()
    refresh["user_id"] = str(user.pk)
    refresh[SIGN_IN_CLAIM] = refresh["jti"]
    refresh[api_settings.REVOKE_TOKEN_CLAIM] = get_md5_hash_password(user.password)
    access = refresh.access_token
    if access_seconds is not None:
        access.set_exp(lifetime=timedelta(seconds=access_seconds))
    return {"access": str(access), "refresh": str(refresh)}


def renew(refresh: str) -> str:
    """Return a fresh access token of a sign-in that goes on. Raises SignInExpired and SignInRefused."""
    claims = verify(refresh, "refresh")
    user_of(claims)
    access = AccessToken()
    access.payload |= {name: claims[name] for name in ("user_id", SIGN_IN_CLAIM, api_settings.REVOKE_TOKEN_CLAIM) if name in claims}
    return str(access)


def end_sign_in(refresh: str) -> None:
    """End the sign-in of a refresh token: it and the access tokens that came of it are worth nothing any more. Again is harmless.

    Raises SignInRefused, and SignInExpired when it has ended by itself.
    """
    claims = verify(refresh, "refresh")
    token, _ = OutstandingToken.objects.get_or_create(
        jti=claims["jti"], defaults={"token": "", "created_at": timezone.now(), "expires_at": datetime.fromtimestamp(claims["exp"], UTC)}
    )
    BlacklistedToken.objects.get_or_create(token=token)


def verify(token: str, kind: str) -> dict[str, Any]:
    """Return the claims of an `access` or `refresh` token. Raises SignInExpired and SignInRefused, whatever is in the token."""
    if len(token) > LONGEST_TOKEN:
        raise SignInRefused
    for key in (api_settings.SIGNING_KEY, settings.previous_jwt_secret):
        if key:
            try:
                claims = _decoded(token, key)
            except jwt.InvalidSignatureError:
                continue
            return _checked(claims, kind)
    raise SignInRefused


def _decoded(token: str, key: str) -> dict[str, Any]:
    given = {"iss": api_settings.ISSUER, "aud": api_settings.AUDIENCE}
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[api_settings.ALGORITHM],
            audience=api_settings.AUDIENCE,
            issuer=api_settings.ISSUER,
            leeway=api_settings.LEEWAY,
            options={"require": ["exp", "iat", "jti", *(name for name, value in given.items() if value)]},
        )
    except jwt.ExpiredSignatureError:
        raise SignInExpired from None
    except jwt.InvalidSignatureError:
        raise
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        raise SignInRefused from None
    return claims


def _checked(claims: dict[str, Any], kind: str) -> dict[str, Any]:
    times = [claims["exp"], claims["iat"]]
    texts = [claims["jti"], claims.get("user_id"), claims.get(api_settings.REVOKE_TOKEN_CLAIM), claims.get(SIGN_IN_CLAIM, "")]
    if claims.get("token_type") != kind or not all(isinstance(text, str) and len(text) <= 64 for text in texts):
        raise SignInRefused
    if not all(isinstance(ts, int) and not isinstance(ts, bool) and 0 < ts < LATEST_TS for ts in times):
        raise SignInRefused
    return claims


def user_of(claims: dict[str, Any]) -> Any:
    """Return the active user of verified claims. Raises SignInRefused, also after a logout or a change of the password."""
    key = _key_of(claims["user_id"])
    ended: Any = Exists(ended_tokens([claims[SIGN_IN_CLAIM]])) if SIGN_IN_CLAIM in claims else Value(False)
    user = get_user_model()._default_manager.filter(pk=key, is_active=True).annotate(has_signed_out=ended).first()
    if user is None or user.has_signed_out or get_md5_hash_password(user.password) != claims[api_settings.REVOKE_TOKEN_CLAIM]:
        raise SignInRefused
    return user


def _key_of(user_id: str) -> Any:
    """Return the primary key that a claim names, whatever the project's users have for one. Raises SignInRefused."""
    key: Any = get_user_model()._meta.pk
    is_number = isinstance(key, models.IntegerField)
    if not (user_id.isascii() and user_id.isprintable()) or (is_number and not (user_id.isdecimal() and len(user_id) <= 18)):
        raise SignInRefused
    try:
        return key.to_python(user_id)
    except ValidationError:
        raise SignInRefused from None


def ended_tokens(sign_ins: Iterable[str]) -> QuerySet[BlacklistedToken]:
    """Return the rows of those sign-ins that were ended."""
    return BlacklistedToken.objects.filter(token__jti__in=sign_ins)
