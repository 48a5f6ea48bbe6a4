"""What all tests share. The environment comes from `tests.environment`, a plugin that is loaded before Django."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection

from realtime.redis_client import breaker, client
from tests.environment import STATE_DIR
from tests.sockets import LiveServer

# Passwords are made to take long to try, and every test makes users.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, on SQLite, which locks no rows, the tests of what locked rows do."""
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        left_out = [item for item in items if item.get_closest_marker("locks_rows")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> None:
    """Have the users of tests in milliseconds: a good hash of a password takes a fifth of a second."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Have SQLite's test database in a file: threads share a database in memory under locks that no production has."""
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(STATE_DIR / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Before the test database is dropped, end the sessions that threads have left open in it."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture
def redis() -> Iterator[Any]:
    """Return a client of an empty Valkey."""
    client().flushall()
    breaker._failed = False
    yield client()
    client().flushall()


@pytest.fixture
def ann(db: None) -> Any:
    """Return a user."""
    return get_user_model().objects.create_user("ann", password="a-long-password")


@pytest.fixture
def bob(db: None) -> Any:
    """Return another user."""
    return get_user_model().objects.create_user("bob", password="a-long-password")


@pytest.fixture
def staff(db: None) -> Any:
    """Return a member of staff who may do everything."""
    return get_user_model().objects.create_superuser("staff", password="a-long-password")


@pytest.fixture
def live(transactional_db: None, redis: Any) -> Iterator[LiveServer]:
    """Return a real server in a thread of this process."""
    server = LiveServer()
    yield server
    server.stop()
