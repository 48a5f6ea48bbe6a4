"""Tokens: good ones, and those that somebody has tampered with."""

import base64
import json
from typing import Any

import jwt
from django.conf import settings
from rest_framework_simplejwt.tokens import AccessToken


def token_of(user: Any) -> str:
    """Return a fresh access token."""
    return str(AccessToken.for_user(user))


def signed(user: Any, *, key: str = "", algorithm: str = "HS256", headers: dict[str, Any] | None = None, **changes: Any) -> str:
    """Return an access token of the user, signed as ours are, with other claims; `...` takes a claim away."""
    claims = jwt.decode(token_of(user), options={"verify_signature": False}) | changes
    claims = {name: value for name, value in claims.items() if value is not ...}
    payload = json.dumps(claims).encode()  # jwt.encode looks at the claims
    return jwt.PyJWS().encode(payload, key or str(settings.JWT_SECRET), algorithm=algorithm, headers={"typ": "JWT", **(headers or {})})


def with_header(token: str, header: str) -> str:
    """Return the token with another header, which the signature does not cover."""
    _, _, rest = token.partition(".")
    return f"{base64.urlsafe_b64encode(header.encode()).rstrip(b'=').decode()}.{rest}"


def with_claims(token: str, **changes: Any) -> str:
    """Return the token with other claims, which the signature does not cover."""
    claims = jwt.decode(token, options={"verify_signature": False}) | changes
    head, _, tail = token.split(".")
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b'=').decode()}.{tail}"
