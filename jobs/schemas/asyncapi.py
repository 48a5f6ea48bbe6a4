"""The socket as AsyncAPI 3.0. `python -m jobs.schemas.asyncapi` prints it."""

import json
import re
from typing import Any

from jobs.schemas import definitions, frame_type, read
from realtime.protocol import CLOSE_CODES, PROTOCOL_VERSION

SCHEMAS = "#/components/schemas/"
ANSWERS = {
    "subscribe": ("subscribed", "error"),
    "unsubscribe": ("unsubscribed", "error"),
    "command": ("ack", "error"),
    "ping": ("pong",),
    "auth": ("welcome",),
}
DESCRIPTION = f"""One socket carries every subscription: text frames, one JSON object each, at most 64 KiB from the client.

Sign in by `Authorization: Bearer <access JWT>` in the handshake, or by `auth` as the first frame. Positions say what a client
has; a client that comes back subscribes `after` its position and gets what it missed, or a snapshot.

Unknown keys are to be ignored: keys may be added. Close codes from 4000 to 4499 mean: reconnect; from 4500 to 4999: stop.

{chr(10).join(f"- {code}: {meaning}" for code, meaning in CLOSE_CODES.items())}
"""


def document() -> dict[str, Any]:
    """Return the whole document."""
    sent, taken = _messages("server_frames"), _messages("client_frames")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Omnibrowser Jobs: the socket",
            "version": f"{PROTOCOL_VERSION}.0.0",
            "description": DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": {
                "address": "/ws/",
                "description": "The one socket of a client.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in sorted({*sent, *taken})},
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {**{f"on_{name}": _taken(name) for name in taken}, **{f"send_{name}": _operation("send", [name]) for name in sent}},
        "components": {
            "messages": {**sent, **taken},
            "schemas": definitions(refs=SCHEMAS),
            "securitySchemes": {"access": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _messages(file: str) -> dict[str, Any]:
    return {
        frame_type(schema): {
            "name": frame_type(schema),
            "title": " ".join(re.findall("[A-Z][a-z]+", name)),
            "summary": schema["description"],
            "payload": {"$ref": SCHEMAS + name},
        }
        for name, schema in read(file).items()
    }


def _taken(name: str) -> dict[str, Any]:
    answers = [{"$ref": f"#/channels/socket/messages/{answer}"} for answer in ANSWERS[name]]
    return {**_operation("receive", [name]), "reply": {"channel": {"$ref": "#/channels/socket"}, "messages": answers}}


def _operation(action: str, names: list[str]) -> dict[str, Any]:
    messages = [{"$ref": f"#/channels/socket/messages/{name}"} for name in names]
    return {"action": action, "channel": {"$ref": "#/channels/socket"}, "messages": messages}


if __name__ == "__main__":
    print(json.dumps(document(), indent=2))
