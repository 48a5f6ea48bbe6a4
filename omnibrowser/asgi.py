"""HTTP and WebSocket. Hands realtime its source: what a job is, `jobs` knows."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omnibrowser.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402

from jobs.source import JobSource  # noqa: E402
from omnibrowser.body_limit import BodyLimit  # noqa: E402
from realtime.routing import socket_application  # noqa: E402

application = ProtocolTypeRouter({"http": BodyLimit(django_application), "websocket": socket_application(JobSource())})
