"""HTTP that waits so long and no longer for a client to say what it wants: uvicorn by itself waits for ever.

A connection that sends its request letter by letter, or stops in the middle, would cost it nothing and us a file, until
none is left for others. The handshake of a socket is a request too.
"""

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from jobs.api.problems import MEDIA_TYPE, problem
from omnibrowser.security_headers import HEADERS

HEAD_SECONDS = 10.0
"""From the opening of a connection, or the first byte of a further request, to the end of the request's headers."""
BODY_SECONDS = 60.0
"""From the end of the headers to the end of the body."""


class PatientHttp(HttpToolsProtocol):
    """uvicorn's own, with an end to waiting; what the server itself answers is a problem, as everything else that goes wrong."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lateness: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Take what has come; when nothing was expected, a further request begins."""
        if self._lateness is None:
            self._expect_head()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Begin to wait for the body."""
        self._expect_nothing()
        self._lateness = self.loop.call_later(BODY_SECONDS, self._body_is_late)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait for nothing: it is the application's turn."""
        self._expect_nothing()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the socket, which has its own times."""
        self._expect_nothing()
        super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._expect_nothing()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request."""
        self._refuse(400, "bad_request", msg)

    def _expect_head(self) -> None:
        self._expect_nothing()
        self._lateness = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _expect_nothing(self) -> None:
        if self._lateness is not None:
            self._lateness.cancel()
            self._lateness = None

    def _head_is_late(self) -> None:
        if self._is_answering():  # the request before: this one has not been asked for yet
            self._expect_head()
        else:
            self._refuse(408, "too_slow", f"A request's headers have {HEAD_SECONDS:g} s.")

    def _body_is_late(self) -> None:
        if self.flow.read_paused:  # it is us who do not read
            self._lateness = self.loop.call_later(BODY_SECONDS, self._body_is_late)
        elif self.cycle.response_started:
            self.transport.close()
        else:
            self._refuse(408, "too_slow", f"A request's body has {BODY_SECONDS:g} s.")

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.more_body and not self.cycle.response_complete

    def _refuse(self, status: int, code: str, detail: str) -> None:
        body = json.dumps(problem(status, code, detail)).encode()
        told = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "Connection": "close", **HEADERS}
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        self.transport.write(STATUS_LINE[status] + lines.encode() + b"\r\n" + body)
        self.transport.close()
