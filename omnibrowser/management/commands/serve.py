"""`manage.py serve`: the production server."""

import socket
from argparse import SUPPRESS, ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from omnibrowser.daphne_server import serve_with_daphne
from omnibrowser.drain import drain
from omnibrowser.server import PortUnavailableError, ServerProcesses, listening_socket, serve


class Command(BaseCommand):
    """Serve HTTP and WebSocket."""

    help = "Serve HTTP and WebSocket. SIGTERM: send the readers away within the grace and end; again: end at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--host", default=settings.SOCKET_HOST, help="address to listen on (SOCKET_HOST)")
        parser.add_argument("--port", type=int, default=settings.SOCKET_PORT, help="port to listen on (SOCKET_PORT)")
        parser.add_argument("--processes", type=int, default=1, help="how many processes serve the port (1)")
        parser.add_argument("--server", choices=["uvicorn", "daphne"], default="uvicorn", help="which server (uvicorn)")
        parser.add_argument("--descriptor", type=int, help=SUPPRESS)

    def handle(self, *args: Any, host: str, port: int, processes: int, server: str, descriptor: int | None, **options: Any) -> None:
        """Open the socket, then serve."""
        grace_seconds = settings.JOBS["shutdown_grace_seconds"]
        if processes < 1:
            raise CommandError("--processes is at least 1.")
        serve_one = serve_with_daphne if server == "daphne" else serve
        if descriptor is not None:
            serve_one(socket.socket(fileno=descriptor), grace_seconds=grace_seconds, drain=drain)
            return
        try:
            listener = listening_socket(host, port)
        except PortUnavailableError as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"Serving http://{f'[{host}]' if ':' in host else host}:{port} with {server}.")
        if processes > 1:
            ServerProcesses(listener, server=server, count=processes, grace_seconds=grace_seconds).run()
        else:
            serve_one(listener, grace_seconds=grace_seconds, drain=drain)
