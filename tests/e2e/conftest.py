"""One site with a server for all tests of worker processes: what costs time is to start it."""

from collections.abc import Iterator

import pytest

from tests.owner import Owner
from tests.processes import Site


@pytest.fixture(scope="session")
def _owner() -> Iterator[Owner]:
    with Site(JOB_HANDLERS="tests.handlers,tests.bad_handlers,tests.chaos.handlers", API_RATE="100000/min") as site:
        site.serve()
        yield Owner(site)


@pytest.fixture
def owner(_owner: Owner) -> Iterator[Owner]:
    """Return a user of a site with a server and without workers; what the test leaves is ended."""
    yield _owner
    for process in _owner.site.processes[1:]:
        process.kill()
    _owner.cancel_all()
