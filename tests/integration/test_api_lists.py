"""`GET /api/jobs`: what a list can be narrowed to, in which orders, and pages that stay whole whatever comes and goes."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs import transitions
from jobs.api.pages import Cursor
from jobs.models import Job, searchable
from jobs.transitions import NewJob
from tests.api import Api

pytestmark = pytest.mark.usefixtures("redis")


def create(owner: Any, job_id: str, **body: Any) -> Job:
    return transitions.create(owner, NewJob(**{"type": "test.echo", "job_id": job_id, **body}))[0]


def ids(user: Any, query: str = "") -> list[str]:
    status, page = Api(user)("GET", f"/api/jobs?{query}")
    assert status == 200, page
    return [job["jobId"] for job in page["results"]]


def walk(user: Any, query: str, *, link: str = "next") -> Iterator[list[str]]:
    """Yield page after page, by the links."""
    api, path = Api(user), f"/api/jobs?{query}"
    while path:
        _, page = api("GET", path)
        yield [job["jobId"] for job in page["results"]]
        path = (page[link] or "").partition("testserver")[2]


def test_by_state_and_type(ann: Any) -> None:
    for job_id, type in (("a", "test.echo"), ("b", "test.wait"), ("c", "test.fail")):
        create(ann, job_id, type=type)
    transitions.command("a", "cancel", actor=ann)
    transitions.command("b", "pause", actor=ann)
    assert ids(ann, "state=cancelled") == ["a"]
    assert ids(ann, "state=paused,created") == ids(ann, "state=paused&state=created") == ["c", "b"]
    assert ids(ann, "type=test.fail") == ["c"]
    assert ids(ann, "type=test.fail,test.wait&state=paused") == ["b"]
    assert ids(ann, "state=&type=") == ["c", "b", "a"]


def test_by_the_time_of_creation(ann: Any) -> None:
    now = timezone.now()
    for days in (1, 2, 3):
        create(ann, f"d{days}")
        Job.objects.filter(pk=f"d{days}").update(created_at=now - timedelta(days=days))

    def at(days: float) -> str:
        return (now - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")

    assert ids(ann, f"createdAfter={at(1.5)}") == ["d1"]
    assert ids(ann, f"createdBefore={at(1.5)}") == ["d2", "d3"]
    assert ids(ann, f"createdAfter={at(2.5)}&createdBefore={at(1.5)}") == ["d2"]


def test_a_search_finds_all_words_in_id_type_and_query(ann: Any, bob: Any) -> None:
    create(ann, "invoice-17", query="Größe der ÄRA, 100% _sure_")
    create(ann, "other", query="Groesse", type="test.wait")
    create(bob, "bobs", query="Größe")
    assert ids(ann, "search=GRÖSSE") == ["invoice-17"]
    assert ids(ann, "search=ära+größe") == ["invoice-17"]
    assert ids(ann, "search=ära+groesse") == []
    assert ids(ann, "search=voice-1") == ["invoice-17"]
    assert ids(ann, "search=test.wait") == ["other"]
    assert ids(ann, "search=%25") == ["invoice-17"]
    assert ids(ann, "search=_") == ["invoice-17"]
    assert ids(ann, "search=") == ["other", "invoice-17"]


def test_a_job_that_was_there_before_searches_were_is_found(ann: Any) -> None:
    from django.apps import apps
    from django.utils.module_loading import import_string

    create(ann, "old", query="From before")
    Job.objects.update(search_text="")
    import_string("jobs.migrations.0006_job_search.fill")(apps, None)
    assert Job.objects.get().search_text == searchable("old", "test.echo", "From before")


def test_what_is_deleted_is_not_listed_and_not_found(ann: Any) -> None:
    create(ann, "gone", query="secret")
    transitions.command("gone", "cancel", actor=ann)
    transitions.delete("gone", actor=ann)
    assert ids(ann) == ids(ann, "search=secret") == []
    assert Job.with_deleted.get().search_text == ""


@pytest.mark.parametrize("ordering", ["", "createdAt", "-createdAt", "priority", "-priority"])
def test_pages_are_whole_in_every_order_and_both_ways(ann: Any, ordering: str) -> None:
    same = timezone.now()
    for number in range(7):
        create(ann, f"j{number}", priority=number % 3)
    Job.objects.filter(pk__in=["j2", "j3", "j4"]).update(created_at=same)  # an id decides then
    query = f"pageSize=2&ordering={ordering}"
    pages = list(walk(ann, query))
    expected = ids(ann, f"ordering={ordering}")
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    assert [job_id for page in pages for job_id in page] == expected
    keys = {"createdAt": "created_at", "priority": "priority"}
    column = keys[ordering.removeprefix("-") or "createdAt"]
    rows = {job.pk: (getattr(job, column), job.pk) for job in Job.objects.all()}
    assert expected == sorted(rows, key=rows.__getitem__, reverse=not ordering or ordering.startswith("-"))

    _, second = Api(ann)("GET", Api(ann)("GET", f"/api/jobs?{query}")[1]["next"].partition("testserver")[2])
    back = list(walk(ann, second["previous"].partition("?")[2], link="previous"))
    assert back == [pages[0]]


def test_pages_stay_the_same_while_jobs_come_and_go(ann: Any) -> None:
    for number in range(6):
        create(ann, f"j{number}")
    pages = walk(ann, "pageSize=2")
    assert next(pages) == ["j5", "j4"]
    create(ann, "later")
    for job_id in ("j4", "j2"):  # the row that the link stands at goes, too
        transitions.command(job_id, "cancel", actor=ann)
        transitions.delete(job_id, actor=ann)
    assert list(pages) == [["j3", "j1"], ["j0"]]


def test_a_page_keeps_its_filters(ann: Any) -> None:
    for number in range(4):
        create(ann, f"j{number}", query="odd" if number % 2 else "even")
    assert list(walk(ann, "pageSize=1&search=odd")) == [["j3"], ["j1"]]


def cursor(*words: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(words).encode()).rstrip(b"=").decode()


NOW = "2026-01-01T00:00:00+00:00"
BAD = {
    "state": ["running,bogus", "RUNNING", "x" * 300],
    "type": ["x" * 2000],
    "createdAfter": ["yesterday", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00%2B14:00", "NaN"],
    "createdBefore": ["", "1763740000123", "99999-01-01T00:00:00Z"],
    "search": ["x" * 300, "a%00b"],
    "ordering": ["user__password", "owner__password", "?", "-", "--createdAt", "createdAt,priority", "updated_at", "1;DROP"],
    "pageSize": ["0", "-1", "1.5", "x", "１", "9" * 40],
    "cursor": [
        "x", "%00", "e30", "W10", "ü", "A" * 3000, cursor("createdAt", NOW, "j", False), cursor("-createdAt", NOW, "j", 1),
        cursor("-createdAt", 5, "j", False), cursor("-createdAt", NOW, ["j"], False),
        cursor("-createdAt", "2026-99-01T00:00:00Z", "j", False), cursor("-createdAt", NOW, "j\0", False),
        cursor("-createdAt", "0001-01-01T00:00:00+14:00", "j", False), cursor("-createdAt", NOW, "\ud800", False),
    ],
}  # fmt: skip


def test_what_no_list_can_be_asked_is_refused_by_name(ann: Any) -> None:
    create(ann, "j1")
    for name, values in BAD.items():
        for value in values:
            status, problem = Api(ann)("GET", f"/api/jobs?{name}={value}")
            assert (status, list(problem.get("errors", []))) == (400, [name]), value


def test_a_priority_beyond_the_column_is_no_cursor(ann: Any) -> None:
    for value in (2**31, True, "1", None, 1.5):
        assert Api(ann)("GET", f"/api/jobs?ordering=priority&cursor={cursor('priority', value, 'j', False)}")[0] == 400


def test_what_a_list_does_not_know_changes_nothing(ann: Any, bob: Any) -> None:
    create(ann, "hers")
    create(bob, "his")
    for query in ("owner=bob", "owner__username=bob", "user=2", "pageSize=1000000000", "format=api", "id=his"):
        assert ids(ann, query) == ["hers"]
    mine = Cursor(ordering="-createdAt", value=timezone.now(), job_id="his").encode()
    assert ids(ann, f"cursor={mine}") == ["hers"]


def test_the_turn_of_a_waiting_job_is_changed_by_patch(ann: Any) -> None:
    api = Api(ann)
    create(ann, "j1")
    status, job = api("PATCH", "/api/jobs/j1", {"runAt": "2999-01-01T00:00:00+01:00", "priority": 3})
    assert (status, job["runAt"], job["priority"]) == (200, "2998-12-31T23:00:00.000Z", 3)
    assert api("PATCH", "/api/jobs/j1", {"runAt": None})[1]["runAt"] is None
    for value in ("soon", 5, "9999-12-31T23:59:59-14:00"):
        status, problem = api("PATCH", "/api/jobs/j1", {"runAt": value})
        assert (status, list(problem["errors"])) == (400, ["runAt"])
    transitions.command("j1", "cancel", actor=ann)
    assert api("PATCH", "/api/jobs/j1", {"runAt": None})[0] == 409
