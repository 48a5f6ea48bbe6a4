"""The public keys of an outside issuer, fetched from one address that the settings name, and kept for a while."""

import json
import logging
import threading
import time

import httpx
import jwt

from realtime.errors import SignInUnavailable

log = logging.getLogger(__name__)

ALGORITHMS = frozenset({"RS256", "ES256"})
KEPT_SECONDS = 300
"""How long keys are taken for the present ones; when they cannot be fetched anew, the old ones stay good."""
PAUSE_SECONDS = 10
"""A key that nobody knows has the keys fetched at most this often: whoever sends tokens chooses what they name."""
FETCH_SECONDS = 3
LARGEST_BYTES = 256 * 1024


class KeySet:
    """Keys by their ids. Safe to use from many threads, of which one fetches."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at = self._tried_at = -float("inf")

    def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """Return the key of this id, without an id the only one there is; None when there is none. Raises SignInUnavailable."""
        key = self._known(key_id)
        if self._is_old() or key is None:
            # Whoever has a key need not wait while another thread fetches.
            if self._lock.acquire(blocking=key is None):
                try:
                    self._fetch_if_due(key_id)
                finally:
                    self._lock.release()
            key = self._known(key_id)
        if key is None and not self._keys:
            raise SignInUnavailable
        return key

    def _known(self, key_id: str | None) -> jwt.PyJWK | None:
        keys = self._keys
        if key_id is None:
            return next(iter(keys.values())) if len(keys) == 1 else None
        return keys.get(key_id)

    def _is_old(self) -> bool:
        return time.monotonic() - self._fetched_at > KEPT_SECONDS

    def _fetch_if_due(self, key_id: str | None) -> None:
        if (self._known(key_id) is not None and not self._is_old()) or time.monotonic() - self._tried_at < PAUSE_SECONDS:
            return
        self._tried_at = time.monotonic()
        try:
            self._keys = _keys_in(_fetched(self._url))
        except (httpx.HTTPError, ValueError, RecursionError, jwt.PyJWTError) as error:
            log.warning("the keys of the issuer cannot be fetched from %s: %s", self._url, error)
            return
        self._fetched_at = time.monotonic()


def _fetched(url: str) -> bytes:
    body = b""
    with httpx.Client(timeout=FETCH_SECONDS, follow_redirects=False, trust_env=False) as web, web.stream("GET", url) as answer:
        deadline = time.monotonic() + FETCH_SECONDS
        answer.raise_for_status()
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > LARGEST_BYTES or time.monotonic() > deadline:
                raise ValueError("more than keys need, or slower")
    return body


def _keys_in(body: bytes) -> dict[str | None, jwt.PyJWK]:
    """Return the keys of a JWK set that may sign tokens; what it has besides is passed over."""
    found: dict[str | None, jwt.PyJWK] = {}
    value = json.loads(body)
    items = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(items, list):
        raise ValueError("no set of keys")
    for item in items:
        try:
            key = jwt.PyJWK(item)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
            continue
        if key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig"):
            found[key.key_id] = key
    return found
