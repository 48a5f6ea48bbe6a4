"""The same empty job for Celery: Redis as the broker, results in the database, a task is acknowledged when it is done."""

import os

from celery import Celery

app = Celery("bench", broker=os.environ["REDIS_URL"], backend=os.environ["BENCH_RESULTS_URL"])
app.conf.update(task_acks_late=True, task_default_queue="bench", broker_connection_retry_on_startup=True)


@app.task(name="bench.empty")  # type: ignore[untyped-decorator]
def empty() -> None:
    """Do nothing."""
