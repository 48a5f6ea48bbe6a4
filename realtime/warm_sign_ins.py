"""Tokens that open sockets have shown: whoever shows one again is signed in without a question to the database."""

import hashlib
import time
from collections.abc import Container

from realtime.auth import Identity, identify
from realtime.threads import Threads


class WarmSignIns:
    """Knows a token no longer than it is looked at every few seconds whether its sockets are still good.

    So one that has ended since is good until then, and its sockets end with the others: a herd that comes back after a
    restart asks once for each token, not once for each socket.
    """

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._known: dict[bytes, Identity] = {}

    @property
    def is_warm(self) -> bool:
        """Whether it knows any token."""
        return bool(self._known)

    async def identify(self, token: str) -> Identity:
        """Return who holds this token. Raises what `auth.identify` raises."""
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        known = self._known.get(digest)
        if known is not None and known.expires_at > time.time() * 1000:
            return known
        identity = await self._threads.run(lambda: identify(token))
        if "." in token and identity.session_key is None and not identity.is_shared:
            self._known[digest] = identity  # not a ticket, which is used up, nor what was shared, which is taken back at once
        return identity

    def keep_only(self, good: Container[Identity]) -> None:
        """Forget all whose sockets are gone, or have to go."""
        self._known = {digest: identity for digest, identity in self._known.items() if identity in good}
