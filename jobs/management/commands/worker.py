"""`manage.py worker`: runs jobs until SIGTERM or Ctrl-C."""

import asyncio
import os
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs.handlers import registry
from jobs.worker import JobWorker


class Command(BaseCommand):
    """Run jobs."""

    help = "Run jobs. SIGTERM: claim no more, let runs end within the grace; again: put them back at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--concurrency", type=int, default=10, help="how many jobs run at once (10)")
        parser.add_argument("--types", default="", help="comma-separated types of jobs; all that have a handler when left out")

    def handle(self, *args: Any, concurrency: int, types: str, **options: Any) -> None:
        """Check the options, then work."""
        known = registry.types()
        wanted = [name.strip() for name in types.split(",") if name.strip()] or known
        if unknown := sorted(set(wanted) - set(known)):
            raise CommandError(f"No handler for type {', '.join(unknown)}. There are handlers for: {', '.join(known)}.")
        if concurrency < 1:
            raise CommandError("--concurrency is at least 1.")
        asyncio.run(_work(wanted, concurrency))
        if any(thread.name.startswith("handler") and thread.is_alive() for thread in threading.enumerate()):
            os._exit(0)  # a blocking handler that was left behind would keep the process; its job is back in the queue


async def _work(types: list[str], concurrency: int) -> None:
    worker = JobWorker(types=types, concurrency=concurrency)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, worker.stop)
    await worker.run()
