"""Service tokens: a program of the host acts for a user, and for nobody who is staff."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs.models import ServiceToken
from tests.api import Api

pytestmark = pytest.mark.usefixtures("redis")


@pytest.fixture
def token(db: None) -> str:
    out = StringIO()
    call_command("service_token", "shop", stdout=out)
    return out.getvalue().strip()


def test_it_creates_and_commands_jobs_in_the_name_of_a_user(token: str, ann: Any, bob: Any) -> None:
    service = Api(token=token, on_behalf_of="ann")
    status, job = service("POST", "/api/jobs", {"type": "test.echo", "jobId": "j1"})
    assert (status, job["owner"]) == (201, "ann")
    assert Api(ann)("GET", "/api/jobs/j1")[0] == 200
    assert [job["jobId"] for job in service("GET", "/api/jobs")[1]["results"]] == ["j1"]
    assert Api(token=token, on_behalf_of="bob")("GET", "/api/jobs/j1")[0] == 404
    assert service("POST", "/api/jobs/j1/cancel", {})[1]["state"] == "cancelled"


def test_it_acts_for_nobody_who_is_staff_inactive_or_unknown(token: str, ann: Any, staff: Any) -> None:
    type(ann).objects.filter(pk=ann.pk).update(is_active=False)
    for name in ("staff", "ann", "nobody", "", "ANN", "a" * 5000):
        assert Api(token=token, on_behalf_of=name)("POST", "/api/jobs", {"type": "test.echo"})[0] == 403
    assert Api(token=token)("GET", "/api/jobs")[0] == 403


def test_only_its_token_counts_and_only_at_jobs(token: str, ann: Any) -> None:
    assert Api(ann, on_behalf_of="staff")("POST", "/api/jobs", {"type": "test.echo"})[1]["owner"] == "ann"
    for path in ("/api/auth/ticket", "/api/worker/heartbeat"):
        assert Api(token=token, on_behalf_of="ann")("POST", path, {})[0] == 401
    for other in ("service_", "service_x", token + "x", token.upper()):
        assert Api(token=other, on_behalf_of="ann")("GET", "/api/jobs")[0] == 401


def test_it_is_revoked_and_kept_as_a_hash(token: str, ann: Any) -> None:
    assert token not in str(ServiceToken.objects.values())
    assert Api(token=token, on_behalf_of="ann")("GET", "/api/jobs")[0] == 200
    assert ServiceToken.objects.get().used_at
    for _ in range(2):
        call_command("service_token", "shop", revoke=True, stdout=StringIO())
    assert Api(token=token, on_behalf_of="ann")("GET", "/api/jobs")[0] == 401


@pytest.mark.parametrize(("name", "options"), [("nobody", {"revoke": True}), ("shop", {}), ("", {}), ("x" * 101, {})])
def test_what_the_command_refuses(token: str, name: str, options: Any) -> None:
    with pytest.raises(CommandError):
        call_command("service_token", name, stdout=StringIO(), **options)
