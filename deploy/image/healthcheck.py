"""Whether the server in this container answers, for the healthcheck of its image: `python healthcheck.py [/health]`."""

import os
import sys
from http.client import HTTPConnection

path = sys.argv[1] if len(sys.argv) > 1 else "/health/live"
connection = HTTPConnection("127.0.0.1", int(os.environ.get("SOCKET_PORT", "3000")), timeout=3)
try:
    connection.request("GET", path, headers={"Host": os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].lstrip(".")})
    status = connection.getresponse().status
except OSError as error:
    sys.exit(f"{path}: {error}")
sys.exit(0 if status == 200 else f"{path}: {status}")
