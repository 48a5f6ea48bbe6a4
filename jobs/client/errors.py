"""What can go wrong between a client and its server."""


class ClientError(Exception):
    """Something is wrong between this client and its server."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").split("\n")[0])


class JobsError(ClientError):
    """The server said no: `code` is for programs, the message for people, `errors` holds messages by field."""

    def __init__(self, code: str, message: str, *, status: int | None = None, errors: dict[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.errors = errors or {}


class ServerUnreachable(ClientError):
    """The server does not answer."""


class SignedOut(ClientError):
    """There is nobody signed in: asking for another token is no use. Raised by a token function, it ends the connection."""


class ConnectionEnded(ClientError):
    """The connection is closed for good; trying again is no use."""
