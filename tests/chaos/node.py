"""A process of the soak that is started again after it was ended."""

import asyncio
from collections.abc import Callable

from tests.processes import Process


class Node:
    """One server or worker, whatever its process is at the moment."""

    def __init__(self, name: str, start: Callable[[], Process]) -> None:
        self.name = name
        self._start = start
        self.process: Process = start()

    async def start(self) -> None:
        """Start it anew, as whoever runs it would: again, when it did not come up because of what is wrong at the moment."""
        for attempt in range(10):
            try:
                self.process = await asyncio.to_thread(self._start)
            except AssertionError:
                if attempt == 9:
                    raise
                await asyncio.sleep(0.1 * 2**attempt)
            else:
                return

    async def kill(self) -> None:
        """SIGKILL, and a new one."""
        await asyncio.to_thread(self.process.kill)
        await self.start()

    async def restart(self) -> None:
        """SIGTERM, and SIGKILL when it takes too long; then a new one."""
        await asyncio.to_thread(self._end)
        await self.start()

    def _end(self) -> None:
        try:
            self.process.terminate(12)
        except Exception:
            self.process.kill()
