"""Where the processes of `manage.py worker` answer `/metrics`: any of them, for all of them and those that have died.

The supervisor opens the port before it forks, so that one in use is said at once; it neither serves nor counts itself.
"""

import hmac
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from jobs.conf import settings
from jobs.metrics import metrics
from realtime.metrics import SharedFolder, exposition

_listener: socket.socket | None = None
_folder: SharedFolder | None = None

LOOPBACK = ("127.0.0.1", "::1")
TOLD_BY_PROXIES = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "forwarded", "via")


def open_port() -> None:
    """Listen where WORKER_METRICS_PORT says, if it does. Raises OSError."""
    global _listener, _folder
    if settings.worker_metrics_port:
        host = settings.worker_metrics_host
        _listener = socket.create_server(
            (host, settings.worker_metrics_port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=16
        )
        _listener.setblocking(False)  # of those who are woken, one gets the connection
        _folder = SharedFolder()
        os.environ.update(_folder.environment)


def close_port() -> None:
    """Close it, and delete what was counted."""
    if _listener and _folder:
        _listener.close()
        _folder.remove()


def forget(pid: int | None) -> None:
    """Drop what a dead process said of how things are."""
    if _folder and pid is not None:
        _folder.forget(pid)


def answer() -> None:
    """Answer from a thread of this process, if the port is open."""
    if _listener:
        metrics()
        server = _Server(_listener.getsockname(), _Handler, bind_and_activate=False)
        server.socket.close()
        server.socket = _listener
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def may_read(authorization: str, client: str, header_names: list[str]) -> bool:
    """Tell whether one may read what is counted: who sends METRICS_TOKEN; without one, this machine, not through a proxy."""
    if settings.metrics_token:
        kind, _, token = authorization.partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), settings.metrics_token.encode())
    return client in LOOPBACK and not any(name.lower() in TOLD_BY_PROXIES for name in header_names)


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    timeout = 5

    def do_GET(self) -> None:
        """Answer."""
        if self.path.partition("?")[0] != "/metrics":
            self._send(404, b"Metrics are at /metrics.\n", "text/plain")
        elif not may_read(self.headers.get("Authorization", ""), str(self.client_address[0]), list(self.headers)):
            self._send(403, b"Send METRICS_TOKEN as a bearer token, or ask from this machine when there is none.\n", "text/plain")
        else:
            self._send(200, *exposition(self.headers.get("Accept", "")))

    def _send(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: it is asked for all day long."""
