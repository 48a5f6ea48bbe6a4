"""The same empty job for procrastinate, which keeps its queue in PostgreSQL."""

import os

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

app = App(connector=PsycopgConnector(conninfo=os.environ["BENCH_POSTGRES_URL"]))
sync_app = App(connector=SyncPsycopgConnector(conninfo=os.environ["BENCH_POSTGRES_URL"]))


@app.task(name="bench.empty")  # type: ignore[untyped-decorator]
def empty() -> None:
    """Do nothing."""
