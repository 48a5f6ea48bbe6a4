"""A client that subscribes and then reads nothing: what a browser is whose machine was closed."""

import json
import socket

from tests.processes import Site


def open_and_never_read(site: Site, token: str) -> socket.socket:
    """Subscribe on a socket with a small buffer, and read nothing."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", site.port))
    head = f"GET /ws/ HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += f"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n"
    made.sendall(head.encode())
    made.recv(1)
    frame = json.dumps({"type": "subscribe", "topic": "job:j"}).encode()
    made.sendall(bytes([0x81, 0x80 | len(frame)]) + bytes(4) + frame)
    return made
