"""Requests that are given up while Redis answers them: no answer reaches anybody but who asked. FAULTS F40."""

import asyncio
import random
from contextlib import suppress

import httpx
import pytest

from tests.owner import Owner
from tests.processes import Site
from tests.proxy import Proxy

JOBS = 10
REQUESTS = 1000
AT_ONCE = 20


async def ask_and_give_up_a_thousand_times(*, without: str = "") -> None:
    """Ask for the logs of several jobs at once, and give up most of the requests while Redis answers."""
    with Site(API_RATE="100000/min") as site:
        assert site.valkey is not None
        with Proxy.before(site.valkey.url) as link:
            site.serve(without=without, REDIS_URL=link.url_through(site.valkey.url))
            worker = site.worker(REDIS_URL=site.valkey.url)
            owner = Owner(site)
            jobs = [owner.create(f"asked-{index}") for index in range(JOBS)]
            for job_id in jobs:
                await asyncio.to_thread(owner.until, job_id, state="completed")
            worker.terminate()
            link.delay(0.02, jitter_seconds=0.08)
            draw, answered, room = random.Random(40), 0, asyncio.Semaphore(AT_ONCE)
            headers = {"Authorization": f"Bearer {owner.token}"}
            async with httpx.AsyncClient(
                base_url=site.url, headers=headers, timeout=20, limits=httpx.Limits(max_connections=AT_ONCE)
            ) as client:

                async def ask(job_id: str) -> None:
                    nonlocal answered
                    answer = await client.get(f"/api/jobs/{job_id}/events")
                    if answer.status_code == 200:
                        assert {event["jobId"] for event in answer.json()["events"]} == {job_id}
                        answered += 1

                async def ask_and_give_up() -> None:
                    async with room:
                        with suppress(TimeoutError):
                            async with asyncio.timeout(draw.uniform(0, 1.5)):
                                await ask(draw.choice(jobs))

                await asyncio.gather(*(ask_and_give_up() for _ in range(REQUESTS)))
                assert 0 < answered < REQUESTS, "some are answered, some given up"
                link.heal()
                for job_id in jobs:
                    before = answered
                    await ask(job_id)
                    assert answered == before + 1


async def test_no_answer_crosses_to_another_request() -> None:
    await ask_and_give_up_a_thousand_times()


async def test_on_one_connection_for_all_answers_cross() -> None:
    with pytest.raises((AssertionError, httpx.HTTPError, KeyError)):
        await ask_and_give_up_a_thousand_times(without="own_connections")
