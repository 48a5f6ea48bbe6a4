"""Jobs over HTTP: create, read, list, command."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
from uuid6 import uuid7

from jobs.client.backoff import Backoff
from jobs.client.errors import JobsError, ServerUnreachable

CREATE_TRIES = 4
TRY_AGAIN = frozenset({502, 503, 504})
NO_CONTENT = 204
TIMEOUT_SECONDS = 15


class Rest:
    """The REST interface, as far as a client of the socket needs it."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=TIMEOUT_SECONDS)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def create(self, token: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create a job and return it. Tried again when the answer got lost: the id is chosen here, so there is one job all the same."""
        body = {"jobId": str(uuid7()), **body}
        backoff = Backoff(max_seconds=4)
        backoff.skip_first()
        for _ in range(CREATE_TRIES - 1):
            try:
                return await self.request(token, "POST", "/api/jobs", body)
            except ServerUnreachable:
                await asyncio.sleep(backoff.next())
        return await self.request(token, "POST", "/api/jobs", body)

    async def list(self, token: str, filters: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Go through the summaries of my jobs, newest first, page by page."""
        page = await self.request(token, "GET", "/api/jobs", params=filters)
        while True:
            for summary in page["results"]:
                yield summary
            if not page["next"]:
                return
            page = await self.request(token, "GET", page["next"])

    async def request(
        self, token: str, method: str, path: str, body: Any = None, *, params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make a request and return the answer. Raises JobsError, and ServerUnreachable when another try may help."""
        try:
            response = await self._http.request(
                method, path, json=body, params=params, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"}
            )
        except httpx.TransportError as error:
            raise ServerUnreachable(f"{self._http.base_url} does not answer: {error or type(error).__name__}") from error
        if response.status_code in TRY_AGAIN:
            raise ServerUnreachable(f"{self._http.base_url} answered {response.status_code}.")
        if response.status_code == NO_CONTENT:
            return {}
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if response.is_success and isinstance(answer, dict):
            return answer
        problem = answer if isinstance(answer, dict) else {}
        message = problem.get("detail") or f"{response.url} answered {response.status_code}: is this the address of the service?"
        raise JobsError(problem.get("code", "unexpected"), message, status=response.status_code, errors=problem.get("errors"))
