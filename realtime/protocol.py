"""The frames of the socket and the codes with which it closes. PROTOCOL, "WebSocket"."""

import json
from dataclasses import dataclass
from typing import Any

from realtime import strict_json
from realtime.errors import BadMessage
from realtime.position import Position
from realtime.topics import is_job_id

PROTOCOL_VERSION = 1

SIGN_IN_EXPIRED = 4401
NO_SIGN_IN = 4408
TOO_SLOW = 4413
TOO_MANY = 4429
REFUSED = 4501
SESSION_ENDED = 4503
UNEXPECTED_FRAME = 4509
FRAME_TOO_BIG = 1009
RESTARTING = 1012
TRY_LATER = 1013

CLOSE_CODES = {
    SIGN_IN_EXPIRED: "sign-in expired",
    NO_SIGN_IN: "no sign-in in time",
    TOO_SLOW: "too slow",
    TOO_MANY: "too many messages or sockets",
    REFUSED: "bad token or origin",
    SESSION_ENDED: "user deactivated or session ended",
    UNEXPECTED_FRAME: "binary frame, or first frame not auth",
}
"""4000 to 4499: reconnect; 4500 to 4999: stop."""

Ref = int | str | None


@dataclass(frozen=True)
class Auth:
    """Sign in, or hand over a fresh token in place."""

    token: str
    device_id: str | None


@dataclass(frozen=True)
class Subscribe:
    """Watch a topic, from a position on or from a snapshot."""

    ref: Ref
    topic: str
    after: Position | None


@dataclass(frozen=True)
class Unsubscribe:
    """Watch a topic no more."""

    ref: Ref
    topic: str


@dataclass(frozen=True)
class Command:
    """Do something to a job."""

    ref: Ref
    action: str
    job_id: str
    if_attempt: int | None


@dataclass(frozen=True)
class Ping:
    """Ask for a pong."""


Message = Auth | Subscribe | Unsubscribe | Command | Ping


def parse(text: str) -> tuple[Message | None, Ref, str]:
    """Return the message of a client's frame, its ref, and what is wrong with it when there is no message."""
    ref: Ref = None
    try:
        frame = strict_json.loads(text)
        if not isinstance(frame, dict):
            raise BadMessage("A frame is a JSON object.")
        ref = _ref(frame.get("ref"))
        return _message(frame, ref), ref, ""
    except (BadMessage, strict_json.BadJSON) as error:
        return None, ref, str(error)


def _message(frame: dict[str, Any], ref: Ref) -> Message:
    match frame.get("type"):
        case "auth":
            return Auth(_text(frame, "token", 8192), _text(frame, "deviceId", 200) if frame.get("deviceId") is not None else None)
        case "subscribe":
            return Subscribe(ref, _text(frame, "topic", 100), _position(frame.get("after")))
        case "unsubscribe":
            return Unsubscribe(ref, _text(frame, "topic", 100))
        case "command":
            if not is_job_id(frame.get("jobId")):
                raise BadMessage("jobId is 1 to 64 of A-Z a-z 0-9 . _ -, first a letter or digit.")
            return Command(ref, _text(frame, "action", 20), frame["jobId"], _attempt(frame.get("ifAttempt")))
        case "ping":
            return Ping()
    raise BadMessage("type is one of auth, subscribe, unsubscribe, command, ping.")


def _ref(value: Any) -> Ref:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and len(value) <= 64):
        return value
    raise BadMessage("ref is a number or a short string.")


def _text(frame: dict[str, Any], key: str, limit: int) -> str:
    value = frame.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        raise BadMessage(f"{key} is a string of 1 to {limit} characters.")
    return value


def _position(value: Any) -> Position | None:
    if value is None:
        return None
    try:
        return Position.parse(value)
    except ValueError as error:
        raise BadMessage(f"after: {error}") from error


def _attempt(value: Any) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise BadMessage("ifAttempt is a number from 1.")


def encode(frame: dict[str, Any]) -> str:
    """Return a server's frame as it goes over the wire."""
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Frame:
    """A text frame to clients. Those who get the same frame share it, and its bytes."""

    __slots__ = ("_wire", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """The frame as RFC 6455 has it from a server: final, text, not masked."""
        if self._wire is None:
            data = self.text.encode()
            size = len(data)
            if size < 126:
                head = bytes((0x81, size))
            elif size < 65536:
                head = b"\x81\x7e" + size.to_bytes(2, "big")
            else:
                head = b"\x81\x7f" + size.to_bytes(8, "big")
            self._wire = head + data
        return self._wire


def error_frame(ref: Ref, code: str, message: str) -> str:
    """Return the frame that says why a request was refused; the socket stays open."""
    return encode({"type": "error", "ref": ref, "code": code, "message": message})


def events_frame(topic: str, events: list[str]) -> str:
    """Return the frame of events that are encoded already."""
    return f'{{"type":"events","topic":"{topic}","events":[{",".join(events)}]}}'
