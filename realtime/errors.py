"""What can go wrong on the wire."""


class RealtimeError(Exception):
    """Something is wrong on the wire."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").split("\n")[0])


class RedisUnavailable(RealtimeError):
    """Redis does not answer."""


class BadMessage(RealtimeError):
    """A client's frame is not one of the protocol's."""


class RequestRefused(RealtimeError):
    """A client's request cannot be met; `code` is one of the protocol's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SignInExpired(RealtimeError):
    """The sign-in was good once: an expired token, or an expired or used ticket."""


class SignInRefused(RealtimeError):
    """The token is none of ours, or its user may not sign in."""


class SignInUnavailable(RealtimeError):
    """It cannot be told who this is: the keys of the issuer cannot be fetched."""
