"""A reader whose network is gone without a word: no FIN, no RST. FAULTS F19."""

import psutil
from websockets.asyncio.client import connect

from tests.owner import Owner
from tests.processes import Site
from tests.proxy import Proxy
from tests.waiting import until

GONE_SECONDS = 60
"""A ping every 20 s, and 20 s for its pong."""


async def test_a_reader_behind_a_dead_network_is_let_go() -> None:
    with Site() as site:
        server = psutil.Process(site.serve().popen.pid)
        owner = Owner(site)
        with Proxy("127.0.0.1", site.port) as link:
            headers = {"Authorization": f"Bearer {owner.token}"}
            url = f"ws://127.0.0.1:{link.port}/ws/"
            async with connect(url, additional_headers=headers, ping_interval=None, close_timeout=0.1) as socket:
                await socket.recv()
                assert open_connections(server, site.port) == 1
                link.blackhole()
                await until(lambda: open_connections(server, site.port) == 0, seconds=GONE_SECONDS, what="a slot that is free again")


def open_connections(server: psutil.Process, port: int) -> int:
    """Return how many connections to its port the server holds open."""
    return sum(found.laddr.port == port and found.status == psutil.CONN_ESTABLISHED for found in server.net_connections("tcp"))
