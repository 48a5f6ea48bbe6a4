"""A reader whose network is gone without a word: no FIN, no RST. FAULTS F19."""

import psutil
import pytest
from websockets.asyncio.client import connect

from tests.owner import Owner
from tests.processes import Site
from tests.proxy import Proxy
from tests.waiting import until

GONE_SECONDS = 60
"""A ping every 20 s, and 20 s for its pong."""


async def read_behind_a_dead_network(*, without: str = "") -> None:
    """Open a socket, have its network die, and expect its slot to be free again."""
    with Site() as site:
        server = psutil.Process(site.serve(without=without).popen.pid)
        owner = Owner(site)
        with Proxy("127.0.0.1", site.port) as link:
            headers = {"Authorization": f"Bearer {owner.token}"}
            url = f"ws://127.0.0.1:{link.port}/ws/"
            async with connect(url, additional_headers=headers, ping_interval=None, close_timeout=0.1) as socket:
                await socket.recv()
                assert open_connections(server, site.port) == 1
                link.blackhole()
                await until(lambda: open_connections(server, site.port) == 0, seconds=GONE_SECONDS, what="a slot that is free again")


async def test_a_reader_behind_a_dead_network_is_let_go() -> None:
    await read_behind_a_dead_network()


async def test_without_pings_it_is_kept() -> None:
    with pytest.raises(AssertionError, match="a slot that is free again"):
        await read_behind_a_dead_network(without="pings")


def open_connections(server: psutil.Process, port: int) -> int:
    """Return how many connections to its port the server holds open."""
    return sum(found.laddr.port == port and found.status == psutil.CONN_ESTABLISHED for found in server.net_connections("tcp"))
