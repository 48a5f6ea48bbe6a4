"""One site with a server for all tests of worker processes: what costs time is to start it."""

from collections.abc import Iterator

import pytest

from tests.owner import Owner
from tests.processes import Site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes a minute by itself, so that the others go on beside it."""
    items.sort(key=lambda item: item.path.name != "test_soak.py")


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
